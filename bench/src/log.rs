//! The list of deliveries over a very long log: the time of a page by each filter, also by those
//! that nothing matches.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use clap::Args;
use signet_engine::{
    Engine,
    db::DatabaseUrl,
    service::{
        AccountHandle,
        deliveries::{Filter, ResultClass},
    },
};
use signet_model::{AccountId, EndpointId, Timestamp, delivery::State, time::Clock};
use tokio::time::Instant;

use crate::{Options, fixture};

/// The deliveries that one statement stores.
const STEP: u64 = 100_000;
/// The milliseconds between two events.
const APART: u64 = 250;
/// The account that has the log.
const ACCOUNT: &str = "long";
/// The deliveries of a page.
const PAGE: u32 = 25;

/// The time of a page of a long log.
#[derive(Debug, Args)]
pub struct Log {
    /// The deliveries that are stored.
    #[arg(long, default_value_t = 10_000_000)]
    deliveries: u64,
    /// The webhooks that share them.
    #[arg(long, default_value_t = 20)]
    webhooks: usize,
    /// The pages of each filter.
    #[arg(long, default_value_t = 21)]
    pages: u32,
    /// A folder that keeps the log, or has the log of an earlier run.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Only the filters in whose name this is.
    #[arg(long, default_value = "")]
    only: String,
}

/// The log that was filled.
struct Filled {
    account: AccountId,
    endpoints: Vec<EndpointId>,
    /// The acceptance of the first event, and the time until the last one.
    begin: Timestamp,
    span: Duration,
}

impl Log {
    /// Fills a database, and prints the median time of a page by each filter.
    pub async fn run(&self, options: &Options) -> anyhow::Result<()> {
        let temporary = tempfile::tempdir()?;
        let folder = self.folder.as_deref().unwrap_or(temporary.path());
        let (engine, filled) = self.open(options, folder).await?;
        println!("{:<48} {:>10} {:>10}", "filter", "median ms", "longest ms");
        for (name, filter) in filters(&filled).into_iter().filter(|(name, _)| name.contains(&self.only)) {
            let mut times = Vec::new();
            for page in 0..self.pages {
                times.push(time(engine.as_operator_in(filled.account), &filter, &filled, (page, self.pages)).await?);
            }
            times.sort();
            let millis = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
            println!("{name:<48} {:>10.2} {:>10.2}", millis(times.get(times.len() / 2)), millis(times.last()));
        }
        engine.close().await;
        Ok(())
    }

    /// Opens the log that the folder has, or fills one.
    async fn open(&self, options: &Options, folder: &Path) -> anyhow::Result<(Engine, Filled)> {
        let note = folder.join("log");
        if let Ok(text) = std::fs::read_to_string(&note) {
            let (url, begin) = text.split_once('\n').context("a note of a URL and an instant")?;
            let engine = fixture::open(&url.parse()?, folder).await?;
            let filled = self.of(&engine, Timestamp::from_unix_micros(begin.parse()?)).await?;
            return Ok((engine, filled));
        }
        let url = fixture::new_database(options.postgres.as_deref(), folder).await?;
        let engine = fixture::open(&url.parse()?, folder).await?;
        let filled = self.fill(&engine, &url.parse()?).await?;
        std::fs::write(&note, format!("{url}\n{}", filled.begin.unix_micros()))?;
        Ok((engine, filled))
    }

    async fn of(&self, engine: &Engine, begin: Timestamp) -> anyhow::Result<Filled> {
        let account = engine.accounts().find(ACCOUNT).await?.id;
        let endpoints = engine.as_operator_in(account).endpoints().list().await?;
        let endpoints = endpoints.into_iter().map(|endpoint| endpoint.id).collect();
        Ok(Filled { account, endpoints, begin, span: self.span() })
    }

    fn span(&self) -> Duration {
        Duration::from_millis(APART * self.deliveries)
    }

    async fn fill(&self, engine: &Engine, url: &DatabaseUrl) -> anyhow::Result<Filled> {
        let begin = signet_engine::clock::SystemClock.now() - self.span();
        let receiver = "https://receiver.example/hooks".parse()?;
        fixture::add_endpoints(engine, ACCOUNT, &receiver, self.webhooks).await?;
        let filled = self.of(engine, begin).await?;
        let started = Instant::now();
        match url {
            DatabaseUrl::Sqlite(path) => self.fill_sqlite(path, &filled).await?,
            DatabaseUrl::Postgres(url) => self.fill_postgres(url, &filled).await?,
        }
        println!("stored {} deliveries in {} s", self.deliveries, started.elapsed().as_secs());
        Ok(filled)
    }

