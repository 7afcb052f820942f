//! The hot path's part of the database: events, deliveries and attempts in batches.
//!
//! # Theory of operation
//! A delivery has one scheduling column, `due_at`. A claim moves it a lease ahead and stamps
//! the lease; if the process dies, the delivery falls due again. An outcome names its lease,
//! so that it changes nothing once the lease is lost.
//!
//! A claim does not look at deliveries first but at `endpoint_queues`, which has the next due
//! time of each endpoint: a backlog of one endpoint, however long, is one row there. One rule
//! keeps that true. A transaction that makes a delivery due makes sure that the row of its
//! endpoint is not later ([`HotPath::write`] by itself, others with [`Tx::pull_forward`]);
//! only claims, [drain steps](drain) and [rests], which hold the row locked, move it later.
//! While an endpoint rests, or until its throttle allows the next start, its row may be later
//! than its earliest delivery: as late as that instant. On PostgreSQL the row also says where
//! the [pending](postgres::pending_from) ones begin.
//!
//! Each change that decides whether an endpoint receives (enabling, disabling, deleting,
//! subscribing) raises its account's `revision` under the account's lock. Batches and claims
//! name the revisions that they go by, and are [stale](Write::Stale) if one has changed.
//!
//! # Two databases
//! [`HotPath`] is a trait with two drivers: [`sqlite`] runs a statement for each row, in a
//! thread beside the file; [`postgres`] sends arrays of rows in one statement. `conformance`
//! is the suite that both must pass. The [columns](record) of the rows are listed once for
//! both, and the other statements are written once ([`Tx`]).

mod accounts;
mod balances;
mod batch;
mod claims;
mod clock_steps;
#[cfg(test)]
mod conformance;
pub(crate) mod drain;
mod due;
mod mail_notices;
mod notices;
#[cfg(test)]
mod plans;
mod postgres;
mod record;
mod records;
mod rests;
mod sqlite;
mod transactions;

use signet_model::Timestamp;

pub(crate) use accounts::{EndpointRow, Lock, OwnedEndpoint};
pub(crate) use balances::{BALANCES, BalanceRow, ReportedRow};
pub(crate) use batch::Batch;
pub(crate) use claims::{Claim, ClaimOrder, ClaimQuota, Claimed, UnreadableRow};
pub(crate) use drain::EndpointStatus;
pub(crate) use due::DueQueue;
pub(crate) use mail_notices::{NewMailNotice, Told, WANTS_NOTICES};
pub(crate) use notices::{NewNotice, Telling};
pub(crate) use postgres::pending_from::BEHIND_FINISHED;
pub(crate) use records::{
    Counted, DeliveryRow, EventRow, HOUR, HealthRow, KeyRow, NewAttempt, OutcomeRow, QueueEntry, Revision,
    StatisticsRow, Tally, duration, failure_of, status_of,
};
pub(crate) use rests::HOLD_QUEUE_BACK;
pub(crate) use transactions::{CHANGED_CHANNEL, DUE_CHANNEL, Disabling, StoredAnswer};

use crate::{
    db::{Conn, Database, Error, Pool, Result, Tx},
    metrics::{Timer, labels::Operation},
};
use due::{DUE_QUEUES, NEXT_DUE};

/// The part of the hot path that each database does in its own way.
pub(crate) trait HotPath {
    /// Writes a batch in a transaction of its own, and wakes the other processes if it leaves
    /// deliveries for them to claim.
    async fn write(&mut self, batch: Batch) -> Result<Write, WriteError>;

    /// Claims due deliveries in a transaction of its own.
    async fn claim(&mut self, order: ClaimOrder) -> Result<Claim>;

    /// Begins a transaction that reads and locks before it writes.
    async fn begin(&mut self) -> Result<Tx<'_>>;

    /// Takes another connection the next time: this one has failed, or did not answer.
    fn renew(&mut self);
}

/// The hot path on an open database. Each task has a clone, which writes one transaction
/// after the other.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    db: Database,
    driver: Driver,
}

#[derive(Debug, Clone)]
enum Driver {
    Sqlite(sqlite::Driver),
    Postgres(postgres::Driver),
}

impl Queue {
    pub(crate) fn open(db: &Database) -> Self {
        let driver = match db {
            Database::Sqlite(db) => Driver::Sqlite(sqlite::Driver::open(db)),
            Database::Postgres(db) => Driver::Postgres(postgres::Driver::open(db)),
        };
        Self { db: db.clone(), driver }
    }

