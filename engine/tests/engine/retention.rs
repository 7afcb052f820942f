//! Retention removes bodies first and rows later, of closed deliveries only.

use std::time::Duration;

use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    deliver::ingest::{Idempotency, NewEvent},
    retention::{KEEP_KEYS, Swept},
    service::{Error, deliveries::ResendError, removal::Removed},
    testing::{Hands, TestDatabase, account, completed, discard, endpoint, engine, on_each_database, owner},
};
use signet_model::{AccountId, DeliveryId, EndpointId, Subscriptions, delivery::State, retry::Schedule, time::Clock};

const DAY: Duration = Duration::from_hours(24);
const MOMENT: Duration = Duration::from_micros(1);

struct World {
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
    endpoint: EndpointId,
}

impl World {
    async fn new(database: &TestDatabase) -> Self {
        let settings = Settings {
            schedule: Schedule::new(vec![Duration::from_secs(30)], 0),
            keep_bodies: 30 * DAY,
            keep_deliveries: 90 * DAY,
            ..Settings::default()
        };
        let (engine, clock) = engine(database, settings, Vec::new());
        let account = account(&engine, "acme").await;
        let endpoint = endpoint(&engine, account).await;
        Self { engine, clock, account, endpoint }
    }

    /// Takes an event in; its one delivery is answered with these statuses.
    async fn deliver(&self, task: &str, statuses: &[u16]) -> DeliveryId {
        let hands = Hands(&self.engine);
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = Some(std::sync::Arc::new(parent.parse().expect("a trace")));
        let event = NewEvent { trace, ..completed(&self.engine, self.account, task) };
        let mut in_flight = hands.ingest(event).await.1;
        let id = in_flight[0].delivery();
        for (number, &status) in statuses.iter().enumerate() {
            if number > 0 {
                self.clock.advance(Duration::from_secs(30));
                in_flight = hands.claim().await;
            }
            hands.finish(in_flight.remove(0), status).await;
        }
        self.clock.advance(MOMENT);
        id
    }

