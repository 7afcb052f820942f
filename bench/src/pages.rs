//! The list of webhooks of an account with many: the time that the server takes for what its page
//! reads, by part and in all.

use std::time::Duration;

use clap::Args;
use signet_engine::{
    db::DatabaseUrl,
    service::{
        AccountHandle,
        endpoints::{ListFilter, ListedStatus},
    },
};
use signet_model::{AccountId, Timestamp, time::Clock};
use tokio::time::Instant;

use crate::{Options, fixture};

/// The webhooks of one page.
const PAGE: u32 = 25;
/// The webhooks that are said to need attention.
const TROUBLES: u32 = 5;
/// One webhook of so many is failing, and one of the next is disabled.
const WELL: i64 = 100;

/// The time of the list of webhooks.
#[derive(Debug, Args)]
pub struct Pages {
    /// The webhooks of the account.
    #[arg(long, default_value_t = 1_000)]
    webhooks: usize,
    /// The rows of statistics of a neighbour.
    #[arg(long, default_value_t = 1_000_000)]
    neighbour: i64,
    /// The times that each page is read.
    #[arg(long, default_value_t = 101)]
    times: usize,
}

impl Pages {
    /// Fills a database, and prints the median time of each page.
    pub async fn run(&self, options: &Options) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let url: DatabaseUrl = fixture::new_database(options.postgres.as_deref(), folder.path()).await?.parse()?;
        let engine = fixture::open(&url, folder.path()).await?;
        let receiver = "https://receiver.example/hooks".parse()?;
        let account = fixture::add_endpoints(&engine, "many", &receiver, self.webhooks).await?;
        let neighbour = fixture::add_endpoints(&engine, "neighbour", &receiver, 1).await?;
        let now = signet_engine::clock::SystemClock.now();
        match &url {
            DatabaseUrl::Sqlite(path) => {
                let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await?;
                for statement in statements(ON_SQLITE, (account, neighbour), now, self.neighbour) {
                    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await?;
                }
                pool.close().await;
            }
            DatabaseUrl::Postgres(url) => {
                let pool = sqlx::PgPool::connect(url).await?;
                for statement in statements(ON_POSTGRES, (account, neighbour), now, self.neighbour) {
                    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await?;
                }
                pool.close().await;
            }
        }
        println!("{:<40} {:>10} {:>10}", "page of webhooks", "median ms", "longest ms");
        for (name, filter) in filters() {
            let mut times = Vec::new();
            for _ in 0..self.times {
                let started = Instant::now();
                read(engine.as_operator_in(account), &filter).await?;
                times.push(started.elapsed());
            }
            times.sort();
            let millis = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
            println!("{name:<40} {:>10.2} {:>10.2}", millis(times.get(times.len() / 2)), millis(times.last()));
        }
        engine.close().await;
        Ok(())
    }
}

fn filters() -> [(&'static str, ListFilter); 5] {
    let status = |status| ListFilter { status: Some(status), ..ListFilter::default() };
    let text = |text: &str| ListFilter { text: text.to_owned(), ..ListFilter::default() };
    [
        ("all", ListFilter::default()),
        ("failing", status(ListedStatus::Failing)),
        ("paused, of which there are none", status(ListedStatus::Paused)),
        ("with a text", text("RECEIVER")),
        ("with a text that none has", text("nowhere")),
    ]
}

/// All that the page reads.
async fn read(account: AccountHandle<'_>, filter: &ListFilter) -> anyhow::Result<()> {
    let endpoints = account.endpoints();
    let counts = endpoints.counts().await?;
    anyhow::ensure!(counts.all > 0, "there are webhooks");
    let listed = endpoints.listed(filter, None, PAGE).await?;
    let ids: Vec<_> = listed.endpoints.iter().map(|endpoint| endpoint.id).collect();
    account.recent_of(&ids).await?;
    account.day_totals().await?;
    if *filter == ListFilter::default() {
        endpoints.in_trouble(TROUBLES).await?;
    }
    Ok(())
}

/// What differs between the databases.
struct Dialect {
    /// An id that is written in hexadecimal.
    id: fn(&str) -> String,
    /// An instant in microseconds, an expression.
    at: fn(&str) -> String,
    /// Numbers from 0 to below one.
    numbers: fn(i64) -> String,
    /// One of the next webhooks by their ids, numbered from 0.
    numbered: &'static str,
}

const ON_SQLITE: Dialect = Dialect {
    id: |id| format!("x'{id}'"),
    at: str::to_owned,
    numbers: |count| {
        format!(
            "(WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count}) SELECT i FROM n) AS n"
        )
    },
    numbered: "row_number() OVER (ORDER BY id)",
};
const ON_POSTGRES: Dialect = Dialect {
    id: |id| format!("CAST('{id}' AS UUID)"),
    at: |micros| format!("TIMESTAMPTZ 'epoch' + ({micros}) * INTERVAL '1 microsecond'"),
    numbers: |count| format!("generate_series(0, {count} - 1) AS n (i)"),
    numbered: "row_number() OVER (ORDER BY id)",
};

/// A day of statistics and the health of each webhook, and many rows of a neighbour.
fn statements(
    Dialect { id, at, numbers, numbered }: Dialect,
    (account, neighbour): (AccountId, AccountId),
    now: Timestamp,
    rows: i64,
) -> Vec<String> {
    const HOUR: i64 = 3_600_000_000;
    let hour = now.unix_micros() / HOUR * HOUR;
    let [account, neighbour] = [account, neighbour].map(|it| id(&it.uuid().simple().to_string()));
    let counts = "1, 0, 0, 10, 90, 20, 5, 1, 0, 0, 0, 0, 0, 0";
    let ago = at(&format!("{hour} - i * {HOUR}"));
    let old = at(&format!("{hour} - (i / 1000) * {HOUR}"));
    let instant = at(&now.unix_micros().to_string());
    vec![
        format!(
            "INSERT INTO statistics SELECT account_id, {ago}, id, 'task.completed', {counts}
             FROM endpoints CROSS JOIN {} WHERE account_id = {account}",
            numbers(24)
        ),
        format!(
            "INSERT INTO statistics SELECT {neighbour}, {old}, {neighbour}, 'type.' || (i % 1000), {counts} FROM {}",
            numbers(rows)
        ),
        format!(
            "INSERT INTO endpoint_health (endpoint_id, account_id, last_success_at, last_failure_at, consecutive_failures)
             SELECT id, account_id, {instant}, {instant}, CASE {numbered} % {WELL} WHEN 0 THEN 1 ELSE 0 END
             FROM endpoints WHERE account_id = {account}"
        ),
        format!(
            "UPDATE endpoints SET disabled_at = {instant}, disabled_reason = 'gone' WHERE id IN
               (SELECT id FROM (SELECT id, {numbered} AS number FROM endpoints WHERE account_id = {account}) AS numbered
                 WHERE number % {WELL} = 1)"
        ),
        "ANALYZE".to_owned(),
    ]
}
