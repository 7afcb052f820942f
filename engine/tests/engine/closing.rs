//! A delivery that waits in a lane goes by the state that its endpoint has when the
//! attempt begins.

use std::{sync::Arc, time::Duration};

use signet_engine::{
    Engine, Running, Settings,
    db::Database,
    deliver::ingest::NewEvent,
    service::{
        deliveries::Filter,
        endpoints::{Endpoint, EndpointDraft},
    },
    testing::{Hands, Receiver, TestDatabase, account, completed, engine, on_each_database},
};
use signet_model::{AccountId, Subscriptions, delivery::State};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Attempts that are under way at the same time.
const UNDER_WAY: usize = 2;
/// Events in all: the others wait in the lane.
const EVENTS: usize = 40;
/// Far longer than any story here takes; only a defect reaches it.
const LIMIT: Duration = Duration::from_mins(1);

/// An engine in the middle of a burst, at a receiver that has not answered yet.
struct Burst {
    engine: Engine,
    running: Running,
    receiver: Receiver,
    gate: Arc<Semaphore>,
    account: AccountId,
    endpoint: Endpoint,
}

impl Burst {
    /// Every request is answered with this status, once the gate is opened.
    async fn begin(database: &TestDatabase, status: u16) -> Self {
        let receiver = Receiver::start().await;
        let settings = Settings { max_in_flight_per_endpoint: UNDER_WAY, ..Settings::default() };
        let (engine, _) = engine(database, settings, vec![receiver.authority.clone()]);
        let running = engine.start().expect("a new engine");
        let account = account(&engine, "acme").await;
        let endpoint = engine
            .as_operator_in(account)
            .endpoints()
            .create(draft(&receiver, "before"), &engine.new_secret())
            .await
            .expect("an endpoint");
        let gate = Arc::new(Semaphore::new(0));
        let closed = Arc::clone(&gate);
        receiver.answer_by(move |_| {
            let gate = Arc::clone(&closed);
            async move { gate.acquire().await.map_or(500, |_| status) }
        });
        let events: Vec<NewEvent> = (0..EVENTS).map(|n| completed(&engine, account, &n.to_string())).collect();
        assert!(engine.ingest_batch(events).await.iter().all(Result::is_ok));
        receiver.arrived(UNDER_WAY).await;
        Self { engine, running, receiver, gate, account, endpoint }
    }

    /// Lets the receiver answer, and waits until no delivery is pending; returns how many
    /// deliveries have these states.
    async fn settle(&self, states: [State; 2]) -> [usize; 2] {
        self.gate.add_permits(EVENTS);
        let settling = async {
            while self.count(State::Pending).await > 0 {
                self.engine.wake();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, settling).await.expect("nothing is pending");
        [self.count(states[0]).await, self.count(states[1]).await]
    }

    async fn count(&self, state: State) -> usize {
        let filter = Filter { state: Some(state), ..Filter::default() };
        self.engine
            .as_operator_in(self.account)
            .endpoint(self.endpoint.id)
            .log(&filter, None, 100)
            .await
            .expect("the log")
            .deliveries
            .len()
    }

    async fn end(self) {
        assert!(self.engine.check().await.expect("a ledger").is_clean());
        self.running.stop(CancellationToken::new()).await;
        self.engine.close().await;
    }
}

fn draft(receiver: &Receiver, path: &str) -> EndpointDraft {
    EndpointDraft::new(receiver.url(path), Subscriptions::all())
}

on_each_database!(deliveries_that_wait_for_a_receiver_that_says_gone_are_held);
async fn deliveries_that_wait_for_a_receiver_that_says_gone_are_held(database: TestDatabase) {
    let burst = Burst::begin(&database, 410).await;
    assert_eq!(burst.settle([State::Failed, State::Held]).await, [UNDER_WAY, EVENTS - UNDER_WAY]);
    assert_eq!(burst.receiver.arrivals().len(), UNDER_WAY);
    burst.end().await;
}

on_each_database!(deliveries_that_wait_for_a_paused_webhook_are_held);
async fn deliveries_that_wait_for_a_paused_webhook_are_held(database: TestDatabase) {
    let burst = Burst::begin(&database, 200).await;
    burst.engine.as_operator_in(burst.account).endpoint(burst.endpoint.id).pause().await.expect("paused");
    assert_eq!(burst.settle([State::Delivered, State::Held]).await, [UNDER_WAY, EVENTS - UNDER_WAY]);
    assert_eq!(burst.receiver.arrivals().len(), UNDER_WAY);
    burst.end().await;
}

on_each_database!(deliveries_that_wait_for_a_webhook_go_to_its_corrected_url);
async fn deliveries_that_wait_for_a_webhook_go_to_its_corrected_url(database: TestDatabase) {
    let burst = Burst::begin(&database, 200).await;
    let corrected = draft(&burst.receiver, "after");
    burst.engine.as_operator_in(burst.account).endpoint(burst.endpoint.id).update(corrected).await.expect("changed");
    assert_eq!(burst.settle([State::Delivered, State::Held]).await, [EVENTS, 0]);
    let before = burst.receiver.arrivals().iter().filter(|arrival| arrival.path == "/before").count();
    assert_eq!(before, UNDER_WAY);
    burst.end().await;
}

on_each_database!(a_change_by_another_process_is_heard_of);
async fn a_change_by_another_process_is_heard_of(database: TestDatabase) {
    let burst = Burst::begin(&database, 200).await;
    // On SQLite there is no other process that serves.
    if !matches!(database.db, Database::Postgres(_)) {
        burst.gate.add_permits(EVENTS);
        burst.end().await;
        return;
    }
    let (other, _) = engine(&database, Settings::default(), Vec::new());
    other.as_operator_in(burst.account).endpoint(burst.endpoint.id).pause().await.expect("paused");
    let heard = async {
        while !Hands(&burst.engine).is_closed(burst.account, burst.endpoint.id) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, heard).await.expect("the notification arrives");
    assert_eq!(burst.settle([State::Delivered, State::Held]).await, [UNDER_WAY, EVENTS - UNDER_WAY]);
    burst.end().await;
}
