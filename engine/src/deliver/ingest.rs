//! Taking events in: waiting requests share one durable commit.

use signet_model::{AccountId, EventId, event::EventBody};

use crate::Engine;

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
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The key was used for another request.
    #[error("This idempotency key was used for another request.")]
    KeyReused,
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

impl Engine {
    /// Takes one event in; returns once it and its deliveries are durable.
    pub async fn ingest(&self, _event: NewEvent) -> Result<Accepted, IngestError> {
        todo!()
    }

    /// Takes many in, with one answer for each, in order.
    pub async fn ingest_batch(&self, _events: Vec<NewEvent>) -> Vec<Result<Accepted, IngestError>> {
        todo!()
    }
}
