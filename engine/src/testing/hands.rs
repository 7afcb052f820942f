//! Delivering by hand: the steps of the engine one by one, without its tasks
//! and without a network, so that a test decides the order of all steps.

use std::{borrow::Cow, sync::Arc, time::Duration};

use signet_model::{
    AccountId, DeliveryId, EndpointId, Timestamp,
    delivery::{Attempt, Response},
    event::EventType,
};

use crate::{
    Engine,
    deliver::{
        Audience, Busy, Changes, Completion, CompletionResult, Decided, Incoming, LeasedDelivery,
        attempt::headers_of,
        claim_batch, commit_batch,
        endpoint_cache::Admission,
        ingest::{Accepted, IngestError, NewEvent},
        rests,
    },
    queue::{DueQueue, Queue},
    service::retention::Swept,
    testing::assert_adds_up,
};

/// Takes the steps of an engine that is not started.
#[derive(Debug)]
pub struct Hands<'a>(pub &'a Engine);

/// A leased delivery; the test alone decides its outcome. A crash is to drop it.
pub struct InFlight(LeasedDelivery, Cow<'static, str>);

impl std::fmt::Debug for InFlight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("InFlight").field(&self.0.id).finish()
    }
}

impl InFlight {
    fn new(delivery: LeasedDelivery) -> Self {
        Self(delivery, "an answer".into())
    }

    /// Its receiver answers with this body.
    #[must_use]
    pub fn answered(self, body: String) -> Self {
        Self(self.0, body.into())
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> EndpointId {
        self.0.endpoint.id
    }

    /// Its delivery.
    pub const fn delivery(&self) -> DeliveryId {
        self.0.id
    }

    /// The end of its lease.
    pub fn leased_until(&self) -> Option<Timestamp> {
        self.0.slot.leased().map(|leased| leased.until)
    }

    /// The number of attempts before.
    pub const fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// The number of those that failed in this round.
    pub const fn failures(&self) -> i32 {
        self.0.failures
    }
}

impl Hands<'_> {
    /// Takes an event in, as the writer does.
    pub async fn ingest(&self, event: NewEvent) -> (Result<Accepted, IngestError>, Vec<InFlight>) {
        self.admit(Incoming::new(event, Audience::Subscribers)).await
    }

    /// Takes several events in, in one commit.
    pub async fn ingest_together(&self, events: Vec<NewEvent>) -> (Vec<Result<Accepted, IngestError>>, Vec<InFlight>) {
        let incoming: Vec<_> = events.into_iter().map(|event| Incoming::new(event, Audience::Subscribers)).collect();
        let changes = Changes { events: incoming, ..Changes::default() };
        let committed = commit_batch(&self.0.0.delivery, &mut self.queue(), &changes, &[]).await.expect("an answer");
        let (answers, ready) = committed.stored.into_parts();
        (answers, ready.into_iter().map(InFlight::new).collect())
    }

    /// Takes a test event in, for one endpoint.
    pub async fn ingest_test(&self, account: AccountId, endpoint: EndpointId) -> (DeliveryId, Vec<InFlight>) {
        let now = self.0.0.clock.now();
        let id = DeliveryId::new(now, self.0.0.random.bytes());
        let event = NewEvent {
            account,
            body: crate::service::event_types::Catalogue::default().sample(&EventType::TASK_FAILED, now),
            idempotency: None,
            trace: None,
        };
        let (_, ready) = self.admit(Incoming::new(event, Audience::Test(endpoint, id))).await;
        (id, ready)
    }

    async fn admit(&self, incoming: Incoming) -> (Result<Accepted, IngestError>, Vec<InFlight>) {
        let changes = Changes { events: vec![incoming], ..Changes::default() };
        let committed = commit_batch(&self.0.0.delivery, &mut self.queue(), &changes, &[]).await.expect("an answer");
        let (mut answers, ready) = committed.stored.into_parts();
        (answers.remove(0), ready.into_iter().map(InFlight::new).collect())
    }

    fn queue(&self) -> Queue {
        self.0.0.delivery.queue.clone()
    }

