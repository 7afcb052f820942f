//! The database as the server finds it: accounts, endpoints and a backlog.

use std::{
    iter,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use signet_engine::{
    Engine, Environment, Settings,
    clock::SystemClock,
    db::{Database, DatabaseUrl},
    outbound::{Client, Config, Policy},
    random::Random,
    seal::{KeyRing, Sealer},
    service::{
        api_keys::ApiKeyDraft,
        endpoints::EndpointDraft,
        event_types::{EventTypeContent, EventTypeDraft},
    },
};
use signet_model::{AccountId, Scopes, Subscriptions, endpoint::EndpointUrl, time::Clock};
use tempfile::TempDir;

use crate::{
    producer::{SCHEMA, event_type},
    stored::Filled,
};

/// The webhooks that share a long log.
const LOG_WEBHOOKS: usize = 20;

/// An account with endpoints that have pending deliveries in the database.
#[derive(Debug)]
pub struct Backlog {
    pub endpoints: usize,
    /// Deliveries of each endpoint.
    pub pending: u32,
    pub url: EndpointUrl,
    /// The range in which they fall due, in seconds from now.
    pub due: Range<i32>,
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
    /// Makes an account for each of the URLs, and one for each of the backlogs.
    pub async fn create(
        postgres: Option<&str>,
        urls: &[EndpointUrl],
        authority: &str,
        backlogs: &[Backlog],
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let database = new_database(postgres, folder.path()).await?;
        let url: DatabaseUrl = database.parse()?;
        std::fs::write(folder.path().join("authority.pem"), authority)?;
        let engine = open(&url, folder.path()).await?;
        let mut accounts = Vec::with_capacity(urls.len());
        for (index, endpoint) in urls.iter().enumerate() {
            let name = format!("customer-{index}");
            add_endpoints(&engine, &name, endpoint, 1).await?;
            accounts.push(name);
        }
        let mut owners = Vec::with_capacity(backlogs.len());
        for (index, backlog) in backlogs.iter().enumerate() {
            let name = format!("backlog-{index}");
            owners.push(add_endpoints(&engine, &name, &backlog.url, backlog.endpoints).await?);
        }
        if !backlogs.is_empty() {
            add_pending(&url, iter::zip(owners, backlogs)).await?;
        }
        let draft = ApiKeyDraft { name: "bench".parse()?, scopes: Scopes::ALL, expires_at: None };
        let api_key = engine.operator_keys().create(&signet_engine::actor::Operator::signet(), &draft).await?.text;
        engine.close().await;
        Ok(Self { folder, database, accounts, api_key, url })
    }

    /// Adds event types of the operator's own, half of them with a schema.
    pub async fn add_event_types(&self, number: usize) -> anyhow::Result<()> {
        let draft = |number: usize| -> anyhow::Result<EventTypeDraft> {
            let content = EventTypeContent {
                description: "An event of the bench.".parse()?,
                schema: number.is_multiple_of(2).then(|| SCHEMA.to_owned()),
                sample: None,
                reference: None,
            };
            Ok(EventTypeDraft { name: event_type(number).parse()?, content })
        };
        let drafts = (0..number).map(draft).collect::<anyhow::Result<Vec<_>>>()?;
        if !drafts.is_empty() {
            let engine = open(&self.url, self.folder.path()).await?;
            engine.event_types().import(&signet_engine::actor::Operator::signet(), drafts.try_into()?).await?;
            engine.close().await;
        }
        Ok(())
    }

    /// Stores a long log of another account.
    pub async fn store(&self, deliveries: u64) -> anyhow::Result<()> {
        let engine = open(&self.url, self.folder.path()).await?;
        Filled::store(&engine, &self.url, LOG_WEBHOOKS, deliveries).await?;
        engine.close().await;
        Ok(())
    }

    pub const fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
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

/// An engine on the database, which sends nothing itself.
pub async fn open(url: &DatabaseUrl, folder: &Path) -> anyhow::Result<Engine> {
    open_at(url, folder, Arc::new(SystemClock)).await
}

/// The same, going by a clock.
pub async fn open_at(url: &DatabaseUrl, folder: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<Engine> {
    let random = Random::from_system();
    let key = KeyRing::load_or_create(&folder.join("key"), &random)?;
    let client = Config {
        policy: Policy::public_and_loopback(),
        egress_proxy: None,
        extra_authorities: Vec::new(),
        budget: Settings::default().budget,
        max_response_body: 0,
    };
    let environment = Environment {
        db: Database::connect(url).await?,
        clock,
        random,
        sealer: Sealer::new(key),
        policy: client.policy.clone(),
        client: Client::new(&client)?,
    };
    let settings = Settings { max_endpoints_per_account: u32::MAX, ..Settings::default() };
    Ok(Engine::new(environment, settings))
}

/// Makes an account with so many webhooks.
pub async fn add_endpoints(engine: &Engine, name: &str, url: &EndpointUrl, number: usize) -> anyhow::Result<AccountId> {
    let account = engine.accounts().create(&signet_engine::actor::Operator::signet(), &name.parse()?).await?.id;
    add_endpoints_to(engine, account, url, number).await?;
    Ok(account)
}

/// Gives an account so many more webhooks.
pub async fn add_endpoints_to(
    engine: &Engine,
    account: AccountId,
    url: &EndpointUrl,
    number: usize,
) -> anyhow::Result<()> {
    for _ in 0..number {
        let draft = EndpointDraft::new(url.clone(), Subscriptions::all());
        engine.as_operator_in(account).endpoints().create(draft, &engine.new_secret()).await?;
    }
    Ok(())
}

/// The URL of a database of its own: on the server if there is one, otherwise in the folder.
pub async fn new_database(postgres: Option<&str>, folder: &Path) -> anyhow::Result<String> {
    match postgres {
        Some(server) => new_postgres_database(server).await,
        None => Ok(format!("sqlite:{}", folder.join("signet.db").display())),
    }
}

/// Makes a database of its own on the server.
async fn new_postgres_database(server: &str) -> anyhow::Result<String> {
    let name = format!("bench_{}", hex::encode(Random::from_system().bytes::<6>()));
    let pool = sqlx::PgPool::connect(server).await?;
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await?;
    let (base, query) = server.split_once('?').unwrap_or((server, ""));
    let base = base.rsplit_once('/').context("a URL with a database")?.0;
    Ok(format!("{base}/{name}?{query}"))
}

/// Deliveries that are pending have their endpoints in the queue.
const QUEUES: &str = "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at)
         SELECT account_id, endpoint_id, min(due_at) FROM deliveries WHERE account_id = $1 GROUP BY account_id, endpoint_id";

/// Adds the backlog of each account, due at random instants of its range.
async fn add_pending(url: &DatabaseUrl, backlogs: impl Iterator<Item = (AccountId, &Backlog)>) -> anyhow::Result<()> {
    match url {
        DatabaseUrl::Sqlite(path) => add_to_sqlite(&format!("sqlite:{}", path.display()), backlogs).await,
        DatabaseUrl::Postgres(url) => add_to_postgres(url, backlogs).await,
    }
}

async fn add_to_sqlite(url: &str, backlogs: impl Iterator<Item = (AccountId, &Backlog)>) -> anyhow::Result<()> {
    const EVENTS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
         INSERT INTO events (id, account_id, event_type, body, occurred_at, accepted_at, fanout, is_test)
         SELECT unhex(printf('%032x', $3 + i)), $1, 'task.completed', '{}', 0, 0, 1, 0 FROM n";
    const DELIVERIES: &str = "INSERT INTO deliveries
           (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, attempts, failures, created_at)
         SELECT unhex(printf('%032x', $4 + row_number() OVER ())), $1, events.id, endpoints.id, 'task.completed', 0, 'pending',
           (unixepoch() + $2 + abs(random() % $3)) * 1000000, 0, 0, 0
         FROM events JOIN endpoints ON endpoints.account_id = events.account_id WHERE events.account_id = $1";
    let pool = sqlx::SqlitePool::connect(url).await?;
    let mut tx = pool.begin().await?;
    let mut ids = 0;
    for (account, Backlog { endpoints, pending, due, .. }) in backlogs {
        let account = account.uuid();
        sqlx::query(EVENTS).bind(account).bind(pending).bind(ids).execute(&mut *tx).await?;
        let deliveries = sqlx::query(DELIVERIES).bind(account).bind(due.start);
        deliveries.bind(due.end - due.start).bind(ids).execute(&mut *tx).await?;
        sqlx::query(QUEUES).bind(account).execute(&mut *tx).await?;
        ids += i64::from(*pending) * i64::try_from(*endpoints)?;
    }
    tx.commit().await?;
    pool.close().await;
    Ok(())
}

async fn add_to_postgres(url: &str, backlogs: impl Iterator<Item = (AccountId, &Backlog)>) -> anyhow::Result<()> {
    const EVENTS: &str = "INSERT INTO events
           (id, account_id, event_type, body, occurred_at, accepted_at, fanout, is_test)
         SELECT lpad(to_hex($3 + i), 32, '0')::uuid, $1, 'task.completed', '{}', now(), now(), 1, false
         FROM generate_series(1, $2::bigint) AS i";
    const DELIVERIES: &str = "INSERT INTO deliveries
           (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, attempts, failures, created_at)
         SELECT lpad(to_hex($4 + row_number() OVER ()), 32, '0')::uuid, $1, events.id, endpoints.id, 'task.completed', false, 'pending',
           now() + ($2 + random() * $3) * interval '1 second', 0, 0, now()
         FROM events JOIN endpoints ON endpoints.account_id = events.account_id WHERE events.account_id = $1";
    let pool = sqlx::PgPool::connect(url).await?;
    let mut tx = pool.begin().await?;
    let mut ids = 0;
    for (account, Backlog { endpoints, pending, due, .. }) in backlogs {
        let account = account.uuid();
        let events = sqlx::query(EVENTS).bind(account).bind(i64::from(*pending)).bind(ids);
        events.execute(&mut *tx).await?;
        let deliveries = sqlx::query(DELIVERIES).bind(account).bind(f64::from(due.start));
        deliveries.bind(f64::from(due.end - due.start)).bind(ids).execute(&mut *tx).await?;
        sqlx::query(QUEUES).bind(account).execute(&mut *tx).await?;
        ids += i64::from(*pending) * i64::try_from(*endpoints)?;
    }
    tx.commit().await?;
    // As autovacuum would after so many rows.
    sqlx::query("ANALYZE").execute(&pool).await?;
    pool.close().await;
    Ok(())
}
