//! Throw-away databases, so that each test runs on SQLite and on PostgreSQL.
#![expect(clippy::missing_panics_doc, reason = "a panic here fails the test that called")]

mod authenticator;
mod backlog;
mod hands;
mod migrations;
mod names;
pub mod oidc_provider;
mod postgres;
mod receiver;
mod sqlite;
mod stored;

use std::sync::Arc;

use signet_model::{
    AccountId, EndpointId, Scopes, Subscriptions, Timestamp,
    endpoint::EndpointUrl,
    event::{EventType, EventTypes, MemberFault, Reference, Submission},
    time::Clock,
};
use sqlx::AssertSqlSafe;

use crate::{
    Engine, Settings,
    clock::ManualClock,
    db::{Database, DatabaseUrl, Pool},
    deliver::ingest::NewEvent,
    engine::Environment,
    outbound::{Client, Config, Policy},
    queue::StatisticsRow,
    random::Random,
    seal::Sealer,
    service::{
        api_keys::{ApiKey, ApiKeyDraft, NewApiKey},
        deliveries::{Delivery, Filter},
        endpoints::EndpointDraft,
        resends::StartError,
        sessions::{Browser, SessionToken},
    },
};

pub use authenticator::Authenticator;
pub use backlog::Backlog;
pub use hands::{Hands, InFlight};
pub use names::WITHOUT_DESCRIPTOR;
pub use postgres::{POSTGRES_VARIABLE, PostgresDatabase};
pub use receiver::{Arrival, Receiver};

/// A fresh, migrated database that lasts as long as this value.
#[derive(Debug)]
pub struct TestDatabase {
    /// The connected database.
    pub db: Database,
    /// Its URL, for a second connection.
    pub url: DatabaseUrl,
    /// Removes the database when dropped.
    _kept: Kept,
}

/// What holds a database.
#[derive(Debug)]
enum Kept {
    Sqlite(#[expect(dead_code, reason = "it is dropped")] tempfile::TempDir),
    Postgres(#[expect(dead_code, reason = "it is dropped")] PostgresDatabase),
}

impl TestDatabase {
    /// A fresh database of the same kind.
    pub async fn another(&self) -> Self {
        match self.db {
            Database::Sqlite(_) => sqlite().await,
            Database::Postgres(_) => postgres().await.expect("the server of this database"),
        }
    }

    /// Runs a statement behind the engine's back.
    pub async fn run(&self, sql: &str) {
        match &self.db {
            Database::Sqlite(db) => drop(sqlx::raw_sql(AssertSqlSafe(sql)).execute(&db.writer).await.expect(sql)),
            Database::Postgres(db) => drop(sqlx::raw_sql(AssertSqlSafe(sql)).execute(&db.pool).await.expect(sql)),
        }
    }

    /// An id as a literal in a statement for this database.
    pub fn literal(&self, id: uuid::Uuid) -> String {
        match &self.db {
            Database::Sqlite(_) => format!("X'{}'", id.simple()),
            Database::Postgres(_) => format!("'{id}'"),
        }
    }

    /// Lets rows be stored from now on that the constraints of the schema forbid.
    pub async fn drop_constraints(&self, table: &str) {
        self.run(&match &self.db {
            Database::Sqlite(_) => "PRAGMA ignore_check_constraints = ON".to_owned(),
            Database::Postgres(_) => format!(
                "DO $$ DECLARE name TEXT; BEGIN
                   FOR name IN SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype = 'c'
                   LOOP EXECUTE 'ALTER TABLE {table} DROP CONSTRAINT ' || quote_ident(name); END LOOP; END $$"
            ),
        })
        .await;
    }

    /// The number of hours of endpoints and event types whose statistics are not those of the
    /// attempts that are stored.
    pub async fn miscounted(&self) -> i64 {
        let hour = match &self.db {
            Database::Sqlite(_) => "a.started_at - a.started_at % 3600000000",
            Database::Postgres(_) => "date_bin('1 hour', a.started_at, TIMESTAMPTZ 'epoch')",
        };
        let stored = format!(
            "SELECT d.endpoint_id, d.event_type, {hour} AS hour, count(*) AS attempts,
               count(*) - count(CASE WHEN a.failure IS NULL AND a.status BETWEEN 200 AND 299 THEN 1 END) AS failed
             FROM attempts a JOIN deliveries d ON d.account_id = a.account_id AND d.id = a.delivery_id
             WHERE NOT d.is_test GROUP BY d.endpoint_id, d.event_type, {hour}"
        );
        // An hour can be in several rows.
        let of_row = match &self.db {
            Database::Sqlite(_) => "hour - hour % 3600000000",
            Database::Postgres(_) => "date_bin('1 hour', hour, TIMESTAMPTZ 'epoch')",
        };
        let counted = format!(
            "SELECT endpoint_id, event_type, {of_row} AS hour, sum({}) AS attempts, sum(failed_attempts) AS failed
             FROM statistics GROUP BY endpoint_id, event_type, {of_row}",
            StatisticsRow::counters().skip(2).collect::<Vec<_>>().join(" + ")
        );
        let differing = |one: &str, other: &str| format!("SELECT count(*) FROM ({one} EXCEPT {other}) AS differing");
        self.count(&differing(&stored, &counted)).await + self.count(&differing(&counted, &stored)).await
    }

    /// All rows of a table as texts, in some order that stays. The last use of a key, which
    /// every request notes, is left out.
    pub async fn rows(&self, table: &str) -> Vec<String> {
        match &self.db {
            Database::Sqlite(db) => {
                let pool = db.readers.of(Pool::Pages);
                let columns = format!(
                    "SELECT group_concat('quote(' || name || ')', ' || '','' || ') FROM pragma_table_info('{table}')
                     WHERE name <> 'last_used_at'"
                );
                let columns: String = sqlx::query_scalar(AssertSqlSafe(columns)).fetch_one(pool).await.expect(table);
                let rows = format!("SELECT {columns} FROM {table} ORDER BY 1");
                sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(pool).await.expect(table)
            }
            Database::Postgres(db) => {
                let rows = format!("SELECT CAST(to_jsonb(t) - 'last_used_at' AS TEXT) FROM {table} t ORDER BY 1");
                sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&db.pool).await.expect(table)
            }
        }
    }

    /// The answer of a statement that counts.
    pub async fn count(&self, sql: &str) -> i64 {
        match &self.db {
            Database::Sqlite(db) => {
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(db.readers.of(Pool::Pages)).await.expect(sql)
            }
            Database::Postgres(db) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&db.pool).await.expect(sql),
        }
    }
}