    /// Claims all that is due, as the dispatcher does.
    pub async fn claim(&self) -> Vec<InFlight> {
        let context = &self.0.0.delivery;
        let mut in_flight = Vec::new();
        loop {
            let due = context.queue.due_queues(context.clock.now(), DueQueue::default(), 512).await.expect("queues");
            let due = context.lanes.with_room(due.iter().map(DueQueue::address));
            let claimed = claim_batch(context, &mut self.queue(), &due, &Busy::new()).await.expect("a claim");
            if claimed.endpoints == 0 {
                return in_flight;
            }
            in_flight.extend(claimed.deliveries.into_iter().map(InFlight::new));
        }
    }

    /// Has retention believe the clock, as sweeps every day until now would have done.
    pub async fn believe_the_clock(&self) {
        crate::service::retention::believe(&self.0.0, self.0.0.clock.now()).await.expect("recorded");
    }

    /// Sweeps as retention does, believing the clock; the ledger adds up before and after.
    pub async fn sweep(&self) -> Swept {
        assert_adds_up(self.0).await;
        self.believe_the_clock().await;
        let swept = self.0.sweep().await.expect("swept");
        assert_adds_up(self.0).await;
        swept
    }

    /// True if this process lets tests alone go out to an endpoint.
    pub fn is_closed(&self, account: AccountId, endpoint: EndpointId) -> bool {
        let admission = self.0.0.delivery.endpoint_cache.admission((account, endpoint), false, self.0.0.clock.now());
        matches!(admission, Admission::Refuse | Admission::Rest)
    }

    /// Records that the receiver answers with this status now.
    pub async fn finish(&self, in_flight: InFlight, status: u16) {
        let decided = self.judge(in_flight, status);
        commit_batch(&self.0.0.delivery, &mut self.queue(), &Changes::default(), &[decided]).await.expect("a record");
    }

    /// Records that the receiver answers with this status now, and asks to be left alone for a
    /// time.
    pub async fn finish_asking(&self, in_flight: InFlight, status: u16, wait: Duration) {
        let address = (in_flight.0.account, in_flight.endpoint());
        let decided = self.judge_asking(in_flight, status, Some(wait));
        if let Some(until) = decided.rest {
            rests::store_one(&self.0.0.delivery, address, until).await.expect("stored");
        }
        commit_batch(&self.0.0.delivery, &mut self.queue(), &Changes::default(), &[decided]).await.expect("a record");
    }

    /// The same of several, in one commit with an event that comes in.
    pub async fn finish_and_ingest(&self, ended: Vec<(InFlight, u16)>, event: NewEvent) -> Vec<InFlight> {
        let incoming = Incoming::new(event, Audience::Subscribers);
        let changes = Changes { events: vec![incoming], ..Changes::default() };
        let decided: Vec<_> = ended.into_iter().map(|(in_flight, status)| self.judge(in_flight, status)).collect();
        let committed =
            commit_batch(&self.0.0.delivery, &mut self.queue(), &changes, &decided).await.expect("an answer");
        committed.stored.into_parts().1.into_iter().map(InFlight::new).collect()
    }

    pub(crate) fn judge(&self, in_flight: InFlight, status: u16) -> Decided {
        self.judge_asking(in_flight, status, None)
    }

    fn judge_asking(&self, InFlight(mut ready, body): InFlight, status: u16, retry_after: Option<Duration>) -> Decided {
        let (context, now) = (&self.0.0.delivery, self.0.0.clock.now());
        let request_headers = match ready.endpoint.target.clone() {
            Ok(target) => {
                let trace = ready.trace.clone();
                headers_of(&ready.request(context, &target, trace), now)
            }
            // No attempt would have been made.
            Err(_) => Vec::new(),
        };
        let completion = Completion {
            account: ready.account,
            endpoint: ready.endpoint.id,
            delivery: ready.id,
            event_type: ready.event_type,
            is_test: ready.is_test,
            slot: ready.slot,
            attempts: ready.attempts,
            failures: ready.failures,
            result: CompletionResult::Attempted(Arc::new(Attempt {
                first_byte: Some(Duration::ZERO),
                request_headers,
                response: Some(Response {
                    status,
                    headers: vec![("Server".into(), "by hand".into())],
                    body: body.into(),
                    body_truncated: false,
                }),
                retry_after,
                ..Attempt::begun(ready.attempts.unsigned_abs() + 1, now)
            })),
        };
        Decided::new(context, completion)
    }
}
