//! The hot path on PostgreSQL: rows travel as one array for each column.

mod claim;
#[cfg(test)]
mod long_reader;
mod parts;
pub(super) mod pending_from;
mod statements;
mod throttles;
#[cfg(test)]
mod trips;

use std::{sync::Arc, time::Duration};

use signet_model::{DeliveryId, EventId};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, pool::PoolConnection};
use tokio::time::Instant;

use super::{Batch, Claim, ClaimOrder, DUE_CHANNEL, HotPath, KeyRow, Lease, OutcomeRow, Write, WriteError};
use crate::db::{Beginning, Error, PgTx, Postgres, Result, Tx};
#[cfg(test)]
pub(super) use claim::{ADVANCE_QUEUES, CLAIM, LOCK_QUEUES};
use parts::Parts;
use pending_from::QueueRow;
#[cfg(test)]
pub(super) use statements::WRITE_BOTH;
use statements::{INSERT_KEYS, STALE, bind, bind_batch, column};

/// Connections that write: one for the writer, one for the dispatcher, and as many to take
/// their place while the first are being closed.
const CONNECTIONS: u32 = 4;
/// The time after an answer for which a connection counts as sound.
const PROVED_FOR: Duration = Duration::from_secs(1);

/// The PostgreSQL driver. A clone takes a connection of its own.
#[derive(Debug)]
pub(crate) struct Driver {
    pool: PgPool,
    begin: Beginning,
    /// Kept, since returning it to the pool costs a round trip.
    connection: Option<PoolConnection<sqlx::Postgres>>,
    /// The instant of the last commit on that connection.
    answered_at: Option<Instant>,
    /// Shares hourly statistics out.
    parts: Parts,
}

impl Clone for Driver {
    fn clone(&self) -> Self {
        Self::new(self.pool.clone(), self.begin.clone())
    }
}

impl Driver {
    pub(super) fn open(db: &Postgres) -> Self {
        let (pool, begin) = db.hot_pool(CONNECTIONS);
        Self::new(pool, begin)
    }

    fn new(pool: PgPool, begin: Beginning) -> Self {
        Self { pool, begin, connection: None, answered_at: None, parts: Parts::default() }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    async fn kept(&mut self) -> Result<&mut PoolConnection<sqlx::Postgres>> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn begin_on_kept(&mut self) -> Result<PgTx<'_>> {
        let begin = self.begin.clone();
        Ok(begin.on(self.kept().await?).await?)
    }

    /// Tells whether a batch may be written in one trip. Where the connection was broken while
    /// nobody used it, the trip would fail, and nobody would know what became of the batch: after
    /// a rest the beginning of a transaction finds that out.
    fn answered_lately(&self) -> bool {
        !self.begin.is_pooled() && self.answered_at.is_some_and(|at| at.elapsed() < PROVED_FOR)
    }

    /// Writes a batch in one trip: a statement outside of a transaction is one.
    async fn write_at_once(&mut self, batch: &Batch) -> Result<Write, WriteError> {
        let connection = self.kept().await?;
        let fault_points = batch.fault_points();
        fault_points.before_commit();
        match written(execute(connection, batch, true).await) {
            Ok(Write::Committed) => fault_points.after_commit(),
            Ok(Write::Stale) => return Ok(Write::Stale),
            Err(error) if error.is_refusal() => return Err(WriteError::RolledBack(error)),
            Err(error) => return Err(WriteError::Unconfirmed(error)),
        }
        self.answered_at = Some(Instant::now());
        if batch.leaves_due_deliveries() {
            self.wake_others().await;
        }
        Ok(Write::Committed)
    }

    /// Wakes the other processes. They look by themselves every second, so that a message that is
    /// lost costs no more than that. Whether the connection is broken, the next batch finds out.
    async fn wake_others(&mut self) {
        let Ok(connection) = self.kept().await else { return };
        let told = sqlx::query("SELECT pg_notify($1, '')").bind(DUE_CHANNEL).execute(&mut **connection).await;
        if let Err(error) = told {
            tracing::debug!(%error, "the other processes were not told of due deliveries");
            self.answered_at = None;
        }
    }
}

