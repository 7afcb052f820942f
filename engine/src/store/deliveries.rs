//! The delivery log.

use std::time::Duration;

use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId, Timestamp,
    delivery::{Attempt, Outcome, State},
    event::EventType,
};

use super::Result;
use crate::Engine;

/// One line of the log.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id, the receiver's `webhook-id`.
    pub id: DeliveryId,
    /// What it delivers.
    pub event: EventId,
    /// To where.
    pub endpoint: EndpointId,
    /// The type of the event.
    pub event_type: EventType,
    /// Whether a person sent it as a test.
    pub is_test: bool,
    /// Where it stands.
    pub state: State,
    /// When the next attempt is due, while it is pending. While an attempt is
    /// under way this is when its lease ends.
    pub due_at: Option<Timestamp>,
    /// Whether an attempt is under way.
    pub in_flight: bool,
    /// Attempts made.
    pub attempts: u32,
    /// How the last attempt ended.
    pub last_outcome: Option<Outcome>,
    /// How long the last attempt took.
    pub last_duration: Option<Duration>,
    /// When the event was accepted.
    pub created_at: Timestamp,
    /// When it was delivered, given up or discarded.
    pub completed_at: Option<Timestamp>,
}

/// One delivery with everything that was sent and came back.
#[derive(Debug, Clone)]
pub struct DeliveryDetail {
    /// The line of the log.
    pub delivery: Delivery,
    /// The body that is sent; `None` once retention removed it.
    pub body: Option<String>,
    /// When the event happened.
    pub occurred_at: Timestamp,
    /// The attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// Which deliveries of an endpoint to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those of this type.
    pub event_type: Option<EventType>,
    /// Only those of events before this one: the cursor of the next page.
    pub before: Option<EventId>,
}

/// Why a delivery cannot be sent again.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// It is waiting or being attempted already.
    #[error("This delivery is already waiting to be sent.")]
    Pending,
    /// The endpoint is disabled.
    #[error("This webhook is disabled. Re-enable it first.")]
    Disabled,
    /// The body was removed by retention.
    #[error("The body of this event is no longer stored, so it cannot be sent again.")]
    BodyGone,
    /// The store failed, or there is no such delivery.
    #[error(transparent)]
    Store(#[from] super::Error),
}

impl Engine {
    /// The endpoint's deliveries, newest first, at most `limit`.
    pub async fn deliveries(
        &self,
        _account: AccountId,
        _endpoint: EndpointId,
        _filter: Filter,
        _limit: u32,
    ) -> Result<Vec<Delivery>> {
        todo!()
    }

    /// One delivery of the account.
    pub async fn delivery(&self, _account: AccountId, _id: DeliveryId) -> Result<Option<DeliveryDetail>> {
        todo!()
    }

    /// Sends a delivery again, with the same `webhook-id` and a new round of retries.
    pub async fn resend(&self, _account: AccountId, _id: DeliveryId) -> Result<(), ResendError> {
        todo!()
    }

    /// Sends a test event to one endpoint, on the way that every event goes,
    /// but with one attempt only, and even while the endpoint is disabled.
    pub async fn send_test(&self, _account: AccountId, _endpoint: EndpointId, _kind: EventType) -> Result<DeliveryId> {
        todo!()
    }

    /// Waits until a delivery's attempt has ended, for at most `limit`, and
    /// returns the delivery as it is then.
    pub async fn await_attempt(
        &self,
        _account: AccountId,
        _id: DeliveryId,
        _limit: Duration,
    ) -> Result<Option<DeliveryDetail>> {
        todo!()
    }
}
