use signet_model::time::Clock;

use super::*;
use crate::{
    Engine, Running, Settings,
    clock::ManualClock,
    testing::{
        Arrival, Hands, Receiver, TestDatabase, account, completed, endpoint, endpoint_at, engine, on_each_database,
    },
};

/// Far longer than any story here takes; only a defect reaches it.
const LIMIT: Duration = Duration::from_mins(1);

/// A customer with a webhook, and the account of the operator with one at a receiver.
struct World<'a> {
    database: &'a TestDatabase,
    engine: Engine,
    clock: ManualClock,
    receiver: Receiver,
    customer: AccountId,
    webhook: EndpointId,
    hearing: AccountId,
}

impl<'a> World<'a> {
    async fn new(database: &'a TestDatabase) -> Self {
        let receiver = Receiver::start().await;
        let (engine, clock) = engine(database, Settings::default(), vec![receiver.authority.clone()]);
        let customer = account(&engine, "acme").await;
        let webhook = endpoint(&engine, customer).await;
        let hearing = account(&engine, "operations").await;
        endpoint_at(&engine, hearing, receiver.url("webhooks")).await;
        Self { database, engine, clock, receiver, customer, webhook, hearing }
    }

    async fn name_account(&self) {
        self.engine.name_operations_account("operations").await.expect("named");
    }

    /// An event of an account whose deliveries fail until they fail for good.
    async fn fail(&self, account: AccountId) {
        let hands = Hands(&self.engine);
        let mut in_flight = hands.ingest(completed(&self.engine, account, "task")).await.1;
        for _ in 0..6 {
            for one in in_flight {
                hands.finish(one, 503).await;
            }
            self.clock.advance(Duration::from_hours(5));
            in_flight = hands.claim().await;
        }
        assert!(in_flight.is_empty(), "the delivery has failed for good");
    }

    async fn notices(&self, of_type: &str) -> i64 {
        self.database.count(&format!("SELECT count(*) FROM operational_events WHERE event_type = '{of_type}'")).await
    }

    async fn all_notices(&self) -> i64 {
        self.database.count("SELECT count(*) FROM operational_events").await
    }

    /// Starts the engine, and waits until no notices are left.
    async fn send(&self) -> Running {
        let running = self.engine.start().expect("a new engine");
        let sending = async {
            while self.all_notices().await > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, sending).await.expect("the notices are sent");
        running
    }

    async fn end(self, running: Running) {
        running.stop(CancellationToken::new()).await;
        self.engine.close().await;
    }
}

fn body_of<'a>(arrivals: &'a [Arrival], event_type: &str) -> &'a str {
    let begin = format!(r#"{{"event":"{event_type}","#);
    &arrivals.iter().find(|it| it.body.starts_with(&begin)).unwrap_or_else(|| panic!("{event_type}: {arrivals:?}")).body
}

