//! The hot path on SQLite: rows travel as row values, in statements for 64, 32,
//! 16 … 1 rows, so that every statement stays prepared.

use std::sync::{Arc, LazyLock};

use signet_model::{AccountId, DeliveryId, EndpointId, EventId, Timestamp};
use sqlx::{AssertSqlSafe, Sqlite, Transaction};

use super::{
    Lock, changed_health,
    rows::{AttemptRow, Claim, Claimed, DeliveryRow, EventRow, FinishRow, HealthRow, KeyRow, Lease, Touch},
};
use crate::store::Result;

type Connection = Transaction<'static, Sqlite>;

/// Statements are prepared for up to two to this power rows.
const LARGEST_POWER: u32 = 7;

/// One statement, written out for each number of rows that is a power of two. A
/// batch takes the next larger one, and rows of NULL fill it up, which the
/// statement skips: every statement is a trip to the thread that SQLite runs in,
/// and that costs more than a few empty rows.
struct Batched([Arc<str>; LARGEST_POWER as usize + 1]);

impl Batched {
    /// `{rows}` in `sql` becomes so many row values of so many columns.
    fn new(sql: &str, columns: usize) -> Self {
        Self(std::array::from_fn(|power| sql.replace("{rows}", &row_values(1 << power, columns)).into()))
    }

    /// Cuts a batch into pieces, and gives each its statement.
    fn pieces<'r, T>(&self, rows: &'r [T]) -> impl Iterator<Item = (AssertSqlSafe<Arc<str>>, Padded<'r, T>)> {
        rows.chunks(1 << LARGEST_POWER).map(|rows| {
            let len = rows.len().next_power_of_two();
            // Made of constants and placeholders alone.
            (AssertSqlSafe(Arc::clone(&self.0[len.ilog2() as usize])), Padded { rows, len })
        })
    }
}

/// Rows, and how many there are with those of NULL behind them.
struct Padded<'r, T> {
    rows: &'r [T],
    len: usize,
}

impl<'r, T> Padded<'r, T> {
    fn iter(&self) -> impl Iterator<Item = Option<&'r T>> {
        self.rows.iter().map(Some).chain(std::iter::repeat(None)).take(self.len)
    }
}

fn row_values(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    vec![row; rows].join(",")
}

pub(super) async fn lock_accounts(
    tx: &mut Connection,
    accounts: &[AccountId],
    _: Lock,
) -> Result<Vec<(AccountId, i64)>> {
    static SQL: LazyLock<Batched> =
        LazyLock::new(|| Batched::new("SELECT id, revision FROM accounts WHERE id IN (VALUES {rows})", 1));
    let mut found = Vec::with_capacity(accounts.len());
    for (sql, piece) in SQL.pieces(accounts) {
        let query = piece.iter().fold(sqlx::query_as::<_, (AccountId, i64)>(sql), |query, id| query.bind(id.copied()));
        found.extend(query.fetch_all(&mut **tx).await?);
    }
    Ok(found)
}

pub(super) async fn insert_keys(tx: &mut Connection, keys: &[KeyRow]) -> Result<Vec<EventId>> {
    static SQL: LazyLock<Batched> = LazyLock::new(|| {
        Batched::new(
            "INSERT INTO idempotency_keys (account_id, key, request_hash, event_id, fanout, created_at)
             SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL ON CONFLICT DO NOTHING RETURNING event_id",
            6,
        )
    });
    let mut inserted = Vec::with_capacity(keys.len());
    for (sql, piece) in SQL.pieces(keys) {
        let query = piece.iter().fold(sqlx::query_scalar::<_, EventId>(sql), |query, row| {
            query
                .bind(row.map(|row| row.account))
                .bind(row.map(|row| row.key.clone()))
                .bind(row.map(|row| row.request_hash.to_vec()))
                .bind(row.map(|row| row.event))
                .bind(row.map(|row| row.fanout))
                .bind(row.map(|row| row.created_at))
        });
        inserted.extend(query.fetch_all(&mut **tx).await?);
    }
    Ok(inserted)
}

