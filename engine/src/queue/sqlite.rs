//! The hot path on SQLite. What goes by what is remembered takes one trip to a
//! thread of its own ([`hot`]); what has to has_revision first, or changes something else
//! as well, runs the same statements on the connection for everything else.

pub(crate) mod accounts;
pub(crate) mod hot;
mod statements;

use signet_model::{DeliveryId, EventId};
use sqlx::{Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use super::{
    Batch, Write,
    records::{KeyRow, Lease, OutcomeRow, QueueEntry},
};
use crate::db::Result;
use statements::{HAS_REVISION, Row, Value, rows};

/// Writes a batch.
pub(super) async fn write(tx: &mut SqliteConnection, batch: &Batch, queue_entries: &[QueueEntry]) -> Result<Write> {
    for &(account, revision) in &batch.accounts {
        if sqlx::query(HAS_REVISION).bind(account).bind(revision).fetch_optional(&mut *tx).await?.is_none() {
            return Ok(Write::Stale);
        }
    }
    for row in rows(batch, queue_entries) {
        let changed = run(tx, row).await?;
        if changed == 0 && row.statement().must_change() {
            return Ok(Write::Stale);
        }
    }
    Ok(Write::Committed)
}

async fn run(tx: &mut SqliteConnection, row: Row<'_>) -> Result<u64> {
    let mut columns = Vec::new();
    row.columns(&mut columns);
    let query = columns.into_iter().fold(sqlx::query(row.statement().sql()), bind);
    Ok(query.execute(tx).await?.rows_affected())
}

type Unbound<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bind<'q>(query: Unbound<'q>, value: Value<'q>) -> Unbound<'q> {
    match value {
        Value::Null => query.bind(None::<i64>),
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Blob(bytes) => query.bind(bytes),
        Value::Id(id) => query.bind(id),
    }
}

/// Which of these outcomes still have the lease that they assume.
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

pub(super) async fn insert_keys(tx: &mut SqliteConnection, keys: &[KeyRow]) -> Result<Vec<EventId>> {
    let mut new = Vec::with_capacity(keys.len());
    for key in keys {
        if run(tx, Row::Key(key)).await? > 0 {
            new.push(key.event);
        }
    }
    Ok(new)
}

/// What is due by now (`?3`) at an endpoint (`?1`, `?2`), at most so many (`?4`), the
/// earliest first.
pub(super) const DUE: &str = "SELECT id, event_type, is_test, attempts, failures,
       (SELECT body FROM events WHERE events.id = deliveries.event_id) AS body
     FROM deliveries WHERE account_id = ?1 AND endpoint_id = ?2 AND state = 'pending' AND due_at <= ?3
     ORDER BY due_at LIMIT ?4";

/// Claims a delivery (`?1`), until the lease (`?3`) ends (`?2`).
pub(super) const TAKE: &str = "UPDATE deliveries SET due_at = ?2, lease = ?3 WHERE id = ?1";
