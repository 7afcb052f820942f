//! Deliveries: the log of an endpoint, and one delivery with all of its attempts.

mod draft_test;
mod filter;
mod log;
mod names;
mod resend;
mod retrying;
mod row;
pub(super) mod surroundings;
mod test_event;
mod verification;

use std::{sync::Arc, time::Duration};

use const_format::formatcp;
use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId, Timestamp,
    delivery::{Attempt, Outcome, State},
    event::EventType,
    sql::Lossy,
};

use super::{AccountHandle, Error, Result, Service};
use crate::{actor::Actor, db::Pool};

pub use draft_test::{DraftTest, DraftTestError};
pub use filter::{Filter, IdPrefix, InvalidIdPrefix, Position, ResultClass, UnknownClass};
#[cfg(test)]
pub(super) use log::plans;
pub use log::{AtLeast, Log, PENDING_SEARCHED, Rest, SEARCHED, StateCounts};
#[cfg(test)]
pub(super) use log::{OF_TASK, OF_TASKS};
pub(super) use log::{Order, Span};
pub use names::Receiver;
#[cfg(test)]
pub(super) use names::{RECEIVERS, TASKS};
pub use resend::ResendError;
pub use retrying::RetryError;
use row::DELIVERIES;
pub(crate) use row::{Row, outcome_of};
pub use surroundings::Surroundings;
#[cfg(test)]
pub(crate) use test_event::TESTS;
pub use test_event::TestError;
pub use verification::{Expected, SecretInForce, Verification};

/// The time after which to look again for an outcome that another process may record.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// The time that a test may take beside its attempt, to be stored and recorded.
const TEST_MARGIN: Duration = Duration::from_secs(2);

/// One line of the log.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id, the receiver's `webhook-id`.
    pub id: DeliveryId,
    /// The event.
    pub event: EventId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The type of the event.
    pub event_type: EventType,
    /// True if a person sent it as a test.
    pub is_test: bool,
    /// Its state.
    pub state: State,
    /// The instant at which the next attempt is due, while it is pending; while an attempt
    /// is under way, the end of its lease.
    pub due_at: Option<Timestamp>,
    /// True while an attempt is under way.
    pub in_flight: bool,
    /// Attempts made.
    pub attempts: u32,
    /// The outcome of the last attempt.
    pub last_outcome: Option<Outcome>,
    /// The duration of the last attempt.
    pub last_duration: Option<Duration>,
    /// The instant at which the event was accepted.
    pub created_at: Timestamp,
    /// The instant at which it was delivered, given up or discarded.
    pub completed_at: Option<Timestamp>,
    /// The instant of the restore from a backup since which it may be a repeat: it was made
    /// before, and not known to be delivered then.
    pub restored_at: Option<Timestamp>,
}

/// One delivery with all requests and responses.
#[derive(Debug, Clone)]
pub struct DeliveryDetail {
    /// The line of the log.
    pub delivery: Delivery,
    /// The body that is sent; `None` once retention removed it.
    pub body: Option<String>,
    /// The instant of the event.
    pub occurred_at: Timestamp,
    /// The attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

impl<'e> AccountHandle<'e> {
    /// One delivery of the account.
    pub const fn delivery(self, id: DeliveryId) -> DeliveryHandle<'e> {
        DeliveryHandle { service: self.service, actor: self.actor, account: self.id, id }
    }
}

/// One delivery of an account.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryHandle<'e> {
    service: &'e Arc<Service>,
    actor: &'e Actor,
    account: AccountId,
    id: DeliveryId,
}

impl DeliveryHandle<'_> {
    /// The delivery itself. Fails with [`Error::UnusableDelivery`] if its row cannot be used.
    pub async fn get(self) -> Result<DeliveryDetail> {
        const DELIVERY: &str = formatcp!("{DELIVERIES} WHERE d.account_id = $1 AND d.id = $2");
        const EVENT: &str = "SELECT body, occurred_at FROM events WHERE account_id = $1 AND id = $2";
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(DELIVERY).bind(self.account).bind(self.id).fetch_optional().await?;
        let delivery = row.and_then(Row::read).ok_or(Error::DeliveryNotFound)?.map_err(Box::new)?;
        let event: Option<(Option<Lossy>, Timestamp)> =
            conn.query(EVENT).bind(self.account).bind(delivery.event).fetch_optional().await?;
        // Retention can remove it between the two statements.
        let (body, occurred_at) = event.ok_or(Error::DeliveryNotFound)?;
        let attempts = conn.attempts(self.account, self.id).await?;
        Ok(DeliveryDetail { delivery, body: body.map(String::from), occurred_at, attempts })
    }

    /// Waits until a test's attempt has ended, for a little longer than the attempt may
    /// take, and returns the delivery as it is then.
    pub async fn await_test(self) -> Result<DeliveryDetail> {
        self.await_attempt(self.service.settings.budget + TEST_MARGIN).await
    }

    /// Waits until the delivery's attempt has ended, for at most `limit`, and returns the
    /// delivery as it is then.
    pub async fn await_attempt(self, limit: Duration) -> Result<DeliveryDetail> {
        let deadline = tokio::time::Instant::now() + limit;
        let waiter = self.service.delivery.outcome_watchers.watch(self.id);
        loop {
            let recorded = waiter.notified();
            let detail = self.get().await?;
            let is_over = tokio::time::Instant::now() >= deadline;
            if is_over || (!detail.attempts.is_empty() && !detail.delivery.in_flight) {
                return Ok(detail);
            }
            // Another process may be the one that records it: look again at times.
            let next = deadline.min(tokio::time::Instant::now() + LOOK_AGAIN);
            let _ = tokio::time::timeout_at(next, recorded).await;
        }
    }
}
