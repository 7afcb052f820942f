//! Ingesting: a bounded channel of requests to the writer, each of which is answered once
//! its events are durable.

use std::{borrow::Cow, sync::Arc, time::Duration};

use signet_model::{AccountId, DeliveryId, EndpointId, EventId, event::EventBody, trace::TraceContext};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::{
    Context,
    balances::BalanceUpdate,
    endpoint_cache::{EndpointCache, Snapshot},
    filters::Judgements,
    reply::{Answer, ReplyTo, replies},
    request_queue::WriteRequest,
    tally, traces,
};

/// Requests that may wait to be stored. The next one is answered with `Overloaded`.
const INGEST_REQUESTS_MAX: usize = 2_048;
/// Bytes of the requests that wait, those of the commit under way included.
const INGEST_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The time that a request waits for its first answer, and for each next one. It covers the
/// commit under way and the request's own.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);
/// Memory of an event beside its body, roughly.
const OVERHEAD_BYTES: usize = 512;

/// An event to be ingested for an existing account.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The account of the event.
    pub account: AccountId,
    /// The body to be delivered.
    pub body: EventBody,
    /// The producer's idempotency key, if the request has one.
    pub idempotency: Option<Idempotency>,
    /// The trace that the producer's request belongs to. A repeated request may have another one;
    /// that of the first is kept.
    pub trace: Option<Arc<TraceContext>>,
}

/// Recognises a repeated request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The key, at most 255 characters.
    pub key: String,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
}

/// The answer to an accepted event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: EventId,
    /// The number of its deliveries.
    pub deliveries: u32,
    /// This repeats the answer to an earlier request.
    pub replayed: bool,
}

/// The reason for which an event was not ingested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// The key was used for another request.
    #[error("This idempotency key was used for another request.")]
    KeyReused,
    /// The key was used before, and the first answer cannot be read any more.
    #[error("The first answer to this idempotency key cannot be read any more. Send a new key.")]
    AnswerUnreadable,
    /// The store cannot keep up; try again a little later.
    #[error("Too many events are waiting to be stored.")]
    Overloaded,
    /// The limit of test events under way has been reached.
    #[error("{0} test events are under way. Wait until one of them has ended, and send another.")]
    TestsUnderWay(usize),
    /// The context is stopping.
    #[error("The server is stopping.")]
    Stopping,
    /// There is no such account.
    #[error("There is no such account.")]
    UnknownAccount,
    /// The account is suspended.
    #[error("The operator of this service has suspended the account. It takes no events until it is resumed.")]
    Suspended,
    /// The store failed.
    #[error("The event could not be stored.")]
    Store,
}

/// The endpoints that get an event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Audience {
    /// Every endpoint that subscribes to its type.
    Subscribers,
    /// Likewise, for an event that the service makes itself: a suspended account gets it, too.
    SubscribersOfOwn,
    /// One endpoint, as a test whose delivery has this id.
    Test(EndpointId, DeliveryId),
}

/// An event on its way into the store.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) event: NewEvent,
    pub(crate) audience: Audience,
    /// The filters that were judged before it reached the writer.
    pub(super) judgements: Judgements,
}

impl Incoming {
    /// An event for this audience.
    pub(crate) fn new(event: NewEvent, audience: Audience) -> Self {
        Self { event, audience, judgements: Judgements::default() }
    }

    /// Judges the filters of its account, as the cache has them. Returns `true` if there were
    /// some.
    fn judge_filters(&mut self, endpoints: &EndpointCache) -> bool {
        let view = match self.audience {
            Audience::Subscribers | Audience::SubscribersOfOwn => endpoints.peek(self.event.account),
            Audience::Test(..) => None,
        };
        let Some(view) = view else { return false };
        match view.judged(&self.judgements, &self.event.body) {
            Cow::Borrowed(_) => false,
            Cow::Owned(judgements) => {
                self.judgements = judgements;
                true
            }
        }
    }

    /// Returns the number of deliveries that it makes by a snapshot of its account, or more
    /// where a filter has yet to be judged.
    pub(super) fn fanout(&self, snapshot: &Snapshot) -> usize {
        match self.audience {
            Audience::Subscribers | Audience::SubscribersOfOwn => {
                let kind = &self.event.body.event_type;
                let Some(view) = snapshot.account(self.event.account) else { return 0 };
                view.subscribers(kind)
                    .filter(|endpoint| self.judgements.let_through(endpoint.filter.as_deref()))
                    .count()
            }
            Audience::Test(..) => 1,
        }
    }
}

/// The channel to the writer, for a bounded number of requests and of bytes.
pub(crate) struct RequestSender {
    writer: UnboundedSender<Vec<WriteRequest>>,
    requests_left: Arc<Semaphore>,
    bytes_left: Arc<Semaphore>,
}

