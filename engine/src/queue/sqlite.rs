//! The hot path on SQLite. What goes by what is remembered takes one trip to a
//! thread of its own ([`hot`]); what has to look first, or changes something else
//! as well, runs the same statements on the connection for everything else.

pub(crate) mod accounts;
pub(crate) mod hot;
mod statements;

use signet_model::{AccountId, DeliveryId, EndpointId, EventId, Timestamp};
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use super::{
    Batch, Write,
    rows::{FinishRow, KeyRow, Lease, Touch},
};
use crate::store::Result;
use statements::{LOOK, Row, Value, rows};

/// Writes a batch.
pub(super) async fn write(tx: &mut SqliteConnection, batch: &Batch, touches: &[Touch]) -> Result<Write> {
    for &(account, revision) in &batch.accounts {
        if sqlx::query(LOOK).bind(account).bind(revision).fetch_optional(&mut *tx).await?.is_none() {
            return Ok(Write::Stale);
        }
    }
    for row in rows(batch, touches) {
        let changed = run(tx, row).await?;
        if changed == 0 && row.statement().must_change() {
            return Ok(Write::Stale);
        }
    }
    Ok(Write::Done)
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
pub(super) async fn still_leased(tx: &mut SqliteConnection, rows: &[FinishRow]) -> Result<Vec<(DeliveryId, Lease)>> {
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

/// A statement with `{skip}` for the endpoints that are to be left out, which
/// are few, since each of them has as many attempts under way as it may.
fn skipping(sql: &str, skip: &[EndpointId]) -> AssertSqlSafe<String> {
    let list = vec!["?"; skip.len()].join(",");
    // Made of constants and placeholders alone.
    AssertSqlSafe(sql.replace("{skip}", &list))
}

/// Passes over a row with an id of another length, which leads to no account or endpoint.
pub(super) const DUE_ENDPOINTS: &str = "SELECT account_id, endpoint_id FROM endpoint_queues
     WHERE next_due_at <= ? AND endpoint_id NOT IN ({skip}) AND length(account_id) = 16 AND length(endpoint_id) = 16
     ORDER BY next_due_at LIMIT ?";

pub(super) async fn due_endpoints(
    tx: &mut SqliteConnection,
    now: Timestamp,
    skip: &[EndpointId],
    limit: i64,
) -> Result<Vec<(AccountId, EndpointId)>> {
    let query = sqlx::query_as(skipping(DUE_ENDPOINTS, skip)).persistent(skip.is_empty()).bind(now);
    let query = skip.iter().fold(query, |query, id| query.bind(*id));
    Ok(query.bind(limit).fetch_all(tx).await?)
}

pub(super) const NEXT_DUE: &str = "SELECT next_due_at FROM endpoint_queues WHERE endpoint_id NOT IN ({skip})
       AND length(account_id) = 16 AND length(endpoint_id) = 16 ORDER BY next_due_at LIMIT 1";

pub(super) async fn next_due(conn: &mut SqliteConnection, skip: &[EndpointId]) -> Result<Option<Timestamp>> {
    let query = sqlx::query_scalar(skipping(NEXT_DUE, skip)).persistent(skip.is_empty());
    let query = skip.iter().fold(query, |query, id| query.bind(*id));
    Ok(query.fetch_optional(conn).await?)
}

/// Claims at an endpoint (`?1`, `?2`) at most so many (`?4`) of what is due by now
/// (`?3`), until the lease (`?6`) ends (`?5`).
pub(super) const CLAIM: &str = "UPDATE deliveries SET due_at = ?5, lease = ?6 WHERE id IN
       (SELECT id FROM deliveries WHERE account_id = ?1 AND endpoint_id = ?2 AND state = 'pending' AND due_at <= ?3
         ORDER BY due_at LIMIT ?4)
     RETURNING id, event_type, is_test, attempts, failures,
       (SELECT body FROM events WHERE events.id = deliveries.event_id) AS body";