impl HotPath for Driver {
    async fn write(&mut self, mut batch: Batch) -> Result<Write, WriteError> {
        self.parts.share_out(&mut batch.statistics);
        if self.answered_lately() {
            return self.write_at_once(&batch).await;
        }
        let mut tx = Tx::Postgres(self.begin_on_kept().await?);
        match tx.write(&batch).await {
            Ok(Write::Committed) => {
                tx.commit_batch(&batch).await?;
                self.answered_at = Some(Instant::now());
                Ok(Write::Committed)
            }
            not_written => {
                tx.roll_back().await;
                Ok(not_written?)
            }
        }
    }

    async fn claim(&mut self, order: ClaimOrder) -> Result<Claim> {
        let mut tx = self.begin_on_kept().await?;
        let claim = claim::claim(&mut tx, &order).await;
        if matches!(claim, Ok(Claim::Claimed(_))) {
            tx.commit().await?;
        } else {
            Tx::Postgres(tx).roll_back().await;
        }
        claim
    }

    async fn begin(&mut self) -> Result<Tx<'_>> {
        self.begin_on_kept().await.map(Tx::Postgres)
    }

    fn renew(&mut self) {
        self.answered_at = None;
        if let Some(mut connection) = self.connection.take() {
            // To return to the pool it would have to answer, which it may never do.
            connection.close_on_drop();
        }
    }
}

/// Writes a batch, except for its commit.
pub(super) async fn write(tx: &mut PgTx<'_>, batch: &Batch) -> Result<Write> {
    let keeps_statements = tx.keeps_statements;
    written(execute(tx, batch, keeps_statements).await)
}

/// Runs the statement of a batch.
async fn execute(connection: &mut PgConnection, batch: &Batch, keeps_statements: bool) -> sqlx::Result<()> {
    let queues: Vec<_> = batch.queue_entries().into_iter().map(QueueRow).collect();
    let query = bind_batch(batch, &queues).persistent(keeps_statements);
    query.fetch_one(connection).await.map(|(_,)| ())
}

/// The result of the statement of a batch.
fn written(result: sqlx::Result<()>) -> Result<Write> {
    match result.map_err(Error::from) {
        Ok(()) => Ok(Write::Committed),
        Err(error) if error.code().as_deref() == Some(STALE) => Ok(Write::Stale),
        Err(error) => Err(error),
    }
}

/// Stores idempotency keys; returns the events whose key was new.
pub(super) async fn insert_keys(tx: &mut PgTx<'_>, keys: &[KeyRow]) -> Result<Vec<EventId>> {
    let query = bind(sqlx::query_as(AssertSqlSafe(Arc::clone(&INSERT_KEYS))), keys);
    let new: Vec<(EventId,)> = query.persistent(tx.keeps_statements).fetch_all(&mut **tx).await?;
    Ok(new.into_iter().map(|(event,)| event).collect())
}

/// Returns the outcomes whose lease still holds. They keep it until the transaction ends.
pub(super) async fn still_leased(tx: &mut PgTx<'_>, rows: &[OutcomeRow]) -> Result<Vec<(DeliveryId, Lease)>> {
    const SQL: &str = "SELECT deliveries.id, deliveries.lease FROM deliveries
           JOIN unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS outcome (account_id, id, lease)
             ON deliveries.account_id = outcome.account_id AND deliveries.id = outcome.id
               AND deliveries.lease = outcome.lease
         ORDER BY deliveries.id FOR UPDATE OF deliveries";
    Ok(sqlx::query_as(SQL)
        .bind(column(rows, |row| row.account))
        .bind(column(rows, |row| row.delivery))
        .bind(column(rows, |row| row.lease.0))
        .persistent(tx.keeps_statements)
        .fetch_all(&mut **tx)
        .await?)
}
