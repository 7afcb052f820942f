//! Sending a delivery again.

use super::{Delivery, DeliveryHandle};
use crate::{
    audit::Action,
    db,
    queue::{Lock, QueueEntry},
    service::{Error, change::Record},
};

/// A delivery cannot be sent again.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// It is waiting or being attempted already.
    #[error("This delivery is already waiting to be sent.")]
    Pending,
    /// The endpoint is disabled.
    #[error("This webhook is disabled. Re-enable it first.")]
    Disabled,
    /// Deliveries that had waited for the endpoint before it was enabled are still being held.
    #[error("This webhook was just re-enabled, and its held deliveries are still being sorted. Try again in a minute.")]
    Settling,
    /// The body was removed by retention.
    #[error("The body of this event is no longer stored, so it cannot be sent again.")]
    BodyGone,
    /// The database failed, or there is no such delivery.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for ResendError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

impl DeliveryHandle<'_> {
    /// Sends the delivery again, with the same `webhook-id` and a new round of retries.
    pub async fn resend(self) -> Result<(), ResendError> {
        const SQL: &str =
            "UPDATE deliveries SET state = 'pending', due_at = $3, lease = NULL, failures = 0, completed_at = NULL
             WHERE account_id = $1 AND id = $2 AND state <> 'pending' AND EXISTS
               (SELECT 1 FROM events WHERE account_id = $1 AND id = deliveries.event_id AND body IS NOT NULL)";
        let detail = self.get().await?;
        if detail.body.is_none() {
            return Err(ResendError::BodyGone);
        }
        let Delivery { endpoint, is_test, .. } = detail.delivery;
        let account = self.account;
        let mut change = self.service.change(self.actor, Action::DeliveryResent).await?;
        let tx = &mut change.tx;
        // A closed delivery opens again: retention, which shares the lock, must not be removing
        // its body at this moment.
        let snapshot = self.service.delivery.endpoint_cache.load_locked(tx, &[account], Lock::Exclusive).await?;
        let view = snapshot.endpoint(account, endpoint).ok_or(Error::EndpointNotFound)?;
        if view.disabled && !is_test {
            return Err(ResendError::Disabled);
        }
        if view.enabling && !is_test {
            return Err(ResendError::Settling);
        }
        let now = self.service.clock.now();
        if tx.query(SQL).bind(account).bind(self.id).bind(now).execute().await? == 0 {
            return Err(ResendError::Pending);
        }
        let look_at = view.rests_until(now).unwrap_or(now);
        tx.pull_forward(QueueEntry { account, endpoint, look_at, due_at: now }).await?;
        tx.notify().await?;
        change.commit(Record::of("delivery", self.id)).await?;
        self.service.delivery.wake.notify_one();
        Ok(())
    }
}
