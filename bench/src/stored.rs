//! A long log of deliveries, as years of use leave it.

use std::{path::Path, time::Duration};

use signet_engine::{Engine, db::DatabaseUrl};
use signet_model::{AccountId, EndpointId, Timestamp, time::Clock};
use tokio::time::Instant;

use crate::fixture;

/// The deliveries that one statement stores.
const STEP: u64 = 100_000;
/// The milliseconds between two events.
const APART: u64 = 250;
/// The account that has the log.
const ACCOUNT: &str = "long";

/// A log that is stored.
pub struct Filled {
    pub account: AccountId,
    pub endpoints: Vec<EndpointId>,
    pub deliveries: u64,
    /// The acceptance of the first event.
    pub begin: Timestamp,
}

impl Filled {
    /// Stores a log of so many deliveries, of the time until now.
    pub async fn store(engine: &Engine, url: &DatabaseUrl, webhooks: usize, deliveries: u64) -> anyhow::Result<Self> {
        let begin = signet_engine::clock::SystemClock.now() - span(deliveries);
        let receiver = "https://receiver.example/hooks".parse()?;
        fixture::add_endpoints(engine, ACCOUNT, &receiver, webhooks).await?;
        let filled = Self::of(engine, begin, deliveries).await?;
        let started = Instant::now();
        match url {
            DatabaseUrl::Sqlite(path) => fill_sqlite(path, &filled).await?,
            DatabaseUrl::Postgres(url) => fill_postgres(url, &filled).await?,
        }
        println!("stored {deliveries} deliveries in {} s", started.elapsed().as_secs());
        Ok(filled)
    }

    /// The log that an earlier run has stored.
    pub async fn of(engine: &Engine, begin: Timestamp, deliveries: u64) -> anyhow::Result<Self> {
        let account = engine.accounts().find(ACCOUNT).await?.id;
        let endpoints = engine.as_operator_in(account).endpoints().list().await?;
        let endpoints = endpoints.into_iter().map(|endpoint| endpoint.id).collect();
        Ok(Self { account, endpoints, deliveries, begin })
    }

    /// The time from the first event until the last one.
    pub const fn span(&self) -> Duration {
        span(self.deliveries)
    }
}

const fn span(deliveries: u64) -> Duration {
    Duration::from_millis(APART * deliveries)
}

async fn fill_sqlite(path: &Path, filled: &Filled) -> anyhow::Result<()> {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await?;
    let mut conn = pool.acquire().await?;
    sqlx::query("PRAGMA synchronous = OFF").execute(&mut *conn).await?;
    let ids: Vec<_> = filled.endpoints.iter().map(|id| format!("\"{}\"", id.uuid().simple())).collect();
    let values = Values {
        numbers: "(WITH RECURSIVE n (i) AS (SELECT $2 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $3) SELECT i FROM n) AS n",
        id: "unhex(printf('%012x', $4 + i * 250) || printf('%020x', i))",
        at: "($4 + i * 250) * 1000",
        endpoint: format!("unhex(json_extract('[{}]', '$[' || (i % {}) || ']'))", ids.join(","), ids.len()),
    };
    for first in (0..filled.deliveries).step_by(usize::try_from(STEP)?) {
        let end = filled.deliveries.min(first + STEP);
        let mut tx = sqlx::Connection::begin(&mut *conn).await?;
        for statement in values.statements() {
            let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(filled.account.uuid());
            let query = query.bind(i64::try_from(first)?).bind(i64::try_from(end)?);
            query.bind(filled.begin.unix_micros() / 1_000).execute(&mut *tx).await?;
        }
        tx.commit().await?;
    }
    sqlx::query("ANALYZE").execute(&mut *conn).await?;
    Ok(())
}

async fn fill_postgres(url: &str, filled: &Filled) -> anyhow::Result<()> {
    let pool = sqlx::PgPool::connect(url).await?;
    let ids: Vec<_> = filled.endpoints.iter().map(|id| format!("'{}'", id.uuid())).collect();
    let values = Values {
        numbers: "generate_series($2::bigint, $3::bigint - 1) AS n (i)",
        id: "CAST(lpad(to_hex($4 + i * 250), 12, '0') || lpad(to_hex(i), 20, '0') AS UUID)",
        at: "to_timestamp(($4 + i * 250) / 1000.0)",
        endpoint: format!("(ARRAY[{}]::uuid[])[1 + i % {}]", ids.join(","), ids.len()),
    };
    for first in (0..filled.deliveries).step_by(usize::try_from(STEP)?) {
        let end = filled.deliveries.min(first + STEP);
        let mut tx = pool.begin().await?;
        for statement in values.statements() {
            let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(filled.account.uuid());
            let query = query.bind(i64::try_from(first)?).bind(i64::try_from(end)?);
            query.bind(filled.begin.unix_micros() / 1_000).execute(&mut *tx).await?;
        }
        tx.commit().await?;
    }
    // As autovacuum would after so many rows.
    sqlx::query("VACUUM ANALYZE").execute(&pool).await?;
    Ok(())
}

/// The texts of the values of one row, by its number `i`.
struct Values {
    numbers: &'static str,
    id: &'static str,
    at: &'static str,
    endpoint: String,
}

impl Values {
    /// Most deliveries have arrived; of the others there are some in each state.
    fn statements(&self) -> [String; 3] {
        let Self { numbers, id, at, endpoint } = self;
        let by_number = |failed: &str, discarded: &str, held: &str, pending: &str, delivered: &str| {
            format!(
                "CASE WHEN i % 100 = 0 THEN {failed} WHEN i % 400 = 1 THEN {discarded} WHEN i % 1000 = 2 THEN {held}
                      WHEN i % 5000 = 3 THEN {pending} ELSE {delivered} END"
            )
        };
        let state = by_number("'failed'", "'discarded'", "'held'", "'pending'", "'delivered'");
        let due = by_number("NULL", "NULL", "NULL", at, "NULL");
        let attempts = by_number("1", "0", "0", "0", "1");
        let completed = by_number(at, at, "NULL", "NULL", at);
        let status = by_number("503", "NULL", "NULL", "NULL", "200");
        [
            format!(
                "INSERT INTO events (id, account_id, event_type, body, task_id, occurred_at, accepted_at, fanout, is_test)
                 SELECT {id}, $1, 'task.completed', '{{}}', 'task_' || i, {at}, {at}, 1, FALSE FROM {numbers}"
            ),
            format!(
                "INSERT INTO deliveries (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, attempts,
                   failures, created_at, completed_at)
                 SELECT {id}, $1, {id}, {endpoint}, 'task.completed', FALSE, {state}, {due}, {attempts}, 0, {at}, {completed}
                   FROM {numbers}"
            ),
            format!(
                "INSERT INTO attempts (delivery_id, number, account_id, started_at, duration_us, request_headers, status,
                   response_headers, response_body, body_truncated)
                 SELECT {id}, 1, $1, {at}, 120000, '[[\"content-type\",\"application/json\"]]', status, '[]', 'OK', FALSE
                   FROM (SELECT i, {status} AS status FROM {numbers}) AS answered WHERE status IS NOT NULL"
            ),
        ]
    }
}
