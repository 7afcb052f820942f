//! The database as the server finds it: accounts, endpoints and a backlog.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use signet_engine::{
    Engine, Environment, Settings,
    clock::SystemClock,
    outbound::{Client, Config, Policy},
    random::Random,
    seal::{SealKey, Sealer},
    store::{Database, DatabaseUrl, endpoints::EndpointDraft},
};
use signet_model::{AccountId, Subscriptions, endpoint::EndpointUrl, text::Description};
use tempfile::TempDir;

/// Retries of one endpoint that are pending in the database.
#[derive(Debug)]
pub struct Backlog {
    pub count: u32,
    pub url: EndpointUrl,
    /// The retries are due already; otherwise they fall due over the next hours.
    pub overdue: bool,
}

/// The database, and a folder with the files that the server reads.
#[derive(Debug)]
pub struct Fixture {
    folder: TempDir,
    /// The value of the server's option `--database`.
    pub database: String,
    /// Names of the accounts, which have one endpoint each.
    pub accounts: Vec<String>,
    /// An operator's key, which serves every account.
    pub api_key: String,
    url: DatabaseUrl,
}

impl Fixture {
    /// Makes an account for each of the URLs, and one more for the backlog.
    pub async fn create(
        postgres: Option<&str>,
        urls: &[EndpointUrl],
        authority: &str,
        backlog: Backlog,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let database = match postgres {
            Some(server) => new_postgres_database(server).await?,
            None => format!("sqlite:{}", folder.path().join("signet.db").display()),
        };
        let url: DatabaseUrl = database.parse()?;
        std::fs::write(folder.path().join("authority.pem"), authority)?;
        let random = Random::from_system();
        let key = SealKey::load_or_create(&folder.path().join("key"), &random)?;
        let client = Config {
            policy: Policy::PublicAndLoopback,
            extra_authorities: Vec::new(),
            budget: Settings::default().budget,
            max_response_body: 0,
        };
        let environment = Environment {
            db: Database::connect(&url).await?,
            clock: Arc::new(SystemClock),
            random,
            sealer: Sealer::new(key),
            policy: client.policy,
            client: Client::new(&client)?,
        };
        let engine = Engine::new(environment, Settings::default());
        let mut accounts = Vec::with_capacity(urls.len());
        for (index, endpoint) in urls.iter().enumerate() {
            let name = format!("customer-{index}");
            add_endpoint(&engine, &name, endpoint.clone()).await?;
            accounts.push(name);
        }
        if backlog.count > 0 {
            let account = add_endpoint(&engine, "backlog", backlog.url.clone()).await?;
            add_pending(&url, account, &backlog).await?;
        }
        let (_, api_key) = engine.create_api_key(None, &"bench".parse()?).await?;
        engine.close().await;
        Ok(Self { folder, database, accounts, api_key, url })
    }

    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// The id of the PostgreSQL server's process; `None` on SQLite.
    pub async fn postgres_process(&self) -> anyhow::Result<Option<u32>> {
        let DatabaseUrl::Postgres(url) = &self.url else { return Ok(None) };
        let pool = sqlx::PgPool::connect(url).await?;
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await?;
        Ok(crate::cpu::parent(backend.unsigned_abs()))
    }
}

async fn add_endpoint(engine: &Engine, name: &str, url: EndpointUrl) -> anyhow::Result<AccountId> {
    let account = engine.create_account(&name.parse()?).await?.context("a new name")?.id;
    let draft = EndpointDraft { url, description: Description::default(), event_types: Subscriptions::all() };
    engine.create_endpoint(account, draft, &engine.new_secret()).await?;
    Ok(account)
}

async fn new_postgres_database(server: &str) -> anyhow::Result<String> {
    let name = format!("bench_{}", signet_model::signature::hex(&Random::from_system().bytes::<6>()));
    let pool = sqlx::PgPool::connect(server).await?;
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await?;
    let (base, query) = server.split_once('?').unwrap_or((server, ""));
    let base = base.rsplit_once('/').context("a URL with a database")?.0;
    Ok(format!("{base}/{name}?{query}"))
}

/// Adds pending retries over four hours, which begin in an hour, or have passed if
/// the backlog is overdue.
async fn add_pending(url: &DatabaseUrl, account: AccountId, backlog: &Backlog) -> anyhow::Result<()> {
    const SQLITE_EVENTS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
         INSERT INTO events (id, account_id, event_type, body, occurred_at, accepted_at, fanout, is_test)
         SELECT unhex(printf('%032x', i)), $1, 'task.completed', '{}', 0, 0, 1, 0 FROM n";
    const SQLITE_DELIVERIES: &str = "INSERT INTO deliveries
           (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, attempts, failures, created_at)
         SELECT events.id, $1, events.id, endpoints.id, 'task.completed', 0, 'pending',
           (unixepoch() + $2 + abs(random() % 14400)) * 1000000, 0, 0, 0
         FROM events JOIN endpoints ON endpoints.account_id = events.account_id WHERE events.account_id = $1";
    const POSTGRES_EVENTS: &str = "INSERT INTO events
           (id, account_id, event_type, body, occurred_at, accepted_at, fanout, is_test)
         SELECT lpad(to_hex(i), 32, '0')::uuid, $1, 'task.completed', '{}', now(), now(), 1, false
         FROM generate_series(1, $2) AS i";
    const POSTGRES_DELIVERIES: &str = "INSERT INTO deliveries
           (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, attempts, failures, created_at)
         SELECT events.id, $1, events.id, endpoints.id, 'task.completed', false, 'pending',
           now() + $2 * interval '1 second' + random() * interval '4 hours', 0, 0, now()
         FROM events JOIN endpoints ON endpoints.account_id = events.account_id WHERE events.account_id = $1";
    const QUEUES: &str = "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at)
         SELECT account_id, endpoint_id, min(due_at) FROM deliveries WHERE account_id = $1 GROUP BY account_id, endpoint_id";
    let account = account.uuid();
    let begin = if backlog.overdue { -18_000 } else { 3_600 };
    match url {
        DatabaseUrl::Sqlite(path) => {
            let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await?;
            sqlx::query(SQLITE_EVENTS).bind(account).bind(i64::from(backlog.count)).execute(&pool).await?;
            sqlx::query(SQLITE_DELIVERIES).bind(account).bind(begin).execute(&pool).await?;
            sqlx::query(QUEUES).bind(account).execute(&pool).await?;
            pool.close().await;
        }
        DatabaseUrl::Postgres(url) => {
            let pool = sqlx::PgPool::connect(url).await?;
            sqlx::query(POSTGRES_EVENTS).bind(account).bind(i32::try_from(backlog.count)?).execute(&pool).await?;
            sqlx::query(POSTGRES_DELIVERIES).bind(account).bind(f64::from(begin)).execute(&pool).await?;
            sqlx::query(QUEUES).bind(account).execute(&pool).await?;
            sqlx::query("ANALYZE").execute(&pool).await?;
            pool.close().await;
        }
    }
    Ok(())
}