pub(super) async fn insert_events(tx: &mut Connection, events: &[EventRow<'_>]) -> Result<()> {
    static SQL: LazyLock<Batched> = LazyLock::new(|| {
        Batched::new(
            "INSERT INTO events (id, account_id, event_type, body, task_id, occurred_at, accepted_at, fanout, is_test)
             SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL",
            9,
        )
    });
    for (sql, piece) in SQL.pieces(events) {
        let query = piece.iter().fold(sqlx::query(sql), |query, row| {
            query
                .bind(row.map(|row| row.id))
                .bind(row.map(|row| row.account))
                .bind(row.map(|row| row.event_type.as_str()))
                .bind(row.map(|row| row.body))
                .bind(row.and_then(|row| row.task_id))
                .bind(row.map(|row| row.occurred_at))
                .bind(row.map(|row| row.accepted_at))
                .bind(row.map(|row| row.fanout))
                .bind(row.map(|row| row.is_test))
        });
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

pub(super) async fn insert_deliveries(tx: &mut Connection, deliveries: &[DeliveryRow]) -> Result<()> {
    static SQL: LazyLock<Batched> = LazyLock::new(|| {
        Batched::new(
            "INSERT INTO deliveries (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, lease, created_at)
             SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL",
            10,
        )
    });
    for (sql, piece) in SQL.pieces(deliveries) {
        let query = piece.iter().fold(sqlx::query(sql), |query, row| {
            query
                .bind(row.map(|row| row.id))
                .bind(row.map(|row| row.account))
                .bind(row.map(|row| row.event))
                .bind(row.map(|row| row.endpoint))
                .bind(row.map(|row| row.event_type.as_str()))
                .bind(row.map(|row| row.is_test))
                .bind(row.map(|row| row.state().as_str()))
                .bind(row.and_then(|row| row.due_at))
                .bind(row.and_then(|row| row.lease))
                .bind(row.map(|row| row.created_at))
        });
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

pub(super) async fn touch(tx: &mut Connection, touches: &[Touch]) -> Result<()> {
    static SQL: LazyLock<Batched> = LazyLock::new(|| {
        Batched::new(
            "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at)
             SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL
             ON CONFLICT (account_id, endpoint_id) DO UPDATE SET next_due_at = excluded.next_due_at
             WHERE excluded.next_due_at < endpoint_queues.next_due_at",
            3,
        )
    });
    for (sql, piece) in SQL.pieces(touches) {
        let query = piece.iter().fold(sqlx::query(sql), |query, row| {
            query.bind(row.map(|row| row.account)).bind(row.map(|row| row.endpoint)).bind(row.map(|row| row.due_at))
        });
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

/// A statement with `{skip}` for the endpoints that are to be left out, which
/// are few, since each of them has as many attempts under way as it may.
fn skipping(sql: &str, skip: &[EndpointId]) -> AssertSqlSafe<String> {
    let list = vec!["?"; skip.len()].join(",");
    // Made of constants and placeholders alone.
    AssertSqlSafe(sql.replace("{skip}", &list))
}

pub(super) const DUE_ENDPOINTS: &str = "SELECT account_id, endpoint_id FROM endpoint_queues
     WHERE next_due_at <= ? AND endpoint_id NOT IN ({skip}) ORDER BY next_due_at LIMIT ?";

pub(super) async fn due_endpoints(
    tx: &mut Connection,
    now: Timestamp,
    skip: &[EndpointId],
    limit: i64,
) -> Result<Vec<(AccountId, EndpointId)>> {
    let query = sqlx::query_as(skipping(DUE_ENDPOINTS, skip)).persistent(skip.is_empty()).bind(now);
    let query = skip.iter().fold(query, |query, id| query.bind(*id));
    Ok(query.bind(limit).fetch_all(&mut **tx).await?)
}

pub(super) async fn next_due(conn: &mut sqlx::SqliteConnection, skip: &[EndpointId]) -> Result<Option<Timestamp>> {
    const SQL: &str =
        "SELECT next_due_at FROM endpoint_queues WHERE endpoint_id NOT IN ({skip}) ORDER BY next_due_at LIMIT 1";
    let query = sqlx::query_scalar(skipping(SQL, skip)).persistent(skip.is_empty());
    let query = skip.iter().fold(query, |query, id| query.bind(*id));
    Ok(query.fetch_optional(conn).await?)
}

pub(super) const CLAIM: &str = "UPDATE deliveries SET due_at = $1, lease = $2 WHERE id IN
       (SELECT id FROM deliveries WHERE account_id = $3 AND endpoint_id = $4 AND state = 'pending' AND due_at <= $5
         ORDER BY due_at LIMIT $6)
     RETURNING id, account_id, event_id, endpoint_id, event_type, is_test, attempts, failures,
       (SELECT body FROM events WHERE events.id = deliveries.event_id) AS body";

pub(super) async fn claim(
    tx: &mut Connection,
    claims: &[Claim],
    now: Timestamp,
    until: Timestamp,
    lease: Lease,
) -> Result<Vec<Claimed>> {
    let mut claimed = Vec::new();
    for from in claims {
        let rows: Vec<Claimed> = sqlx::query_as(CLAIM)
            .bind(until)
            .bind(lease)
            .bind(from.account)
            .bind(from.endpoint)
            .bind(now)
            .bind(from.limit)
            .fetch_all(&mut **tx)
            .await?;
        claimed.extend(rows);
    }
    Ok(claimed)
}

pub(super) async fn finish(tx: &mut Connection, rows: &[FinishRow]) -> Result<Vec<DeliveryId>> {
    static SQL: LazyLock<Batched> = LazyLock::new(|| {
        Batched::new(
            "WITH outcome (id, lease, state, due_at, attempts, failures, completed_at) AS (VALUES {rows})
             UPDATE deliveries SET state = outcome.state, due_at = outcome.due_at, lease = NULL,
               attempts = outcome.attempts, failures = outcome.failures, completed_at = outcome.completed_at
             FROM outcome WHERE deliveries.id = outcome.id AND deliveries.lease = outcome.lease
             RETURNING deliveries.id",
            7,
        )
    });
    let mut finished = Vec::with_capacity(rows.len());
    for (sql, piece) in SQL.pieces(rows) {
        let query = piece.iter().fold(sqlx::query_scalar::<_, DeliveryId>(sql), |query, row| {
            query
                .bind(row.map(|row| row.delivery))
                .bind(row.map(|row| row.lease))
                .bind(row.map(|row| row.state.as_str()))
                .bind(row.and_then(|row| row.due_at))
                .bind(row.map(|row| row.attempts))
                .bind(row.map(|row| row.failures))
                .bind(row.and_then(|row| row.completed_at))
        });
        finished.extend(query.fetch_all(&mut **tx).await?);
    }
    Ok(finished)
}

pub(super) async fn insert_attempts(tx: &mut Connection, rows: &[AttemptRow]) -> Result<()> {
    static SQL: LazyLock<Batched> = LazyLock::new(|| {
        Batched::new(
            "INSERT INTO attempts (account_id, delivery_id, number, started_at, duration_us, first_byte_us, request_headers,
               status, response_headers, response_body, body_truncated, failure, failure_detail)
             SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL",
            13,
        )
    });
    for (sql, piece) in SQL.pieces(rows) {
        let query = piece.iter().fold(sqlx::query(sql), |query, row| {
            query
                .bind(row.map(|row| row.account))
                .bind(row.map(|row| row.delivery))
                .bind(row.map(|row| row.number))
                .bind(row.map(|row| row.started_at))
                .bind(row.map(|row| row.duration_us))
                .bind(row.and_then(|row| row.first_byte_us))
                .bind(row.map(|row| row.request_headers.as_str()))
                .bind(row.and_then(|row| row.status))
                .bind(row.and_then(|row| row.response_headers.as_deref()))
                .bind(row.and_then(|row| row.response_body.as_deref()))
                .bind(row.map(|row| row.body_truncated))
                .bind(row.and_then(|row| row.failure))
                .bind(row.and_then(|row| row.failure_detail.as_deref()))
        });
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

pub(super) async fn update_health(tx: &mut Connection, rows: &[HealthRow]) -> Result<()> {
    static SQL: LazyLock<Batched> = LazyLock::new(|| {
        Batched::new(
            concat!(
                "INSERT INTO endpoint_health (account_id, endpoint_id, last_success_at, last_failure_at, consecutive_failures)
                 SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL ",
                changed_health!()
            ),
            5,
        )
    });
    for (sql, piece) in SQL.pieces(rows) {
        let query = piece.iter().fold(sqlx::query(sql), |query, row| {
            query
                .bind(row.map(|row| row.account))
                .bind(row.map(|row| row.endpoint))
                .bind(row.and_then(|row| row.last_success_at))
                .bind(row.and_then(|row| row.last_failure_at))
                .bind(row.map(|row| row.failures))
        });
        query.execute(&mut **tx).await?;
    }
    Ok(())
}
