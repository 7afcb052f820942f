//! Taking events in: a bounded queue of requests, each of which is answered once
//! its events are durable.

use std::{sync::Arc, time::Duration};

use signet_model::{AccountId, DeliveryId, EndpointId, EventId, event::EventBody};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    time::timeout,
};

use crate::{Engine, engine::Parts};

/// The most requests that wait to be stored. Beyond that the answer is to come back.
pub(crate) const WAITING: usize = 2_048;
/// The most bytes that wait to be stored, what is being stored included.
pub(crate) const WAITING_BYTES: usize = 32 * 1024 * 1024;
/// How long a request waits for its answer: for what is written before it, and then
/// for its own commit.
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
    /// The key was used before, and what was answered then cannot be read any more.
    #[error("The first answer to this idempotency key cannot be read any more. Send a new key.")]
    AnswerUnreadable,
    /// The store cannot keep up; try again a little later.
    #[error("Too many events are waiting to be stored.")]
    Overloaded,
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

/// Who gets an event.
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

/// The answer to one event.
pub(crate) type Answer = Result<Accepted, IngestError>;
/// The answers to a request, one for each of its events.
pub(crate) type Answers = Vec<Answer>;

/// Events that wait to be stored.
pub(crate) struct Request {
    pub(super) events: Vec<Incoming>,
    pub(super) asker: Asker,
}

/// Who waits for the answers.
pub(crate) struct Asker {
    /// How many events were in the request.
    pub(super) count: usize,
    answer: oneshot::Sender<Answers>,
    /// What they take of the room for waiting bytes, until they are stored or refused.
    _room: OwnedSemaphorePermit,
}

impl Asker {
    /// Who asked may have gone away; what was stored stays stored all the same.
    pub(super) fn answer(self, answers: Answers) {
        let _ = self.answer.send(answers);
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }

    pub(super) fn refuse(self, error: IngestError) {
        let count = self.count;
        self.answer(vec![Err(error); count]);
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
    pub(crate) async fn enqueue(&self, events: Vec<Incoming>) -> Result<Answers, IngestError> {
        let (answer, answered) = oneshot::channel();
        let room = Arc::clone(&self.room).try_acquire_many_owned(room_for(&events));
        let room = room.map_err(|_| IngestError::Overloaded)?;
        let asker = Asker { count: events.len(), answer, _room: room };
        self.waiting.try_send(Request { events, asker }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => IngestError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => IngestError::Stopping,
        })?;
        match timeout(ANSWER_LIMIT, answered).await {
            Ok(answers) => answers.map_err(|_| IngestError::Stopping),
            Err(_) => Err(IngestError::Overloaded),
        }
    }
}

/// How many bytes these take. Whatever is larger than all the room is let in when
/// nothing else is there.
fn room_for(events: &[Incoming]) -> u32 {
    let bytes: usize = events.iter().map(|incoming| incoming.event.body.json.len() + OVERHEAD).sum();
    u32::try_from(bytes.min(WAITING_BYTES)).unwrap_or(u32::MAX)
}
