//! The two databases behind one type.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    path::PathBuf,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use signet_model::time::Clock;
use sqlx::{
    Connection, PgConnection, PgPool, SqliteConnection, SqlitePool, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    OpenFiles, Result,
    file::make_private,
    patience::{PAGE_LIMIT, POSTGRES_PAGE_LIMIT, impatient},
};
use crate::{
    clock::ServerClock,
    queue::sqlite::hot::{self, Hot},
};

static SQLITE_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/postgres");

/// How long a statement waits for another process that writes to the same SQLite file.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a statement waits for another's lock in PostgreSQL. Without an end,
/// a transaction that locks a table would take one connection after the other.
const POSTGRES_LOCK_TIMEOUT: &str = "10s";
/// How long a transaction may stand still in PostgreSQL before the server ends it: what a
/// process has locked must not outlast its attention.
const POSTGRES_IDLE_TIMEOUT: &str = "10s";
/// Readers beside the one writer, for pages.
const SQLITE_READERS: u32 = 8;
/// How long the log may grow before its pages are copied into the database: 16 MiB,
/// since a page that is written again until then is copied once.
const CHECKPOINT_PAGES: u32 = 4096;
/// To how many bytes the log is cut when it begins anew. While a reader holds on to an
/// old state it grows beyond, as long as that takes.
pub(super) const LOG_MAX: u32 = 32 * 1024 * 1024;
/// Connections to PostgreSQL for pages.
const POSTGRES_READERS: u32 = 8;
/// Readers for what takes its time: the check of the ledger.
const PATIENT: u32 = 2;
/// Connections to PostgreSQL for the listener, for changes, and for what tidies up.
const POSTGRES_CONNECTIONS: u32 = 10;
/// Those that the hot path writes with: one for the writer, one for claims, and as many
/// to take their place while the first are being closed.
const POSTGRES_HOT_CONNECTIONS: u32 = 4;
/// Those with which the writer and the dispatcher look something up, and those that
/// recognise callers of the API: they wait for no page, and not for each other.
const LOOKUP_CONNECTIONS: u32 = 2;
/// Every statement of the hot path searches an index for each of its rows, however
/// long a table is, and is planned once. PostgreSQL would otherwise plan for the
/// tables of a new database, which are empty, and read them whole long after they
/// have grown; or plan anew each time, which takes longer than running.
const HOT_PATH: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    // What is only forbidden by a high cost would look worth compiling.
    ("jit", "off"),
];

/// Pages, and what is changed beside the hot path, search indexes as well; they are
/// planned anew each time, for what they ask.
const BESIDE: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_custom_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// Taking SQLite's write lock at once avoids the upgrade that it refuses when another
/// process wrote in between.
pub(crate) const BEGIN_WRITING: &str = "BEGIN IMMEDIATE";

/// Where the data is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`
    Sqlite(PathBuf),
    /// `postgres://…`
    Postgres(String),
}

/// The text names no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a database: use sqlite:PATH or postgres://USER@HOST/NAME")]
pub struct InvalidDatabaseUrl;

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(InvalidDatabaseUrl) } else { Ok(Self::Sqlite(path.into())) };
        }
        let known = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if known && text.parse::<PgConnectOptions>().is_ok() {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(InvalidDatabaseUrl)
    }
}

impl fmt::Debug for DatabaseUrl {
    /// Without the password that a PostgreSQL URL can hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://(hidden)"),
        }
    }
}

/// A connected database, migrated to the present.
#[derive(Debug, Clone)]
pub enum Database {
    /// Embedded: one writer, and readers that see the last commit.
    Sqlite(Sqlite),
    /// A server that several processes share.
    Postgres(Postgres),
}

/// The connections to an SQLite file.
#[derive(Debug, Clone)]
pub struct Sqlite {
    /// One connection, for everything that is written beside the hot path.
    pub(crate) writer: SqlitePool,
    /// Connections that cannot write, for pages; what takes too long on them is stopped.
    pub(crate) reader: SqlitePool,
    /// The same, for what may take its time.
    pub(crate) patient: SqlitePool,
    /// The same, for the look-ups of the hot path.
    pub(crate) lookups: SqlitePool,
    /// The same, for API keys and the names of accounts.
    pub(crate) callers: SqlitePool,
    /// What the hot path writes with.
    pub(crate) hot: Hot,
    /// The turn to write. Tasks queue here, in order, and not at the file's lock, which
    /// they would have to try again and again.
    pub(crate) turn: Arc<Mutex<()>>,
    /// Tells whether the file was removed or replaced.
    pub(crate) files: OpenFiles,
}

