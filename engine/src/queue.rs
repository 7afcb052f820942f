//! The hot path: ingest, claim, finish, hold, release.
//!
//! # Theory of operation
//! A delivery has one scheduling column, `due_at`. Claiming moves it a lease
//! ahead and stamps the lease; if the process dies, the row simply falls due
//! again. Finishing names the lease, so that who lost it changes nothing.
//!
//! Claiming does not look at deliveries first but at `endpoint_queues`, which
//! tells when each endpoint next has something due. A backlog of one endpoint,
//! however long, is one row there. The rule that keeps it true: who makes a
//! delivery due at a time makes sure, in the same transaction, that its endpoint's
//! row is not later ([`Tx::write`] by itself, others with [`Tx::pull_forward`]); and
//! only claiming, which holds the row locked, moves it later.
//!
//! Everything that decides whether an endpoint may receive (enabling, disabling,
//! deleting, a change of what it wants) raises its account's `revision` under the
//! account's lock. Ingest and finish hold that lock shared while they decide, so
//! that no delivery slips past a change.
//!
//! SQL that is the same on both databases is written here; what differs is in
//! [`sqlite`] and [`postgres`]: rows one by one, in a thread beside the file, on the
//! one; arrays of them in one statement on the other.

pub(crate) mod accounts;
mod batch;
pub(crate) mod drain;
mod due;
#[cfg(test)]
mod plans;
mod postgres;
mod records;
pub(crate) mod sqlite;
#[cfg(test)]
mod tests;

use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp, endpoint::DisabledReason};
use sqlx::{Connection, PgPool, Postgres, pool::PoolConnection};

/// How the health of an endpoint that is known already changes, on both databases.
macro_rules! changed_health {
    () => {
        "ON CONFLICT (account_id, endpoint_id) DO UPDATE SET
           last_success_at = COALESCE(excluded.last_success_at, endpoint_health.last_success_at),
           last_failure_at = COALESCE(excluded.last_failure_at, endpoint_health.last_failure_at),
           consecutive_failures = excluded.consecutive_failures
             + CASE WHEN excluded.last_success_at IS NULL THEN endpoint_health.consecutive_failures ELSE 0 END"
    };
}
use changed_health;

use accounts::{BALANCES, endpoints_of};
pub(crate) use accounts::{endpoints, revisions};
pub use batch::Batch;
pub use drain::EndpointStatus;
pub use due::{DueQueue, due_queues, next_due};
pub use records::{
    BalanceRow, Claim, ClaimOrder, ClaimQuota, Claimed, DeliveryRow, EndpointRow, EventRow, HealthRow, KeyRow, Lease,
    NewAttempt, OutcomeRow, OwnedEndpoint, QueueEntry, StoredAnswer, UnreadableRow,
};

pub(crate) use crate::db::Tx;
use crate::db::{Database, Error, Result, Sqlite};

/// Why a batch is not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Nothing of it is stored.
    #[error(transparent)]
    RolledBack(#[from] Error),
    /// The commit was not answered: it may be done or not.
    #[error("the commit was not confirmed")]
    Unconfirmed(#[source] Error),
}

impl WriteError {
    /// For who need not know whether it is done.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::RolledBack(error) | Self::Unconfirmed(error) => error,
        }
    }
}

/// The deliveries of a claim: those to be attempted, and those held because they cannot be read.
pub type Claims = Vec<Result<Claimed, UnreadableRow>>;

/// What came of a batch that goes by what is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Write {
    /// All of it is committed.
    Committed,
    /// A revision, a lease or an idempotency key is not what the batch assumes: the
    /// transaction is half done, and has to be rolled back.
    Stale,
}

impl Write {
    /// `Committed` if everything is as it was assumed to be.
    const fn committed_if(holds: bool) -> Self {
        if holds { Self::Committed } else { Self::Stale }
    }
}

/// How strongly an account is locked until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// No other transaction may change the account's endpoints meanwhile.
    Shared,
    /// This transaction is about to change them.
    Exclusive,
}

/// What one task of the hot path writes with, one transaction after the other.
#[derive(Debug)]
pub enum HotConnection {
    /// The thread of the hot path.
    Sqlite(Sqlite),
    /// A connection of the hot path's own, and kept: to give it back costs a round trip.
    Postgres(PgPool, Option<PoolConnection<Postgres>>),
}

