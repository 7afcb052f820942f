//! An account with an endpoint at a receiver, and an engine by the hands of the test.

use std::time::Duration;

use signet_engine::{
    Engine,
    clock::ManualClock,
    service::{
        deliveries::{Delivery, DeliveryDetail, Filter},
        endpoints::{Endpoint, EndpointDraft, EndpointOptions},
    },
    testing::{Hands, InFlight, Receiver, TestDatabase, account, completed, engine, log},
};
use signet_model::{AccountId, DeliveryId, EndpointId, Subscriptions, time::Clock};

/// Far longer than any story here takes; only a defect reaches it.
const LIMIT: Duration = Duration::from_mins(1);

pub struct World {
    pub engine: Engine,
    pub clock: ManualClock,
    pub receiver: Receiver,
    pub account: AccountId,
    pub endpoint: EndpointId,
}

impl World {
    pub async fn new(database: &TestDatabase, options: EndpointOptions) -> Self {
        let receiver = Receiver::start().await;
        let (engine, clock) = engine(database, super::rests::settings(), vec![receiver.authority.clone()]);
        let account = account(&engine, "acme").await;
        let draft = EndpointDraft { options, ..EndpointDraft::new(receiver.url("webhooks"), Subscriptions::all()) };
        let secret = engine.new_secret();
        let endpoint = engine.as_operator_in(account).endpoints().create(draft, &secret).await.expect("an endpoint").id;
        Self { engine, clock, receiver, account, endpoint }
    }

    pub fn hands(&self) -> Hands<'_> {
        Hands(&self.engine)
    }

    pub async fn stored(&self) -> Endpoint {
        self.engine.as_operator_in(self.account).endpoint(self.endpoint).get().await.expect("the endpoint")
    }

    /// Takes an event in by hand; returns its deliveries that are attempted at once.
    pub async fn ingest(&self, task: &str) -> Vec<InFlight> {
        self.clock.advance(Duration::from_millis(1));
        let (answer, in_flight) = self.hands().ingest(completed(&self.engine, self.account, task)).await;
        assert_eq!(answer.expect("accepted").deliveries, 1);
        in_flight
    }

    /// Sends an event to the engine at work.
    pub async fn send(&self, task: &str) {
        // So that the log is in the order of the story.
        self.clock.advance(Duration::from_millis(1));
        self.engine.ingest(completed(&self.engine, self.account, task)).await.expect("accepted");
    }

    /// The deliveries of the endpoint, newest first.
    pub async fn log(&self) -> Vec<Delivery> {
        log(&self.engine, self.account, self.endpoint, &Filter::default(), 100).await
    }

    /// Waits until the delivery has had so many attempts, and none is under way.
    pub async fn attempted(&self, id: DeliveryId, attempts: usize) -> DeliveryDetail {
        let attempted = async {
            loop {
                let detail = self.engine.as_operator_in(self.account).delivery(id).await_attempt(LIMIT).await;
                let detail = detail.expect("a delivery");
                if detail.attempts.len() >= attempts && !detail.delivery.in_flight {
                    return detail;
                }
                self.engine.wake();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, attempted).await.expect("the attempt is recorded")
    }

    /// Moves the clock by this time.
    pub fn wait(&self, time: Duration) {
        self.clock.advance(time);
        self.engine.wake();
    }

    pub fn now(&self) -> signet_model::Timestamp {
        self.clock.now()
    }
}
