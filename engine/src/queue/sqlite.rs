//! The hot path on SQLite. Batches and claims take one trip to a [thread](thread) of their
//! own. A transaction that reads first, or changes other rows as well, runs the same
//! statements on the ordinary connection.

mod prepared;
mod statements;
mod thread;

use signet_model::{DeliveryId, EventId};
use sqlx::SqliteConnection;

use super::{
    Batch, Claim, ClaimOrder, HotPath, KeyRow, Lease, OutcomeRow, QueueEntry, Write, WriteError,
    record::{Column, Record, Value},
};
use crate::db::{Result, Sqlite, Tx};
use statements::WRITE;
#[cfg(test)]
pub(super) use statements::{LEASE, NEXT_START, READ_DUE, SET_NEXT_START};
use thread::Thread;

/// The SQLite driver. Clones share its thread.
#[derive(Debug, Clone)]
pub(crate) struct Driver {
    db: Sqlite,
    thread: Thread,
}

impl Driver {
    pub(super) fn open(db: &Sqlite) -> Self {
        Self { db: db.clone(), thread: Thread::start(db.hot_options()) }
    }

    pub(super) async fn close(&self) {
        self.thread.close().await;
    }

    /// Waits until the thread has ended, after which no batch can be written.
    pub(super) async fn broken(&self) {
        self.thread.ended().await;
    }
}

impl HotPath for Driver {
    async fn write(&mut self, batch: Batch) -> Result<Write, WriteError> {
        let _turn = self.db.turn.lock().await;
        self.thread.write(batch).await
    }

    async fn claim(&mut self, order: ClaimOrder) -> Result<Claim> {
        let _turn = self.db.turn.lock().await;
        self.thread.claim(order).await
    }

    async fn begin(&mut self) -> Result<Tx<'_>> {
        Ok(Tx::Sqlite(self.db.begin().await?))
    }

    /// The thread keeps its connection.
    fn renew(&mut self) {}
}

/// Writes a batch, except for its commit, on the ordinary connection.
pub(super) async fn write(tx: &mut SqliteConnection, batch: &Batch, queue_entries: &[QueueEntry]) -> Result<Write> {
    if insert_keys(tx, &batch.keys).await?.len() < batch.keys.len()
        || run(tx, &WRITE.finish, &batch.outcomes).await? < batch.outcomes.len()
    {
        return Ok(Write::Stale);
    }
    run(tx, &WRITE.insert_attempt, &batch.attempts).await?;
    run(tx, &WRITE.update_health, &batch.health).await?;
    run(tx, &WRITE.add_statistics, &batch.statistics).await?;
    run(tx, &WRITE.insert_event, &batch.events).await?;
    run(tx, &WRITE.insert_delivery, &batch.deliveries).await?;
    run(tx, &WRITE.pull_forward, queue_entries).await?;
    Ok(Write::Committed)
}

/// Stores idempotency keys; returns the events whose key was new.
pub(super) async fn insert_keys(tx: &mut SqliteConnection, keys: &[KeyRow]) -> Result<Vec<EventId>> {
    let mut new = Vec::with_capacity(keys.len());
    for key in keys {
        if run(tx, &WRITE.insert_key, std::slice::from_ref(key)).await? > 0 {
            new.push(key.event);
        }
    }
    Ok(new)
}

/// Returns the outcomes whose lease still holds.
pub(super) async fn still_leased(tx: &mut SqliteConnection, rows: &[OutcomeRow]) -> Result<Vec<(DeliveryId, Lease)>> {
    const SQL: &str = "SELECT id, lease FROM deliveries WHERE id = $1 AND lease = $2";
    let mut leased = Vec::with_capacity(rows.len());
    for row in rows {
        let found: Option<(DeliveryId, Lease)> =
            sqlx::query_as(SQL).bind(row.delivery).bind(row.lease).fetch_optional(&mut *tx).await?;
        leased.extend(found);
    }
    Ok(leased)
}

/// Runs a statement once for each row, and returns the number of rows that it changed.
async fn run<R: Record>(tx: &mut SqliteConnection, sql: &'static str, rows: &[R]) -> Result<usize> {
    let mut changed = 0;
    for row in rows {
        let query = R::COLUMNS.iter().fold(sqlx::query(sql), |query, Column(_, value)| match value {
            Value::Uuid(of) => query.bind(of(row)),
            Value::Text(of) => query.bind(of(row)),
            Value::Bytes(of) => query.bind(of(row)),
            Value::Int(of) => query.bind(of(row)),
            Value::BigInt(of) => query.bind(of(row)),
            Value::Bool(of) => query.bind(of(row)),
            Value::Instant(of) => query.bind(of(row)),
        });
        changed += usize::try_from(query.execute(&mut *tx).await?.rows_affected()).unwrap_or(usize::MAX);
    }
    Ok(changed)
}