impl HotConnection {
    /// Connects when it is first used.
    pub fn new(db: &Database) -> Self {
        match db {
            Database::Sqlite(db) => Self::Sqlite(db.clone()),
            Database::Postgres(db) => Self::Postgres(db.hot.clone(), None),
        }
    }

    /// Begins.
    pub async fn begin(&mut self) -> Result<Tx<'_>> {
        Ok(match self {
            Self::Sqlite(db) => Tx::Sqlite(db.begin().await?),
            Self::Postgres(pool, kept) => {
                let connection = match kept.take() {
                    Some(connection) => connection,
                    None => pool.acquire().await?,
                };
                Tx::Postgres(kept.insert(connection).begin().await?)
            }
        })
    }

    /// Writes a batch in a transaction of its own, and wakes the other processes if
    /// it leaves something for them. Nothing is changed by one that is stale.
    pub async fn write(&mut self, batch: Batch) -> Result<Write, WriteError> {
        if let Self::Sqlite(db) = self {
            let _turn = db.turn.lock().await;
            return db.hot.write(batch).await;
        }
        let mut tx = self.begin().await?;
        match tx.write(&batch).await {
            Ok(Write::Committed) => {
                tx.commit_batch(&batch).await?;
                Ok(Write::Committed)
            }
            not_written => {
                tx.roll_back().await;
                Ok(not_written?)
            }
        }
    }

    /// Claims in a transaction of its own. `None`, and nothing is changed, if an account
    /// has another revision.
    pub async fn claim(&mut self, order: ClaimOrder) -> Result<Option<Claim>> {
        if let Self::Sqlite(db) = self {
            let _turn = db.turn.lock().await;
            return db.hot.claim(order).await;
        }
        match self.begin().await? {
            Tx::Sqlite(_) => Ok(None),
            Tx::Postgres(mut tx) => {
                let claimed = postgres::claim(&mut tx, &order).await;
                if let Ok(Some(_)) = &claimed {
                    tx.commit().await?;
                } else {
                    Tx::Postgres(tx).roll_back().await;
                }
                claimed
            }
        }
    }

    /// Takes another connection the next time: something is wrong with this one, or
    /// it is not yet done.
    pub fn renew(&mut self) {
        if let Self::Postgres(_, kept) = self
            && let Some(mut connection) = kept.take()
        {
            // To be given back it would have to answer, which it may never do.
            connection.close_on_drop();
        }
    }
}

/// Runs `$body`, written once, on the connection of either database.
macro_rules! on {
    ($tx:expr, |$conn:ident| $body:expr) => {
        match $tx {
            Tx::Sqlite(tx) => {
                let $conn = &mut **tx;
                $body
            }
            Tx::Postgres(tx) => {
                let $conn = &mut **tx;
                $body
            }
        }
    };
}

/// Calls the function of this name in the module of the database.
macro_rules! by_database {
    ($tx:expr, $function:ident($($argument:expr),*)) => {
        match $tx {
            Tx::Sqlite(tx) => sqlite::$function(tx, $($argument),*).await,
            Tx::Postgres(tx) => postgres::$function(tx, $($argument),*).await,
        }
    };
}

/// Where processes on one PostgreSQL tell each other that something is due.
pub(crate) const DUE_CHANNEL: &str = "signet_due";
/// Where they tell of which account an endpoint has changed.
pub(crate) const CHANGED_CHANNEL: &str = "signet_changed";

/// After a claim: holds a delivery (`$1`) of an account (`$2`) that cannot be read, so that
/// it stops only itself.
const HOLD_UNREADABLE: &str = "UPDATE deliveries SET state = 'held', due_at = NULL, lease = NULL
     WHERE id = $1 AND account_id = $2 AND state = 'pending'";