impl Sqlite {
    /// Begins a writing transaction when it is its turn.
    pub(crate) async fn begin(&self) -> Result<SqliteTx> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        self.files.check()?;
        Ok(SqliteTx { transaction: self.writer.begin_with(BEGIN_WRITING).await?, _turn: turn })
    }
}

/// A writing transaction on SQLite, with the turn that it has; dropping it rolls back.
#[derive(Debug)]
pub struct SqliteTx {
    transaction: Transaction<'static, sqlx::Sqlite>,
    _turn: OwnedMutexGuard<()>,
}

impl SqliteTx {
    /// Makes everything durable.
    pub(crate) async fn commit(self) -> Result<()> {
        Ok(self.transaction.commit().await?)
    }

    /// Undoes everything.
    pub(crate) async fn roll_back(self) -> Result<()> {
        Ok(self.transaction.rollback().await?)
    }
}

impl Deref for SqliteTx {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for SqliteTx {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

/// The connections to a PostgreSQL server.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// For everything but the hot path and pages.
    pub(crate) pool: PgPool,
    /// For pages; what takes too long on it is stopped.
    pub(crate) pages: PgPool,
    /// For what reads everything.
    pub(crate) patient: PgPool,
    /// What the hot path writes with, with plans of its own.
    pub(crate) hot: PgPool,
    /// For the look-ups of the hot path.
    pub(crate) lookups: PgPool,
    /// For API keys and the names of accounts.
    pub(crate) callers: PgPool,
}

impl Database {
    /// Connects, creating the SQLite file if it is missing, and migrates.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self> {
        match url {
            DatabaseUrl::Sqlite(path) => Self::connect_sqlite(path).await,
            DatabaseUrl::Postgres(url) => Self::connect_postgres(url).await,
        }
    }

