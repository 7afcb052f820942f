//! The due times of endpoints.

use const_format::formatcp;
use signet_model::{AccountId, EndpointId, Timestamp};
use uuid::Uuid;

use crate::db::Sql;

/// Reads a page of the queues that are due by an instant (`$1`), after a place (`$2` to
/// `$4`). On SQLite rows whose ids cannot be read are passed over.
pub(super) const DUE_QUEUES: Sql = Sql {
    sqlite: formatcp!("{FROM} AND length(account_id) = 16 AND length(endpoint_id) = 16 {PAGE}"),
    postgres: formatcp!("{FROM} {PAGE}"),
};
const FROM: &str = "SELECT next_due_at, account_id, endpoint_id FROM endpoint_queues
     WHERE next_due_at <= $1 AND (next_due_at, account_id, endpoint_id) > ($2, $3, $4)";
const PAGE: &str = "ORDER BY next_due_at, account_id, endpoint_id LIMIT $5";

/// Reads the earliest due time of an endpoint after an instant (`$1`).
pub(super) const NEXT_DUE: &str =
    "SELECT next_due_at FROM endpoint_queues WHERE next_due_at > $1 ORDER BY next_due_at LIMIT 1";

/// The queue of an endpoint, with its place in the order in which queues fall due.
#[derive(Debug, Clone, Copy, sqlx_macros::FromRow)]
pub(crate) struct DueQueue {
    pub(super) next_due_at: Timestamp,
    pub(super) account_id: AccountId,
    pub(super) endpoint_id: EndpointId,
}

impl Default for DueQueue {
    /// The place before all others.
    fn default() -> Self {
        let (account_id, endpoint_id) = (AccountId::from_uuid(Uuid::nil()), EndpointId::from_uuid(Uuid::nil()));
        Self { next_due_at: Timestamp::from_unix_micros(i64::MIN), account_id, endpoint_id }
    }
}

impl DueQueue {
    /// Returns the place before all queues that are due at an instant or later.
    pub(crate) fn before(next_due_at: Timestamp) -> Self {
        Self { next_due_at, ..Self::default() }
    }

    /// The instant by which a claim has to look at it.
    pub(crate) const fn next_due_at(&self) -> Timestamp {
        self.next_due_at
    }

    /// Returns the account and the endpoint.
    pub(crate) fn address(&self) -> (AccountId, EndpointId) {
        (self.account_id, self.endpoint_id)
    }
}