    async fn fill_sqlite(&self, path: &Path, filled: &Filled) -> anyhow::Result<()> {
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
        for first in (0..self.deliveries).step_by(usize::try_from(STEP)?) {
            let end = self.deliveries.min(first + STEP);
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

    async fn fill_postgres(&self, url: &str, filled: &Filled) -> anyhow::Result<()> {
        let pool = sqlx::PgPool::connect(url).await?;
        let ids: Vec<_> = filled.endpoints.iter().map(|id| format!("'{}'", id.uuid())).collect();
        let values = Values {
            numbers: "generate_series($2::bigint, $3::bigint - 1) AS n (i)",
            id: "CAST(lpad(to_hex($4 + i * 250), 12, '0') || lpad(to_hex(i), 20, '0') AS UUID)",
            at: "to_timestamp(($4 + i * 250) / 1000.0)",
            endpoint: format!("(ARRAY[{}]::uuid[])[1 + i % {}]", ids.join(","), ids.len()),
        };
        for first in (0..self.deliveries).step_by(usize::try_from(STEP)?) {
            let end = self.deliveries.min(first + STEP);
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

fn filters(filled: &Filled) -> Vec<(String, Filter)> {
    let one = filled.endpoints.first().copied();
    let none = || Filter::default();
    let state = |state| Filter { state: Some(state), ..Filter::default() };
    let result = |class| Filter { result: Some(class), ..Filter::default() };
    let mut filters = vec![
        ("all".to_owned(), none()),
        ("one webhook".to_owned(), Filter { endpoint: one, ..none() }),
        ("type".to_owned(), Filter { event_types: Some(["task.completed".parse().expect("a type")].into()), ..none() }),
        (
            "type that nothing has".to_owned(),
            Filter { event_types: Some(["task.failed".parse().expect("a type")].into()), ..none() },
        ),
        ("status 200".to_owned(), Filter { status: Some(200), ..none() }),
        ("status 204, that nothing has".to_owned(), Filter { status: Some(204), ..none() }),
        ("status 404, that nothing has".to_owned(), Filter { status: Some(404), ..none() }),
        ("status 404 at one webhook".to_owned(), Filter { status: Some(404), endpoint: one, ..none() }),
        ("task".to_owned(), Filter { task: Some("task_77".to_owned()), ..none() }),
        ("beginning of a task".to_owned(), Filter { task: Some("task_7".to_owned()), task_begins: true, ..none() }),
        ("task that nothing has".to_owned(), Filter { task: Some("job_".to_owned()), task_begins: true, ..none() }),
        ("beginning of an id".to_owned(), Filter { id: "msg_0".parse().ok(), ..none() }),
        ("id that nothing has".to_owned(), Filter { id: "msg_7zzzzzzz".parse().ok(), ..none() }),
        (
            "failed with 4xx, that nothing has".to_owned(),
            Filter { state: Some(State::Failed), ..result(ResultClass::ClientError) },
        ),
    ];
    filters.extend(State::ALL.iter().map(|&it| (format!("state {}", it.as_str()), state(it))));
    filters.extend(ResultClass::ALL.iter().map(|&(class, name)| (format!("result {name}"), result(class))));
    filters
}

/// The time of all that a page reads, somewhere in the log.
async fn time(
    account: AccountHandle<'_>,
    filter: &Filter,
    filled: &Filled,
    (page, pages): (u32, u32),
) -> anyhow::Result<Duration> {
    let filter = Filter { until: Some(filled.begin + filled.span * (page + 1) / pages), ..filter.clone() };
    let started = Instant::now();
    let (log, ..) = tokio::try_join!(
        account.deliveries_among(filter.searched_by_page(), &filter, None, PAGE),
        account.count_deliveries(&filter),
        account.receivers(),
    )?;
    let events: Vec<_> = log.deliveries.iter().filter_map(|one| one.as_ref().ok()).map(|one| one.event).collect();
    account.tasks_of(&events).await?;
    Ok(started.elapsed())
}