impl RequestSender {
    /// Makes a channel, and returns the writer's end with it.
    pub(crate) fn new() -> (Self, UnboundedReceiver<Vec<WriteRequest>>) {
        let (writer, receiver) = unbounded_channel();
        let requests_left = Arc::new(Semaphore::new(INGEST_REQUESTS_MAX));
        let bytes_left = Arc::new(Semaphore::new(INGEST_BYTES_MAX));
        (Self { writer, requests_left, bytes_left }, receiver)
    }

    /// Reserves the place of one request.
    fn reserve_request(&self) -> Result<OwnedSemaphorePermit, IngestError> {
        Arc::clone(&self.requests_left).try_acquire_owned().map_err(|_| IngestError::Overloaded)
    }

    /// Reserves room for so many bytes.
    fn reserve_bytes(&self, bytes: usize) -> Result<OwnedSemaphorePermit, IngestError> {
        // A request larger than the limit is let in alone.
        let bytes = u32::try_from(bytes.min(INGEST_BYTES_MAX)).unwrap_or(u32::MAX);
        Arc::clone(&self.bytes_left).try_acquire_many_owned(bytes).map_err(|_| IngestError::Overloaded)
    }

    /// Returns the number of requests that wait, and of those that can.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (INGEST_REQUESTS_MAX.saturating_sub(self.requests_left.available_permits()), INGEST_REQUESTS_MAX)
    }

    /// Wakes the writer with no request.
    pub(super) fn wake_writer(&self) {
        // A writer that has ended needs no waking.
        let _ = self.writer.send(Vec::new());
    }

    fn send(&self, requests: Vec<WriteRequest>) -> Result<(), IngestError> {
        self.writer.send(requests).map_err(|_| IngestError::Stopping)
    }
}

impl Context {
    /// Ingests one event. Returns once the event and its deliveries are durable.
    pub(crate) async fn ingest(&self, event: NewEvent) -> Result<Accepted, IngestError> {
        let answers = self.enqueue(vec![Incoming::new(event, Audience::Subscribers)]).await;
        let answer = answers.and_then(|answers| answers.into_iter().next().unwrap_or(Err(IngestError::Store)));
        answer.inspect_err(|&error| tally::refused(error))
    }

    /// Ingests many events, and returns one answer for each, in order.
    pub(crate) async fn ingest_batch(&self, events: Vec<NewEvent>) -> Vec<Result<Accepted, IngestError>> {
        let count = events.len();
        let events = events.into_iter().map(|event| Incoming::new(event, Audience::Subscribers)).collect();
        let answers = self.enqueue(events).await.unwrap_or_else(|error| vec![Err(error); count]);
        for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            tally::refused(*error);
        }
        answers
    }

    /// Hands events to the writer and waits for its answers.
    pub(crate) async fn enqueue(&self, mut events: Vec<Incoming>) -> Result<Vec<Answer<Accepted>>, IngestError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let spans = traces::begin_ingests(self, &mut events);
        let answers = self.hand_over(events).await;
        if let Some(spans) = spans {
            traces::end_ingests(self, spans, &answers);
        }
        answers
    }

    async fn hand_over(&self, mut events: Vec<Incoming>) -> Result<Vec<Answer<Accepted>>, IngestError> {
        for event in &mut events {
            // A batch of large bodies must not keep the thread from others for long.
            if event.judge_filters(&self.endpoint_cache) {
                tokio::task::yield_now().await;
            }
        }
        let mut room = self.requests.reserve_bytes(events.iter().map(size).sum())?;
        let (replies, reply_tos) = replies(events.len(), self.requests.reserve_request()?);
        let request = |(incoming, reply_to): (Incoming, ReplyTo<Accepted>)| {
            let own = room.split(size(&incoming).min(room.num_permits()));
            WriteRequest::Event(incoming, reply_to.with_bytes(own))
        };
        self.requests.send(events.into_iter().zip(reply_tos).map(request).collect())?;
        Ok(replies.all(ANSWER_TIME_MAX).await)
    }

    /// Hands a balance to the writer, and waits until it is durable with the event that it may
    /// make.
    pub(crate) async fn update_balance(&self, update: BalanceUpdate) -> Result<(), IngestError> {
        let room = self.requests.reserve_bytes(OVERHEAD_BYTES)?;
        let (replies, reply_tos) = replies(1, self.requests.reserve_request()?);
        let mut room = Some(room);
        self.requests.send(
            reply_tos.map(|reply_to| WriteRequest::Balance(update.clone(), reply_to.with_bytes(room.take()))).collect(),
        )?;
        replies.all(ANSWER_TIME_MAX).await.pop().unwrap_or(Err(IngestError::Store))
    }
}

/// Returns the memory of an event, roughly.
fn size(incoming: &Incoming) -> usize {
    let state = incoming.event.trace.as_ref().and_then(|trace| trace.state.as_ref());
    incoming.event.body.json.len() + state.map_or(0, |state| state.as_str().len()) + OVERHEAD_BYTES
}
