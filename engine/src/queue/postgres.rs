//! The hot path on PostgreSQL: rows travel as one array for each column.

mod claim;
#[cfg(test)]
mod long_reader;
pub(super) mod pending_from;
mod statements;
mod throttles;

use std::sync::Arc;

use signet_model::{DeliveryId, EventId};
use sqlx::{AssertSqlSafe, PgPool, pool::PoolConnection};

use super::{Batch, Claim, ClaimOrder, HotPath, KeyRow, Lease, OutcomeRow, QueueEntry, Revision, Write, WriteError};
use crate::db::{Beginning, PgTx, Postgres, Result, Tx};
#[cfg(test)]
pub(super) use claim::{ADVANCE_QUEUES, CLAIM, LOCK_QUEUES};
use pending_from::QueueRow;
pub(super) use statements::WRITE_BOTH;
use statements::{INSERT_KEYS, Query, WRITE_EVENTS, WRITE_OUTCOMES, bind, column};

/// Connections that write: one for the writer, one for the dispatcher, and as many to take
/// their place while the first are being closed.
const CONNECTIONS: u32 = 4;

/// The PostgreSQL driver. A clone takes a connection of its own.
#[derive(Debug)]
pub(crate) struct Driver {
    pool: PgPool,
    begin: Beginning,
    /// Kept, since returning it to the pool costs a round trip.
    connection: Option<PoolConnection<sqlx::Postgres>>,
}

impl Clone for Driver {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), begin: self.begin.clone(), connection: None }
    }
}

impl Driver {
    pub(super) fn open(db: &Postgres) -> Self {
        let (pool, begin) = db.hot_pool(CONNECTIONS);
        Self { pool, begin, connection: None }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin_on_kept(&mut self) -> Result<PgTx<'_>> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        Ok(self.begin.on(self.connection.insert(connection)).await?)
    }
}

impl HotPath for Driver {
    async fn write(&mut self, batch: Batch) -> Result<Write, WriteError> {
        let mut tx = Tx::Postgres(self.begin_on_kept().await?);
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
        if let Some(mut connection) = self.connection.take() {
            // To return to the pool it would have to answer, which it may never do.
            connection.close_on_drop();
        }
    }
}

/// Writes a batch, except for its commit.
pub(super) async fn write(tx: &mut PgTx<'_>, batch: &Batch, queue_entries: &[QueueEntry]) -> Result<Write> {
    if !batch.keys.is_empty() && insert_keys(tx, &batch.keys).await?.len() < batch.keys.len() {
        return Ok(Write::Stale);
    }
    let query = match (batch.has_events(), batch.has_outcomes()) {
        (true, true) => bind_events(bind_outcomes(start(&WRITE_BOTH, &batch.accounts), batch), batch),
        (_, false) => bind_events(start(&WRITE_EVENTS, &batch.accounts), batch),
        (false, true) => bind_outcomes(start(&WRITE_OUTCOMES, &batch.accounts), batch),
    };
    let queues: Vec<_> = queue_entries.iter().copied().map(QueueRow).collect();
    let query = bind(query, &queues).persistent(tx.keeps_statements);
    let (accounts, outcomes) = query.fetch_one(&mut **tx).await?;
    let all = |count: i64, expected: usize| usize::try_from(count).is_ok_and(|count| count == expected);
    let is_current = all(accounts, batch.accounts.len()) && all(outcomes, batch.outcomes.len());
    Ok(if is_current { Write::Committed } else { Write::Stale })
}

type WriteQuery<'q> = Query<'q, (i64, i64)>;

/// Begins a statement, which is made of constants alone.
fn start<'q>(sql: &Arc<str>, accounts: &'q [Revision]) -> WriteQuery<'q> {
    bind(sqlx::query_as(AssertSqlSafe(Arc::clone(sql))), accounts)
}

fn bind_outcomes<'q>(query: WriteQuery<'q>, batch: &'q Batch) -> WriteQuery<'q> {
    let query = bind(bind(query, &batch.outcomes), &batch.attempts);
    bind(bind(query, &batch.health), &batch.statistics)
}

fn bind_events<'q>(query: WriteQuery<'q>, batch: &'q Batch) -> WriteQuery<'q> {
    bind(bind(query, &batch.events), &batch.deliveries)
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
