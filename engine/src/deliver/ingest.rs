//! Taking events in: a bounded queue of requests, each of which is answered once
//! its events are durable.

use std::{sync::Arc, time::Duration};

use signet_model::{AccountId, DeliveryId, EndpointId, EventId, event::EventBody};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::{
    endpoint_cache::Views,
    balances::Report,
    request_queue::Entry,
    reply::{Answer, Slot, replies},
};
use crate::{Engine, engine::Parts};

/// The most requests that wait to be stored. Beyond that the answer is to come back.
const REQUESTS_MAX: usize = 2_048;
/// The most bytes that wait to be stored, what is being stored included.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long a request waits for its first answer, or for the next one: for what is
/// written before it, and then for its own commit.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// What an event takes beside its body, roughly.
const OVERHEAD: usize = 512;

/// An event to be taken in for an account that exists.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Whose event it is.
    pub account: AccountId,
    /// What is delivered.
    pub body: EventBody,
    /// The producer's key and the SHA-256 of its request.
    pub idempotency: Option<Idempotency>,
}

/// How a repeated request is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The key, at most 255 characters.
    pub key: String,
    /// SHA-256 of what was requested.
    pub request_hash: [u8; 32],
}

/// The answer to an accepted event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: EventId,
    /// To how many endpoints it goes.
    pub deliveries: u32,
    /// Whether this repeats the answer to an earlier request.
    pub replayed: bool,
}

/// Why an event was not taken in.
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
    /// As many test events as may be are under way: so many.
    #[error("{0} test events are under way. Wait until one of them has ended, and send another.")]
    TestsUnderWay(usize),
    /// The engine is stopping.
    #[error("The server is stopping.")]
    Stopping,
    /// There is no such account.
    #[error("There is no such account.")]
    UnknownAccount,
    /// The store failed.
    #[error("The event could not be stored.")]
    Store,
}

/// Which endpoints get an event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Audience {
    /// Every endpoint that wants its type.
    Subscribers,
    /// One endpoint, as a test, with this id for the delivery.
    Test(EndpointId, DeliveryId),
}

/// An event on its way into the store.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) event: NewEvent,
    pub(crate) audience: Audience,
}

impl Incoming {
    /// How many deliveries it makes, where endpoints are as these views show them.
    pub(super) fn fanout(&self, views: &Views) -> usize {
        match self.audience {
            Audience::Subscribers => {
                let kind = self.event.body.event_type;
                views.account(self.event.account).map_or(0, |view| view.subscribers(kind).count())
            }
            Audience::Test(..) => 1,
        }
    }
}

/// The way to the writer, for a bounded number of requests and of bytes.
pub(crate) struct Queue {
    entries: UnboundedSender<Vec<Entry>>,
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

impl Queue {
    /// A queue, and the writer's end of it.
    pub(crate) fn new() -> (Self, UnboundedReceiver<Vec<Entry>>) {
        let (entries, writers) = unbounded_channel();
        let requests = Arc::new(Semaphore::new(REQUESTS_MAX));
        let bytes = Arc::new(Semaphore::new(BYTES_MAX));
        (Self { entries, requests, bytes }, writers)
    }

    /// The place of a request.
    fn turn(&self) -> Result<OwnedSemaphorePermit, IngestError> {
        Arc::clone(&self.requests).try_acquire_owned().map_err(|_| IngestError::Overloaded)
    }

    /// Room for so many bytes.
    fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, IngestError> {
        // What is larger than all the room is let in when nothing else is there.
        let bytes = u32::try_from(bytes.min(BYTES_MAX)).unwrap_or(u32::MAX);
        Arc::clone(&self.bytes).try_acquire_many_owned(bytes).map_err(|_| IngestError::Overloaded)
    }

    fn send(&self, entries: Vec<Entry>) -> Result<(), IngestError> {
        self.entries.send(entries).map_err(|_| IngestError::Stopping)
    }
}

impl Engine {
    /// Takes one event in; returns once it and its deliveries are durable.
    pub async fn ingest(&self, event: NewEvent) -> Result<Accepted, IngestError> {
        let answers = self.0.enqueue(vec![Incoming { event, audience: Audience::Subscribers }]).await?;
        answers.into_iter().next().unwrap_or(Err(IngestError::Store))
    }

    /// Takes many in, with one answer for each, in order.
    pub async fn ingest_batch(&self, events: Vec<NewEvent>) -> Vec<Result<Accepted, IngestError>> {
        let count = events.len();
        let events = events.into_iter().map(|event| Incoming { event, audience: Audience::Subscribers }).collect();
        self.0.enqueue(events).await.unwrap_or_else(|error| vec![Err(error); count])
    }
}

impl Parts {
    /// Hands events to the writer and waits for its answers.
    pub(crate) async fn enqueue(&self, events: Vec<Incoming>) -> Result<Vec<Answer<Accepted>>, IngestError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut room = self.queue.room(events.iter().map(size).sum())?;
        let (replies, slots) = replies(events.len(), self.queue.turn()?);
        let entry = |(incoming, slot): (Incoming, Slot<Accepted>)| {
            let own = room.split(size(&incoming).min(room.num_permits()));
            Entry::Event(incoming, slot.with_room(own))
        };
        self.queue.send(events.into_iter().zip(slots).map(entry).collect())?;
        Ok(replies.all(ANSWER_LIMIT).await)
    }

    /// Hands a report to the writer and waits until it is durable, with the event that it
    /// may make.
    pub(crate) async fn report(&self, report: Report) -> Result<(), IngestError> {
        let room = self.queue.room(OVERHEAD)?;
        let (replies, slots) = replies(1, self.queue.turn()?);
        let mut room = Some(room);
        self.queue.send(slots.map(|slot| Entry::Report(report, slot.with_room(room.take()))).collect())?;
        replies.all(ANSWER_LIMIT).await.pop().unwrap_or(Err(IngestError::Store))
    }
}

/// How many bytes an event takes, roughly.
fn size(incoming: &Incoming) -> usize {
    incoming.event.body.json.len() + OVERHEAD
}