    /// Takes a connection for a look-up, which waits for no page.
    pub(crate) async fn look_up(&self) -> Result<Conn> {
        self.db.read(Pool::Lookups).await
    }

    /// Reads a page of the queues that are due by an instant, longest waiting first: up to
    /// `limit` of those after a place.
    pub(crate) async fn due_queues(&self, now: Timestamp, after: DueQueue, limit: usize) -> Result<Vec<DueQueue>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut conn = self.look_up().await?;
        let query = conn.query(DUE_QUEUES).bind(now).bind(after.next_due_at);
        query.bind(after.account_id).bind(after.endpoint_id).bind(limit).fetch_all().await
    }

    /// Reads the earliest due time of an endpoint after an instant.
    pub(crate) async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>> {
        self.look_up().await?.query(NEXT_DUE).bind(after).fetch_optional_value().await
    }

    /// Waits until the driver has ended by a defect, after which no batch can be written.
    pub(crate) async fn broken(&self) {
        match &self.driver {
            Driver::Sqlite(driver) => driver.broken().await,
            // Broken connections are replaced.
            Driver::Postgres(_) => std::future::pending().await,
        }
    }

    pub(crate) async fn close(&self) {
        match &self.driver {
            Driver::Sqlite(driver) => driver.close().await,
            Driver::Postgres(driver) => driver.close().await,
        }
    }
}

impl HotPath for Queue {
    async fn write(&mut self, batch: Batch) -> Result<Write, WriteError> {
        match &mut self.driver {
            Driver::Sqlite(driver) => driver.write(batch).await,
            Driver::Postgres(driver) => driver.write(batch).await,
        }
    }

    async fn claim(&mut self, order: ClaimOrder) -> Result<Claim> {
        let timer = Timer::start(Operation::Claim);
        let claim = match &mut self.driver {
            Driver::Sqlite(driver) => driver.claim(order).await,
            Driver::Postgres(driver) => driver.claim(order).await,
        };
        timer.stop();
        claim
    }

    async fn begin(&mut self) -> Result<Tx<'_>> {
        match &mut self.driver {
            Driver::Sqlite(driver) => driver.begin().await,
            Driver::Postgres(driver) => driver.begin().await,
        }
    }

    fn renew(&mut self) {
        match &mut self.driver {
            Driver::Sqlite(driver) => driver.renew(),
            Driver::Postgres(driver) => driver.renew(),
        }
    }
}

/// The result of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Write {
    Committed,
    /// A revision, a lease or an idempotency key is not what the batch assumes, and no row is
    /// changed.
    Stale,
}

/// The reason for which a batch is not known to be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// No row of it is stored.
    #[error(transparent)]
    RolledBack(#[from] Error),
    /// The database did not confirm the commit, which may be done or not.
    #[error("the commit was not confirmed")]
    Unconfirmed(#[source] Error),
}

impl WriteError {
    /// Returns the error of the database.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::RolledBack(error) | Self::Unconfirmed(error) => error,
        }
    }
}

/// Names one claim. An outcome names it, too, so that it changes nothing once another process
/// has claimed the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx_macros::Type)]
#[sqlx(transparent)]
pub(crate) struct Lease(pub(crate) i64);

/// After a claim: holds a delivery (`$1`) of an account (`$2`) that cannot be read, so that
/// it stops only itself.
const HOLD_UNREADABLE: &str = "UPDATE deliveries SET state = 'held', due_at = NULL, lease = NULL
     WHERE id = $1 AND account_id = $2 AND state = 'pending'";

/// After a claim on SQLite: removes the queue of an endpoint (`$1`, `$2`) without pending
/// deliveries. It asks for the earliest because the index knows that, whatever the plan is.
const REMOVE_QUEUE: &str = "DELETE FROM endpoint_queues WHERE account_id = $1 AND endpoint_id = $2 AND
     (SELECT min(due_at) FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending') IS NULL";

/// After a claim on SQLite: moves the queue of an endpoint (`$1`, `$2`) on to its next due time,
/// which it returns. Overdue deliveries count as due at an instant (`$3`): the present if some were
/// claimed, so that other endpoints come first.
const ADVANCE_QUEUE: &str = "UPDATE endpoint_queues SET next_due_at =
     (SELECT CASE WHEN min(due_at) > $3 THEN min(due_at) ELSE $3 END FROM deliveries
       WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending')
     WHERE account_id = $1 AND endpoint_id = $2 RETURNING next_due_at";