/// After a claim: forgets an endpoint (`$1`, `$2`) at which nothing is pending. The
/// earliest is asked for because the index knows it, whatever plan is made.
const REMOVE_QUEUE: &str = "DELETE FROM endpoint_queues WHERE account_id = $1 AND endpoint_id = $2 AND
     (SELECT min(due_at) FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending') IS NULL";

/// After a claim: when an endpoint (`$1`, `$2`) next has something due. What is overdue
/// already counts as due at an instant (`$3`): at present where something was claimed,
/// so that others come first. Answers with that instant.
const ADVANCE_QUEUE: &str = "UPDATE endpoint_queues SET next_due_at =
     (SELECT CASE WHEN min(due_at) > $3 THEN min(due_at) ELSE $3 END FROM deliveries
       WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending')
     WHERE account_id = $1 AND endpoint_id = $2 RETURNING next_due_at";

impl Tx<'_> {
    /// Makes a batch durable that this transaction has written, and wakes the other
    /// processes if it leaves something for them.
    pub(crate) async fn commit_batch(mut self, batch: &Batch) -> Result<(), WriteError> {
        if batch.leaves_something_due() {
            self.notify().await?;
        }
        let fault_points = batch.fault_points();
        fault_points.before_commit();
        self.commit().await.map_err(WriteError::Unconfirmed)?;
        fault_points.after_commit();
        Ok(())
    }

    /// Stores idempotency keys; returns the events whose key was new.
    pub async fn insert_keys(&mut self, keys: &[KeyRow]) -> Result<Vec<signet_model::EventId>> {
        by_database!(self, insert_keys(keys))
    }

    /// What was answered to the first request with this key.
    pub async fn stored_answer(&mut self, account: AccountId, key: &str) -> Result<StoredAnswer> {
        const SQL: &str =
            "SELECT request_hash, event_id, fanout FROM idempotency_keys WHERE account_id = $1 AND key = $2";
        Ok(on!(self, |conn| sqlx::query_as(SQL).bind(account).bind(key).fetch_one(conn).await?))
    }

    /// Writes a batch of which nothing can turn out not to be so: its accounts are
    /// locked, its keys stored, and its leases looked up in this transaction.
    pub async fn write_locked(&mut self, batch: &Batch) -> Result<()> {
        match self.write(batch).await? {
            Write::Committed => Ok(()),
            Write::Stale => Err(Error::Changed),
        }
    }

    /// Writes a batch, as long as its accounts have the revisions, its outcomes the
    /// leases, and its keys the novelty that it takes them to have.
    async fn write(&mut self, batch: &Batch) -> Result<Write> {
        let queue_entries = batch.queue_entries();
        by_database!(self, write(batch, &queue_entries))
    }

    /// Which of these outcomes still have the lease that they assume: a delivery can
    /// have an old outcome beside that of who claimed it since. A batch with
    /// these alone can be written.
    pub async fn still_leased(&mut self, rows: &[OutcomeRow]) -> Result<Vec<(DeliveryId, Lease)>> {
        by_database!(self, still_leased(rows))
    }

    /// Makes sure that claiming looks at this endpoint by this instant.
    pub async fn pull_forward(&mut self, entry: QueueEntry) -> Result<()> {
        let nothing = Batch::default();
        by_database!(self, write(&nothing, &[entry])).map(drop)
    }

    /// Disables an endpoint, unless it is disabled or deleted already. What waits for it
    /// is held in steps that follow. The caller has locked the account.
    pub async fn disable(
        &mut self,
        (account, endpoint): (AccountId, EndpointId),
        reason: DisabledReason,
        by: Option<DeliveryId>,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str =
            "UPDATE endpoints SET disabled_at = $3, disabled_reason = $4, disabled_by = $5, released_until = NULL,
               hold_through = NULL, held_to = NULL
             WHERE account_id = $1 AND id = $2 AND disabled_at IS NULL AND deleted_at IS NULL";
        let rows = on!(self, |conn| sqlx::query(SQL)
            .bind(account)
            .bind(endpoint)
            .bind(now)
            .bind(reason)
            .bind(by)
            .execute(conn)
            .await?
            .rows_affected());
        if rows > 0 {
            self.pull_forward(QueueEntry { account, endpoint, due_at: now }).await?;
            self.revise(account).await?;
        }
        Ok(rows > 0)
    }

    /// Tells every process that the account's endpoints have changed.
    pub async fn revise(&mut self, account: AccountId) -> Result<()> {
        const SQL: &str = "UPDATE accounts SET revision = revision + 1 WHERE id = $1";
        on!(self, |conn| {
            sqlx::query(SQL).bind(account).execute(conn).await?;
        });
        self.tell(CHANGED_CHANNEL, &account.to_string()).await
    }

    /// Wakes the other processes once this transaction is committed.
    pub async fn notify(&mut self) -> Result<()> {
        self.tell(DUE_CHANNEL, "").await
    }

    async fn tell(&mut self, channel: &str, payload: &str) -> Result<()> {
        match self {
            // The only process that serves an SQLite file tells itself.
            Self::Sqlite(_) => {}
            Self::Postgres(tx) => {
                sqlx::query("SELECT pg_notify($1, $2)").bind(channel).bind(payload).execute(&mut **tx).await?;
            }
        }
        Ok(())
    }
}

pub(crate) use on;