on_each_database!(the_operator_hears_of_a_webhook_that_fails_is_disabled_and_enabled_again);
async fn the_operator_hears_of_a_webhook_that_fails_is_disabled_and_enabled_again(database: TestDatabase) {
    let world = World::new(&database).await;
    world.name_account().await;
    world.fail(world.customer).await;
    world.engine.as_operator_in(world.customer).endpoint(world.webhook).enable().await.expect("enabled");
    let running = world.send().await;
    let arrivals = world.receiver.arrived(4).await;
    assert_eq!(arrivals.len(), 4, "{arrivals:?}");
    let about = format!(
        r#""accountId":"{}","accountName":"acme","endpointId":"{}","host":"127.0.0.1""#,
        world.customer, world.webhook
    );
    for (event_type, rest) in [
        ("signet.endpoint.failing", r#""eventType":"task.completed","reason":"http_503","timestamp":"#),
        ("signet.delivery.failed", r#""eventType":"task.completed","reason":"http_503","timestamp":"#),
        ("signet.endpoint.disabled", r#""eventType":"task.completed","reason":"retries_exhausted","timestamp":"#),
        ("signet.endpoint.enabled", r#""timestamp":"#),
    ] {
        let body = body_of(&arrivals, event_type);
        assert!(body.contains(&about) && body.contains(rest), "{body}");
        assert!(!body.contains("webhooks"), "the path may hold a secret: {body}");
    }
    world.end(running).await;
}

on_each_database!(a_webhook_is_told_of_once_between_two_successes);
async fn a_webhook_is_told_of_once_between_two_successes(database: TestDatabase) {
    let world = World::new(&database).await;
    world.name_account().await;
    let hands = Hands(&world.engine);
    let mut in_flight = hands.ingest(completed(&world.engine, world.customer, "first")).await.1;
    in_flight.extend(hands.ingest(completed(&world.engine, world.customer, "second")).await.1);
    for failures in 1..=3 {
        assert_eq!(world.notices("signet.endpoint.failing").await, 0, "{failures}");
        for one in in_flight {
            hands.finish(one, 500).await;
        }
        world.clock.advance(Duration::from_hours(1));
        in_flight = hands.claim().await;
    }
    assert_eq!(world.notices("signet.endpoint.failing").await, 1);

    // Another process, which remembers none.
    let (other, clock) = engine(&database, Settings::default(), Vec::new());
    clock.advance(world.clock.now().since(clock.now()));
    other.name_operations_account("operations").await.expect("named");
    let hands = Hands(&other);
    drop(in_flight);
    clock.advance(Duration::from_hours(1));
    for status in [200, 500] {
        let mut fails = hands.ingest(completed(&other, world.customer, "third")).await.1;
        if status == 200 {
            hands.finish(fails.remove(0), 200).await;
            continue;
        }
        for _ in 0..3 {
            for one in fails {
                hands.finish(one, status).await;
            }
            clock.advance(Duration::from_mins(11));
            fails = hands.claim().await;
        }
    }
    assert_eq!(world.notices("signet.endpoint.failing").await, 2, "again after a success");
}

on_each_database!(no_notices_are_kept_while_no_account_is_named);
async fn no_notices_are_kept_while_no_account_is_named(database: TestDatabase) {
    let world = World::new(&database).await;
    world.engine.name_operations_account("nobody").await.expect("the log says that there is none");
    world.fail(world.customer).await;
    world.engine.as_operator_in(world.customer).endpoint(world.webhook).enable().await.expect("enabled");
    assert_eq!(world.all_notices().await, 0);
}

on_each_database!(an_account_never_hears_of_its_own_webhooks);
async fn an_account_never_hears_of_its_own_webhooks(database: TestDatabase) {
    let world = World::new(&database).await;
    world.name_account().await;
    world.fail(world.hearing).await;
    assert_eq!(world.all_notices().await, 0);
}

on_each_database!(the_notices_for_an_erased_account_are_dropped);
async fn the_notices_for_an_erased_account_are_dropped(database: TestDatabase) {
    let world = World::new(&database).await;
    world.name_account().await;
    let webhook = world.engine.as_operator_in(world.customer).endpoint(world.webhook);
    webhook.pause().await.expect("paused");
    assert_eq!(world.notices("signet.endpoint.disabled").await, 1);
    world.engine.as_operator_in(world.hearing).erase().await.expect("erased");
    let running = world.send().await;
    webhook.enable().await.expect("enabled");
    assert_eq!(world.all_notices().await, 0, "none are kept any more");
    assert_eq!(database.count("SELECT count(*) FROM events").await, 0);
    world.end(running).await;
}

on_each_database!(a_notice_whose_event_is_stored_is_not_sent_again);
async fn a_notice_whose_event_is_stored_is_not_sent_again(database: TestDatabase) {
    let world = World::new(&database).await;
    world.name_account().await;
    world.engine.as_operator_in(world.customer).endpoint(world.webhook).pause().await.expect("paused");
    database.run("CREATE TABLE kept AS SELECT * FROM operational_events").await;
    let running = world.send().await;
    // As if the process had died before it removed the notice.
    database.run("INSERT INTO operational_events SELECT * FROM kept").await;
    send_all(&world.engine.0, world.hearing).await.expect("sent");
    assert_eq!(world.all_notices().await, 0);
    assert_eq!(database.count("SELECT count(*) FROM events").await, 1);
    world.end(running).await;
}

on_each_database!(an_account_with_many_notices_keeps_no_other_waiting);
async fn an_account_with_many_notices_keeps_no_other_waiting(database: TestDatabase) {
    let world = World::new(&database).await;
    world.name_account().await;
    let webhook = world.engine.as_operator_in(world.customer).endpoint(world.webhook);
    for _ in 0..15 {
        webhook.pause().await.expect("paused");
        webhook.enable().await.expect("enabled");
    }
    // So that the engine's own sender rests.
    world.engine.0.delivery.operations.set_account(None);
    let running = world.engine.start().expect("a new engine");
    send_some(&world.engine.0, world.hearing, world.customer).await.expect("sent");
    assert_eq!(world.all_notices().await, 30 - TURN, "then it is the turn of another account");
    world.end(running).await;
}

on_each_database!(the_account_that_hears_alone_sees_the_operational_types);
async fn the_account_that_hears_alone_sees_the_operational_types(database: TestDatabase) {
    let world = World::new(&database).await;
    world.name_account().await;
    let sees = async |account| {
        let catalogue = world.engine.event_types().seen_by(account).await.expect("a catalogue");
        catalogue.active().filter(|entry| entry.name.as_str().starts_with("signet.")).count()
    };
    assert_eq!((sees(world.hearing).await, sees(world.customer).await), (4, 0));
}