/// Makes two tests of a function that takes a fresh [`TestDatabase`]: one on SQLite, and one
/// on PostgreSQL where [`POSTGRES_VARIABLE`] names a server.
#[macro_export]
macro_rules! on_each_database {
    ($test:ident) => {
        mod $test {
            #[tokio::test]
            async fn on_sqlite() {
                super::$test($crate::testing::sqlite().await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                if let Some(database) = $crate::testing::postgres().await {
                    super::$test(database).await;
                }
            }
        }
    };
}
pub use on_each_database;

/// A fresh SQLite database in a temporary folder.
pub async fn sqlite() -> TestDatabase {
    let (url, directory) = sqlite::migrated().await;
    let db = Database::open(&url).await.expect("a new SQLite database");
    TestDatabase { db, url, _kept: Kept::Sqlite(directory) }
}

/// A fresh database in the PostgreSQL server for tests, if there is one.
pub async fn postgres() -> Option<TestDatabase> {
    let database = PostgresDatabase::migrated().await?;
    let url = database.url();
    let db = Database::open(&url).await.expect("a new PostgreSQL database");
    Some(TestDatabase { db, url, _kept: Kept::Postgres(database) })
}

/// An empty database in the PostgreSQL server for tests, if there is one.
pub async fn empty_on_postgres() -> Option<PostgresDatabase> {
    PostgresDatabase::empty().await
}

/// An engine over this database that has not been started, and the clock that it goes by.
pub fn resting_engine(database: &TestDatabase) -> (Engine, ManualClock) {
    engine(database, Settings::default(), Vec::new())
}

/// An engine over this database, to be started, that also trusts these
/// certificate authorities (PEM), and the clock that it goes by.
pub fn engine(database: &TestDatabase, settings: Settings, authorities: Vec<Vec<u8>>) -> (Engine, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_774_699_200));
    (engine_with(database, settings, authorities, Arc::new(clock.clone()), KEY), clock)
}

/// The sealing key of all engines but those that are given another one.
const KEY: [u8; 32] = [1; 32];

/// An engine over this database with this sealing key.
pub fn engine_with_key(database: &TestDatabase, key: [u8; 32]) -> Engine {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_774_699_200));
    engine_with(database, Settings::default(), Vec::new(), Arc::new(clock), key)
}

/// An engine over this database that goes by this clock.
pub fn engine_by(database: &TestDatabase, clock: Arc<dyn Clock>) -> Engine {
    engine_with(database, Settings::default(), Vec::new(), clock, KEY)
}

