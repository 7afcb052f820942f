//! Databases in the PostgreSQL server for tests, which are gone when their test has ended.
//!
//! Applying all migrations takes longer than most tests. So they are applied once, in a database
//! that serves as the template of the others. Each test may run in a process of its own: locks in
//! the server keep them from making a template twice, or from copying one that is removed.

use std::thread;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::migrations::fingerprint;
use crate::{
    db::{Database, DatabaseUrl, schema},
    random::Random,
};

/// Names the PostgreSQL server that tests may create databases in.
pub const POSTGRES_VARIABLE: &str = "SIGNET_TEST_POSTGRES_URL";

/// The start of the names of templates. Their day and their migrations follow.
const TEMPLATE: &str = "signet_template_";

/// A database in the server for tests. Dropping this value drops it, with the sessions that are
/// still in it; a process that is killed leaves it behind.
#[derive(Debug)]
pub struct PostgresDatabase {
    /// The URL of the server.
    server: String,
    name: String,
}

impl PostgresDatabase {
    /// An empty database, if there is a server for tests. Where `CI` is set there has to be one:
    /// without it half of the tests would pass without a check.
    pub(super) async fn empty() -> Option<Self> {
        let server = Server::find().await?;
        Some(server.create(None).await)
    }

    /// A migrated database, if there is a server for tests.
    pub(super) async fn migrated() -> Option<Self> {
        let mut server = Server::find().await?;
        let template = server.template().await;
        // With the session ends its lock of the template.
        Some(server.create(Some(&template)).await)
    }

    /// The URL of the database.
    pub fn url(&self) -> DatabaseUrl {
        url_in(&self.server, &self.name).parse().expect("the server's URL with another database")
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A runtime of its own: the test's may be the one that drops, and cannot wait.
        let removal = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server).await?;
                connection.execute(drop_database(&name)).await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(connection.close().await?)
            })
        });
        // What cannot be dropped fails no test. The server may be gone as well.
        if let Ok(Err(error)) = removal.join() {
            eprintln!("the database {} is left: {error}", self.name);
        }
    }
}

/// A session in the server for tests.
struct Server {
    url: String,
    session: PgConnection,
}

impl Server {
    async fn find() -> Option<Self> {
        let Ok(url) = std::env::var(POSTGRES_VARIABLE) else {
            assert!(std::env::var_os("CI").is_none(), "{POSTGRES_VARIABLE} names no PostgreSQL server");
            return None;
        };
        let session = PgConnection::connect(&url).await.expect("the PostgreSQL server for tests");
        Some(Self { url, session })
    }

    /// Creates a database and ends the session.
    async fn create(mut self, template: Option<&str>) -> PostgresDatabase {
        let name = format!("signet_{}", hex::encode(Random::from_system().bytes::<8>()));
        let template = template.map(|template| format!(" TEMPLATE {template}")).unwrap_or_default();
        self.run(&format!("CREATE DATABASE {name}{template}")).await;
        self.session.close().await.expect("closed");
        PostgresDatabase { server: self.url, name }
    }

    /// The name of a template, made if it is missing. None is removed while this session lasts.
    async fn template(&mut self) -> String {
        // A migration makes a partition that ends some days from now.
        let day: String = sqlx::query_scalar("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')")
            .fetch_one(&mut self.session)
            .await
            .expect("a day");
        let name = format!("{TEMPLATE}{day}_{}", fingerprint(&schema::FOR_POSTGRES));
        loop {
            self.run("SELECT pg_advisory_lock_shared(hashtext('signet_template'))").await;
            if self.has(&name).await {
                return name;
            }
            self.run("SELECT pg_advisory_unlock_shared(hashtext('signet_template'))").await;
            self.run("SELECT pg_advisory_lock(hashtext('signet_template'))").await;
            if !self.has(&name).await {
                self.remove_templates_before(&day).await;
                self.make_template(&name).await;
            }
            self.run("SELECT pg_advisory_unlock(hashtext('signet_template'))").await;
        }
    }

    /// In two steps, so that a template is whole where it is there.
    async fn make_template(&mut self, name: &str) {
        let draft = format!("{name}_draft");
        self.execute(drop_database(&draft)).await;
        self.run(&format!("CREATE DATABASE {draft}")).await;
        let url = url_in(&self.url, &draft).parse().expect("the server's URL with another database");
        Database::migrate(&url, schema::LOCK_PATIENCE).await.expect("a new PostgreSQL database");
        self.run(&format!("ALTER DATABASE {draft} RENAME TO {name}")).await;
    }

    /// A server that lives longer than a day keeps the templates of the last one alone.
    async fn remove_templates_before(&mut self, day: &str) {
        let names: Vec<String> = sqlx::query_scalar(
            r#"SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1) AND datname COLLATE "C" < $1 || $2"#,
        )
        .bind(TEMPLATE)
        .bind(day)
        .fetch_all(&mut self.session)
        .await
        .expect("the databases");
        for name in names {
            self.execute(drop_database(&name)).await;
        }
    }

    async fn has(&mut self, name: &str) -> bool {
        let found = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)");
        found.bind(name).fetch_one(&mut self.session).await.expect("the databases")
    }

    /// The names in a statement are made of hexadecimal digits.
    async fn run(&mut self, sql: &str) {
        self.execute(AssertSqlSafe(sql.to_owned())).await;
    }

    async fn execute(&mut self, sql: AssertSqlSafe<String>) {
        let text = sql.0.clone();
        self.session.execute(sql).await.expect(&text);
    }
}

fn drop_database(name: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
}

/// The URL of another database of a server.
fn url_in(server: &str, name: &str) -> String {
    let (base, query) =
        server.split_once('?').map_or((server, String::new()), |(base, query)| (base, format!("?{query}")));
    let base = base.rsplit_once('/').filter(|(head, _)| !head.ends_with('/')).map_or(base, |(head, _)| head);
    format!("{base}/{name}{query}")
}
