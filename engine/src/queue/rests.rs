//! The statements of rests.

use const_format::formatcp;
use signet_model::{AccountId, EndpointId, Timestamp};

use super::QueueEntry;
use crate::db::{Result, Sql, Tx};

/// Keeps claims away from an endpoint (`$1`, `$2`) until an instant (`$3`).
pub(crate) const HOLD_QUEUE_BACK: &str = "UPDATE endpoint_queues SET next_due_at = $3
     WHERE account_id = $1 AND endpoint_id = $2 AND next_due_at < $3";

/// Lets endpoints (`$2`) of an account (`$1`) rest until an instant (`$3`).
const REST: Sql = Sql {
    sqlite: formatcp!("{REST_OF}(SELECT unhex(value) FROM json_each($2)){UNLESS_LONGER}"),
    postgres: formatcp!("{REST_OF}(SELECT unnest($2)){UNLESS_LONGER}"),
};
const REST_OF: &str = "UPDATE endpoints SET resting_until = $3 WHERE account_id = $1 AND id IN ";
const UNLESS_LONGER: &str =
    " AND disabled_at IS NULL AND deleted_at IS NULL AND (resting_until IS NULL OR resting_until < $3) RETURNING id";

/// Keeps claims away from endpoints (`$2`) of an account (`$1`) until an instant (`$3`).
const HOLD_QUEUES_BACK: Sql = Sql {
    sqlite: formatcp!("{HOLD_QUEUES_OF}(SELECT unhex(value) FROM json_each($2)) AND next_due_at < $3"),
    postgres: formatcp!("{HOLD_QUEUES_OF}(SELECT unnest($2)) AND next_due_at < $3"),
};
const HOLD_QUEUES_OF: &str = "UPDATE endpoint_queues SET next_due_at = $3 WHERE account_id = $1 AND endpoint_id IN ";

impl Tx<'_> {
    /// Lets endpoints of an account rest until an instant, but for those that are disabled or
    /// rest for as long. Returns those that rest from now on. The caller has locked the
    /// account for a change, and raises its revision if there are some.
    pub(crate) async fn rest(
        &mut self,
        account: AccountId,
        endpoints: &[EndpointId],
        until: Timestamp,
    ) -> Result<Vec<EndpointId>> {
        let query = self.query(REST).bind(account).bind_ids(endpoints).bind(until);
        let resting: Vec<EndpointId> = query.fetch_values().await?;
        if !resting.is_empty() {
            self.query(HOLD_QUEUES_BACK).bind(account).bind_ids(&resting).bind(until).execute().await?;
        }
        Ok(resting)
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
        self.pull_forward(QueueEntry::new((account, endpoint), now)).await?;
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