fn engine_with(
    database: &TestDatabase,
    settings: Settings,
    authorities: Vec<Vec<u8>>,
    clock: Arc<dyn Clock>,
    key: [u8; 32],
) -> Engine {
    let policy = Policy::public_and_loopback();
    let config = Config {
        policy: policy.clone(),
        egress_proxy: None,
        extra_authorities: authorities,
        budget: settings.budget,
        max_response_body: settings.max_response_body,
    };
    let environment = Environment {
        db: database.db.clone(),
        clock,
        random: Random::from_seed(1),
        sealer: Sealer::new(key),
        policy,
        client: Client::with_lookup(&config, names::TestLookup).expect("a client"),
    };
    Engine::new(environment, settings)
}

/// The deliveries of an endpoint, newest first; all of them can be used.
pub async fn log(
    engine: &Engine,
    account: AccountId,
    endpoint: EndpointId,
    filter: &Filter,
    limit: u32,
) -> Vec<Delivery> {
    let log = engine.as_operator_in(account).endpoint(endpoint).log(filter, None, limit).await.expect("the log");
    log.deliveries.into_iter().map(|one| one.expect("a delivery that can be used")).collect()
}

/// Asserts that `signet check` would find nothing.
pub async fn assert_adds_up(engine: &Engine) {
    let ledger = engine.check().await.expect("a ledger");
    assert!(ledger.is_clean(), "{ledger:?}");
}

/// A new account with this name.
pub async fn account(engine: &Engine, name: &str) -> AccountId {
    let name = name.parse().expect("a name");
    engine.accounts().create(&crate::actor::Operator::signet(), &name).await.expect("a new name").id
}

/// The password of all people in tests.
pub const PASSWORD: &str = "correct horse battery";

/// A new person, who owns an account and is signed in.
pub async fn owner(engine: &Engine, account: AccountId, email: &str) -> SessionToken {
    let link = engine.as_operator_in(account).create_setup_link().await.expect("a link");
    engine.invitations().accept_as_new(&link, email, PASSWORD, &Browser::default()).await.expect("an owner")
}

/// A new API key with this name and all scopes, and its text.
pub async fn api_key(engine: &Engine, account: Option<AccountId>, name: &str) -> (ApiKey, String) {
    api_key_for(engine, account, name, Scopes::ALL).await
}

/// A new API key with this name and these scopes, and its text.
pub async fn api_key_for(engine: &Engine, account: Option<AccountId>, name: &str, scopes: Scopes) -> (ApiKey, String) {
    let draft = ApiKeyDraft { name: name.parse().expect("a name"), scopes, expires_at: None };
    let NewApiKey { key, text } = match account {
        Some(account) => engine.as_operator_in(account).api_keys().create(&draft).await.expect("a key"),
        None => engine.operator_keys().create(&crate::actor::Operator::signet(), &draft).await.expect("a key"),
    };
    (key, text)
}

/// A new endpoint of this account that wants all events; no receiver need listen there.
pub async fn endpoint(engine: &Engine, account: AccountId) -> EndpointId {
    endpoint_at(engine, account, "https://127.0.0.1/webhooks".parse().expect("a URL")).await
}

/// A new endpoint of this account at this URL that wants all events.
pub async fn endpoint_at(engine: &Engine, account: AccountId, url: EndpointUrl) -> EndpointId {
    let draft = EndpointDraft::new(url, Subscriptions::all());
    engine.as_operator_in(account).endpoints().create(draft, &engine.new_secret()).await.expect("an endpoint").id
}

/// Discards what an endpoint holds of these types, to the end. Returns how many deliveries those are.
pub async fn discard(
    engine: &Engine,
    account: AccountId,
    endpoint: EndpointId,
    types: &Subscriptions,
) -> Result<u64, StartError> {
    let account = engine.as_operator_in(account);
    let begun = account.endpoint(endpoint).start_discard(types).await?;
    Ok(account.resend(begun.id).await_end(std::time::Duration::from_mins(5)).await?.sent)
}

/// A task of this account that was completed just now.
pub fn completed(engine: &Engine, account: AccountId, task: &str) -> NewEvent {
    let token = format!("secret {task}");
    let text = serde_json::json!({"event": "task.completed", "taskId": task, "solution": {"token": token}}).to_string();
    let body = Submission::parse(&text, engine.0.clock.now(), &NoTypes).expect("an event").body;
    NewEvent { account, body, idempotency: None, trace: None }
}

/// A catalogue without types of its own.
#[derive(Debug, Clone, Copy)]
pub struct NoTypes;

impl EventTypes for NoTypes {
    fn find(&self, _: &str) -> Result<EventType, String> {
        Err("is not an event type".to_owned())
    }

    fn check(&self, _: &EventType, _: &str) -> Result<(), MemberFault> {
        Ok(())
    }

    fn reference(&self, _: &EventType) -> Option<&Reference> {
        None
    }
}