    async fn connect_sqlite(path: &std::path::Path) -> Result<Self> {
        make_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged event must survive a power cut.
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
            .pragma("journal_size_limit", LOG_MAX.to_string())
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY_TIMEOUT)
            .optimize_on_close(true, None);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await?;
        SQLITE_MIGRATIONS.run(&writer).await?;
        let options = options.pragma("query_only", "on");
        let readers = |most| {
            let pool = SqlitePoolOptions::new().max_connections(most).test_before_acquire(false);
            pool.connect_lazy_with(options.clone())
        };
        let files = OpenFiles::at(path)?;
        let hot = hot::Options {
            path: path.to_owned(),
            busy_timeout: SQLITE_BUSY_TIMEOUT,
            checkpoint_pages: CHECKPOINT_PAGES,
            log_max: LOG_MAX,
            files: files.clone(),
        };
        Ok(Self::Sqlite(Sqlite {
            writer,
            reader: impatient(options.clone(), SQLITE_READERS, PAGE_LIMIT),
            patient: readers(PATIENT),
            lookups: readers(LOOKUP_CONNECTIONS),
            callers: readers(LOOKUP_CONNECTIONS),
            hot: Hot::open(hot).await?,
            turn: Arc::default(),
            files,
        }))
    }

    async fn connect_postgres(url: &str) -> Result<Self> {
        let options: PgConnectOptions = url.parse()?;
        // Another process that migrates is waited for as long as it takes.
        let mut migrating = PgConnection::connect_with(&options).await?;
        POSTGRES_MIGRATIONS.run(&mut migrating).await?;
        migrating.close().await?;
        let options = options.options([
            ("lock_timeout", POSTGRES_LOCK_TIMEOUT),
            ("idle_in_transaction_session_timeout", POSTGRES_IDLE_TIMEOUT),
        ]);
        let connections = |most| PgPoolOptions::new().max_connections(most).acquire_timeout(Duration::from_secs(10));
        let beside = options.clone().options(BESIDE);
        let pool = connections(POSTGRES_CONNECTIONS).connect_with(beside.clone()).await?;
        let patient = connections(PATIENT).connect_lazy_with(options.clone());
        let options = options.options(HOT_PATH);
        let hot = |most| connections(most).test_before_acquire(false).connect_lazy_with(options.clone());
        Ok(Self::Postgres(Postgres {
            pool,
            pages: connections(POSTGRES_READERS).connect_lazy_with(beside.options([POSTGRES_PAGE_LIMIT])),
            patient,
            hot: hot(POSTGRES_HOT_CONNECTIONS),
            lookups: hot(LOOKUP_CONNECTIONS),
            callers: connections(LOOKUP_CONNECTIONS).connect_lazy_with(options),
        }))
    }

    /// What leases and due times in this database go by: the server's clock where processes
    /// of several machines share it, and otherwise `own`, the machine's.
    pub async fn clock(&self, own: Arc<dyn Clock>) -> Result<Arc<dyn Clock>> {
        Ok(match self {
            Self::Sqlite(_) => own,
            Self::Postgres(db) => ServerClock::of(db.lookups.clone()).await?,
        })
    }

    /// Whether a query can be answered.
    pub async fn ping(&self) -> Result<()> {
        super::read!(self, |conn| {
            sqlx::query("SELECT 1").execute(&mut *conn).await?;
        });
        Ok(())
    }

    /// Whether an SQLite file is still the one that was opened.
    pub(crate) fn check_file(&self) -> Result<()> {
        match self {
            Self::Sqlite(db) => db.files.look(),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Waits until a part has ended without which nothing can be written any more.
    pub(crate) async fn broken(&self) {
        match self {
            Self::Sqlite(db) => db.hot.ended().await,
            // Connections that break are made anew.
            Self::Postgres(_) => std::future::pending().await,
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(db) => {
                db.reader.close().await;
                db.lookups.close().await;
                db.callers.close().await;
                db.patient.close().await;
                db.hot.close().await;
                db.writer.close().await;
            }
            Self::Postgres(db) => {
                db.hot.close().await;
                db.lookups.close().await;
                db.callers.close().await;
                db.pages.close().await;
                db.patient.close().await;
                db.pool.close().await;
            }
        }
    }
}

/// Runs statements that only read, for pages, written once for both databases: `$body`
/// is compiled for each, with `$conn` a connection.
macro_rules! read {
    ($db:expr, |$conn:ident| $body:expr) => {
        match $db {
            $crate::store::Database::Sqlite(db) => {
                let mut $conn = $crate::store::located(db.reader.acquire().await)?;
                $body
            }
            $crate::store::Database::Postgres(db) => {
                let mut $conn = $crate::store::located(db.pages.acquire().await)?;
                $body
            }
        }
    };
}

/// The same apart from pages, with a connection of `$pool`: `lookups` or `callers`.
macro_rules! look_up {
    ($db:expr, $pool:ident, |$conn:ident| $body:expr) => {
        match $db {
            $crate::store::Database::Sqlite(db) => {
                let mut $conn = $crate::store::located(db.$pool.acquire().await)?;
                $body
            }
            $crate::store::Database::Postgres(db) => {
                let mut $conn = $crate::store::located(db.$pool.acquire().await)?;
                $body
            }
        }
    };
}

/// Runs statements in one transaction, written once for both databases. An
/// early return or `?` in `$body` rolls back; its end commits.
macro_rules! transact {
    ($db:expr, |$tx:ident| $body:expr) => {
        match $db {
            $crate::store::Database::Sqlite(db) => {
                let mut $tx = db.begin().await?;
                let value = $body;
                $tx.commit().await?;
                value
            }
            $crate::store::Database::Postgres(db) => {
                let mut $tx = $crate::store::located(db.pool.begin().await)?;
                let value = $body;
                $crate::store::located($tx.commit().await)?;
                value
            }
        }
    };
}

pub(crate) use {look_up, read, transact};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_databases_are_accepted() {
        assert_eq!("sqlite:a.db".parse(), Ok(DatabaseUrl::Sqlite("a.db".into())));
        assert_eq!("sqlite:///var/a.db".parse(), Ok(DatabaseUrl::Sqlite("/var/a.db".into())));
        assert!("postgres://me@localhost/signet".parse::<DatabaseUrl>().is_ok());
        for wrong in ["", "sqlite:", "mysql://x", "/var/a.db", "postgres://host:port/"] {
            assert_eq!(wrong.parse::<DatabaseUrl>(), Err(InvalidDatabaseUrl), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let url: DatabaseUrl = "postgres://me:hunter2@localhost/signet".parse().expect("a URL");
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
