//! The retries of one delivery: the next one now, or none any more.

use const_format::formatcp;
use signet_model::{Timestamp, delivery::State};

use super::{Delivery, DeliveryHandle};
use crate::{
    audit::Action,
    db,
    queue::{Lock, QueueEntry},
    service::{AccountHandle, Error, change::Record},
};

/// The retries of a delivery were not changed.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// It is not pending: it has ended, or is held.
    #[error("This delivery is {}, so that no attempt is due. Send it again instead.", .0.as_str())]
    NotPending(State),
    /// An attempt is under way, or about to begin.
    #[error("This delivery is being attempted. Wait until the attempt has ended.")]
    InFlight,
    /// Deliveries that had waited for the endpoint before it was enabled are still being held.
    #[error("This webhook was just re-enabled, and its held deliveries are still being sorted. Try again in a minute.")]
    Settling,
    /// The database failed, or there is no such delivery.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for RetryError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A delivery (`$2`) of an account (`$1`) that no process has in hand at an instant (`$3`).
const IDLE: &str = "account_id = $1 AND id = $2 AND state = 'pending' AND (lease IS NULL OR due_at < $3)";

impl DeliveryHandle<'_> {
    /// Makes the next attempt due now. The round of retries stays as it is.
    pub async fn retry_now(self) -> Result<(), RetryError> {
        const SQL: &str = formatcp!("UPDATE deliveries SET due_at = $3, lease = NULL WHERE {IDLE}");
        let Delivery { endpoint, is_test, .. } = self.pending().await?;
        let account = self.account;
        // The receiver had asked to wait; a person decides otherwise.
        AccountHandle::new(self.service, self.actor).endpoint(endpoint).end_rest().await?;
        let mut change = self.service.change(self.actor, Action::DeliveryRetried).await?;
        let tx = &mut change.tx;
        let snapshot = self.service.delivery.endpoint_cache.load_locked(tx, &[account], Lock::Shared).await?;
        let view = snapshot.endpoint(account, endpoint).ok_or(Error::EndpointNotFound)?;
        if view.enabling && !is_test {
            return Err(RetryError::Settling);
        }
        let now = self.service.clock.now();
        if tx.query(SQL).bind(account).bind(self.id).bind(now).execute().await? == 0 {
            change.roll_back().await;
            return Err(self.refusal().await);
        }
        tx.pull_forward(QueueEntry::new((account, endpoint), now)).await?;
        tx.notify().await?;
        change.commit(Record::of("delivery", self.id)).await?;
        self.service.delivery.wake.notify_one();
        Ok(())
    }

    /// Ends the retries; the endpoint stays as it is. The delivery ends as its last attempt has:
    /// failed, or delivered if it had arrived before and was being sent again. Without an attempt
    /// it is discarded. Returns the state.
    pub async fn stop(self) -> Result<State, RetryError> {
        const SQL: &str = formatcp!(
            "UPDATE deliveries SET due_at = NULL, lease = NULL, completed_at = $3, state =
               CASE WHEN attempts = 0 THEN 'discarded'
                    WHEN EXISTS (SELECT 1 FROM attempts a WHERE a.account_id = $1 AND a.delivery_id = $2
                                    AND a.number = deliveries.attempts AND a.failure IS NULL AND a.status BETWEEN 200 AND 299)
                      THEN 'delivered'
                    ELSE 'failed' END
              WHERE {IDLE}"
        );
        self.pending().await?;
        let now: Timestamp = self.service.clock.now();
        let mut change = self.service.change(self.actor, Action::DeliveryStopped).await?;
        if change.tx.query(SQL).bind(self.account).bind(self.id).bind(now).execute().await? == 0 {
            change.roll_back().await;
            return Err(self.refusal().await);
        }
        change.commit(Record::of("delivery", self.id)).await?;
        self.service.delivery.outcome_watchers.notify(std::iter::once(self.id));
        Ok(self.get().await?.delivery.state)
    }

    /// The delivery, if it is pending.
    async fn pending(self) -> Result<Delivery, RetryError> {
        let delivery = self.get().await?.delivery;
        match delivery.state {
            State::Pending => Ok(delivery),
            state => Err(RetryError::NotPending(state)),
        }
    }

    /// The reason for which a pending delivery was left alone.
    async fn refusal(self) -> RetryError {
        self.pending().await.map_or_else(|error| error, |_| RetryError::InFlight)
    }
}
