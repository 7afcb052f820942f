//! Statements of the hot path for transactions that read and lock first.

use const_format::formatcp;
use signet_model::{AccountId, DeliveryId, EndpointId, EventId, Timestamp, endpoint::DisabledReason, sql::Stored};

use super::{
    Batch, KeyRow, Lease, OutcomeRow, QueueEntry, Write, WriteError,
    postgres::{self, pending_from::PULL_FORWARD},
    sqlite,
};
use crate::db::{Error, Result, Tx};

/// The channel on which processes on one PostgreSQL tell each other of due deliveries.
pub(crate) const DUE_CHANNEL: &str = "signet_due";
/// The channel on which they name an account whose endpoints have changed.
pub(crate) const CHANGED_CHANNEL: &str = "signet_changed";

/// The answer to the first request with an idempotency key.
#[derive(Debug, sqlx_macros::FromRow)]
pub(crate) struct StoredAnswer {
    /// SHA-256 of that request.
    pub(crate) request_hash: Vec<u8>,
    pub(crate) event_id: Stored<EventId>,
    /// The number of deliveries of the event.
    pub(crate) fanout: Stored<i32>,
}

/// The result of disabling an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disabling {
    Disabled,
    /// The endpoint was disabled or deleted before.
    NotEnabled,
}

impl Tx<'_> {
    /// Stores idempotency keys; returns the events whose key was new.
    pub(crate) async fn insert_keys(&mut self, keys: &[KeyRow]) -> Result<Vec<EventId>> {
        match self {
            Self::Sqlite(tx) => sqlite::insert_keys(tx, keys).await,
            Self::Postgres(tx) => postgres::insert_keys(tx, keys).await,
        }
    }

    /// Reads the answer to the first request with this key.
    pub(crate) async fn stored_answer(&mut self, account: AccountId, key: &str) -> Result<StoredAnswer> {
        const SQL: &str =
            "SELECT request_hash, event_id, fanout FROM idempotency_keys WHERE account_id = $1 AND key = $2";
        self.query(SQL).bind(account).bind(key).fetch_one().await
    }

    /// Returns the outcomes whose lease still holds: a delivery can have an old outcome beside
    /// that of the process that claimed it since. A batch of these alone can be written.
    pub(crate) async fn still_leased(&mut self, rows: &[OutcomeRow]) -> Result<Vec<(DeliveryId, Lease)>> {
        match self {
            Self::Sqlite(tx) => sqlite::still_leased(tx, rows).await,
            Self::Postgres(tx) => postgres::still_leased(tx, rows).await,
        }
    }

    /// Writes a batch that cannot be stale: this transaction has locked its accounts, stored
    /// its keys, and looked up its leases.
    pub(crate) async fn write_locked(&mut self, batch: &Batch) -> Result<()> {
        match self.write(batch).await? {
            Write::Committed => Ok(()),
            Write::Stale => Err(Error::Changed),
        }
    }

    /// Writes a batch, except for its commit. The caller must roll back a stale one.
    pub(super) async fn write(&mut self, batch: &Batch) -> Result<Write> {
        match self {
            Self::Sqlite(tx) => sqlite::write(tx, batch, &batch.queue_entries()).await,
            Self::Postgres(tx) => postgres::write(tx, batch).await,
        }
    }

    /// Commits a batch that this transaction has written, and wakes the other processes if it
    /// leaves deliveries for them to claim.
    pub(crate) async fn commit_batch(mut self, batch: &Batch) -> Result<(), WriteError> {
        if batch.leaves_due_deliveries() {
            self.notify().await?;
        }
        let fault_points = batch.fault_points();
        fault_points.before_commit();
        self.commit().await.map_err(WriteError::Unconfirmed)?;
        fault_points.after_commit();
        Ok(())
    }

    /// Makes sure that a claim looks at the endpoint by this instant.
    pub(crate) async fn pull_forward(&mut self, entry: QueueEntry) -> Result<()> {
        const SQLITE: &str = formatcp!(
            "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at) VALUES ($1, $2, $3) {}",
            QueueEntry::ON_CONFLICT
        );
        let QueueEntry { account, endpoint, look_at, due_at } = entry;
        let query = match self {
            Self::Sqlite(_) => self.query(SQLITE).bind(account).bind(endpoint).bind(look_at),
            Self::Postgres(_) => self.query(PULL_FORWARD).bind(account).bind(endpoint).bind(look_at).bind(due_at),
        };
        query.execute().await.map(drop)
    }

    /// Disables an endpoint whose account this transaction has locked. [Drain steps](super::drain)
    /// then hold its deliveries.
    pub(crate) async fn disable(
        &mut self,
        (account, endpoint): (AccountId, EndpointId),
        reason: DisabledReason,
        by: Option<DeliveryId>,
        now: Timestamp,
    ) -> Result<Disabling> {
        const SQL: &str =
            "UPDATE endpoints SET disabled_at = $3, disabled_reason = $4, disabled_by = $5, released_until = NULL,
               resting_until = NULL, hold_through = NULL, held_to = NULL, version = version + 1
             WHERE account_id = $1 AND id = $2 AND disabled_at IS NULL AND deleted_at IS NULL";
        let query = self.query(SQL).bind(account).bind(endpoint).bind(now).bind(reason).bind(by);
        if query.execute().await? == 0 {
            return Ok(Disabling::NotEnabled);
        }
        self.pull_forward(QueueEntry::new((account, endpoint), now)).await?;
        self.revise(account).await?;
        Ok(Disabling::Disabled)
    }

    /// Raises the account's revision, and tells every process that its endpoints have changed.
    pub(crate) async fn revise(&mut self, account: AccountId) -> Result<()> {
        const SQL: &str = "UPDATE accounts SET revision = revision + 1 WHERE id = $1";
        self.query(SQL).bind(account).execute().await?;
        self.tell(CHANGED_CHANNEL, &account.to_string()).await
    }

    /// Wakes the other processes once this transaction is committed.
    pub(crate) async fn notify(&mut self) -> Result<()> {
        self.tell(DUE_CHANNEL, "").await
    }

    async fn tell(&mut self, channel: &str, payload: &str) -> Result<()> {
        match self {
            // One process alone serves an SQLite file.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => {
                self.query("SELECT pg_notify($1, $2)").bind(channel).bind(payload).execute().await.map(drop)
            }
        }
    }
}
