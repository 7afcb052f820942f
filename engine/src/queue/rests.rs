//! The statements of rests.

use signet_model::{AccountId, EndpointId, Timestamp};

use super::QueueEntry;
use crate::db::{Result, Tx};

/// Keeps claims away from an endpoint (`$1`, `$2`) until an instant (`$3`).
pub(crate) const HOLD_QUEUE_BACK: &str = "UPDATE endpoint_queues SET next_due_at = $3
     WHERE account_id = $1 AND endpoint_id = $2 AND next_due_at < $3";

impl Tx<'_> {
    /// Lets an endpoint rest until an instant, unless it is disabled, or rests for longer. The
    /// caller has locked the account for a change.
    pub(crate) async fn rest(&mut self, address: (AccountId, EndpointId), until: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE endpoints SET resting_until = $3
             WHERE account_id = $1 AND id = $2 AND disabled_at IS NULL AND deleted_at IS NULL
               AND (resting_until IS NULL OR resting_until < $3)";
        if self.query(SQL).bind(address.0).bind(address.1).bind(until).execute().await? == 0 {
            return Ok(());
        }
        self.hold_queue_back(address, until).await?;
        self.revise(address.0).await
    }

    /// Ends the rest of an endpoint, and makes its queue due. The caller has locked the account
    /// for a change, and raises its revision. Returns `false` if there is no such endpoint.
    pub(crate) async fn end_rest(
        &mut self,
        (account, endpoint): (AccountId, EndpointId),
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str =
            "UPDATE endpoints SET resting_until = NULL WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        if self.query(SQL).bind(account).bind(endpoint).execute().await? == 0 {
            return Ok(false);
        }
        self.pull_forward(QueueEntry { account, endpoint, due_at: now }).await?;
        self.notify().await?;
        Ok(true)
    }

    /// Keeps claims away from an endpoint until an instant.
    pub(crate) async fn hold_queue_back(
        &mut self,
        (account, endpoint): (AccountId, EndpointId),
        until: Timestamp,
    ) -> Result<()> {
        self.query(HOLD_QUEUE_BACK).bind(account).bind(endpoint).bind(until).execute().await.map(drop)
    }
}