    async fn state(&self, id: DeliveryId) -> Option<State> {
        match self.engine.as_operator_in(self.account).delivery(id).get().await {
            Ok(detail) => Some(detail.delivery.state),
            Err(Error::DeliveryNotFound) => None,
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn has_body(&self, id: DeliveryId) -> bool {
        self.engine.as_operator_in(self.account).delivery(id).get().await.expect("a delivery").body.is_some()
    }
}

on_each_database!(bodies_go_first_and_rows_later);
async fn bodies_go_first_and_rows_later(database: TestDatabase) {
    let world = World::new(&database).await;
    let delivered = world.deliver("delivered", &[200]).await;
    let accepted_at = world.clock.now();
    let failed = world.deliver("failed", &[500, 500]).await;
    assert_eq!(world.state(failed).await, Some(State::Failed));
    world.clock.advance((30 * DAY).saturating_sub(world.clock.now().since(accepted_at)));

    let swept = Hands(&world.engine).sweep().await;
    assert_eq!(swept, Swept { bodies: 1, ..Swept::default() }, "the second is not older than 30 days, but just so old");
    world.clock.advance(MOMENT);
    assert_eq!(Hands(&world.engine).sweep().await.bodies, 1);
    assert_eq!(Hands(&world.engine).sweep().await, Swept::default());
    for (id, statuses) in [(delivered, vec![200]), (failed, vec![500, 500])] {
        let detail = world.engine.as_operator_in(world.account).delivery(id).get().await.expect("a delivery");
        assert_eq!(detail.body, None);
        let answers: Vec<_> = detail.attempts.iter().filter_map(|it| it.response.clone()).collect();
        assert_eq!(answers.iter().map(|it| it.status).collect::<Vec<_>>(), statuses);
        assert!(answers.iter().all(|it| it.body.is_empty() && it.headers.is_empty()));
        assert!(detail.attempts.iter().all(|it| it.request_headers.is_empty()));
    }
    assert_eq!(database.count("SELECT count(*) FROM events WHERE trace_context IS NOT NULL").await, 0);
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).enable().await.expect("enabled");
    assert!(matches!(
        world.engine.as_operator_in(world.account).delivery(failed).resend().await,
        Err(ResendError::BodyGone)
    ));
    let recoverable = world
        .engine
        .as_operator_in(world.account)
        .endpoint(world.endpoint)
        .recoverable(accepted_at, &Subscriptions::all())
        .await;
    assert_eq!(recoverable.expect("a count").counted, 0);

    world.clock.advance(60 * DAY);
    let removed = Removed { events: 2, deliveries: 2, attempts: 3 };
    assert_eq!(Hands(&world.engine).sweep().await, Swept { removed, bodies: 0 });
    assert_eq!((world.state(delivered).await, world.state(failed).await), (None, None));
    assert_eq!(world.engine.check().await.expect("a ledger").events, 0);
}

on_each_database!(open_deliveries_stay_whole_however_old_they_are);
async fn open_deliveries_stay_whole_however_old_they_are(database: TestDatabase) {
    let world = World::new(&database).await;
    let pending = world.deliver("pending", &[500]).await;
    let paused = endpoint(&world.engine, world.account).await;
    world.engine.as_operator_in(world.account).endpoint(paused).pause().await.expect("paused");
    // Delivered to the one endpoint, held for the other.
    let delivered = world.deliver("both", &[200]).await;
    world.clock.advance(1_000 * DAY);
    assert_eq!(Hands(&world.engine).sweep().await, Swept::default());
    assert!(world.has_body(pending).await && world.has_body(delivered).await);

    let all = Subscriptions::all();
    let discarded = discard(&world.engine, world.account, paused, &all).await;
    assert_eq!(discarded.expect("discarded"), 1);
    let removed = Removed { events: 1, deliveries: 2, attempts: 1 };
    assert_eq!(Hands(&world.engine).sweep().await, Swept { removed, bodies: 0 });

    let mut claimed = Hands(&world.engine).claim().await;
    Hands(&world.engine).finish(claimed.remove(0), 200).await;
    assert_eq!(Hands(&world.engine).sweep().await.removed, Removed { events: 1, deliveries: 1, attempts: 2 });
    assert_eq!(world.state(pending).await, None);
}

on_each_database!(more_than_fits_into_one_transaction_goes_as_well);
async fn more_than_fits_into_one_transaction_goes_as_well(database: TestDatabase) {
    const EVENTS: u64 = 650;
    let world = World::new(&database).await;
    for _ in 0..EVENTS {
        world.clock.advance(MOMENT);
        let in_flight = Hands(&world.engine).ingest(completed(&world.engine, world.account, "task")).await.1;
        for one in in_flight {
            Hands(&world.engine).finish(one, 200).await;
        }
    }
    world.clock.advance(30 * DAY + MOMENT);
    assert_eq!(Hands(&world.engine).sweep().await, Swept { bodies: EVENTS, ..Swept::default() });
    world.clock.advance(60 * DAY);
    let removed = Removed { events: EVENTS, deliveries: EVENTS, attempts: EVENTS };
    assert_eq!(Hands(&world.engine).sweep().await, Swept { removed, bodies: 0 });
}

on_each_database!(a_repeated_request_is_recognised_for_a_day);
async fn a_repeated_request_is_recognised_for_a_day(database: TestDatabase) {
    let world = World::new(&database).await;
    let keyed = || NewEvent {
        idempotency: Some(Idempotency { key: "k".into(), request_hash: [1; 32] }),
        ..completed(&world.engine, world.account, "task")
    };
    let hands = Hands(&world.engine);
    let (first, mut in_flight) = hands.ingest(keyed()).await;
    hands.finish(in_flight.remove(0), 200).await;
    world.clock.advance(KEEP_KEYS);
    Hands(&world.engine).sweep().await;
    let again = hands.ingest(keyed()).await.0.expect("an answer");
    assert_eq!((again.replayed, Ok(again.id)), (true, first.map(|it| it.id)));
    world.clock.advance(MOMENT);
    Hands(&world.engine).sweep().await;
    assert!(!hands.ingest(keyed()).await.0.expect("an answer").replayed);
}

on_each_database!(sessions_and_links_that_have_ended_are_removed);
async fn sessions_and_links_that_have_ended_are_removed(database: TestDatabase) {
    let world = World::new(&database).await;
    owner(&world.engine, world.account, "ada@example.com").await;
    world.engine.as_operator_in(world.account).create_setup_link().await.expect("a link");
    let rows = || async {
        (
            database.count("SELECT count(*) FROM sessions").await,
            database.count("SELECT count(*) FROM invitations").await,
        )
    };
    Hands(&world.engine).sweep().await;
    assert_eq!(rows().await, (1, 1));
    world.clock.advance(Settings::default().session_lifetime);
    Hands(&world.engine).sweep().await;
    assert_eq!(rows().await, (0, 0));
}
