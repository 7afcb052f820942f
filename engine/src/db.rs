//! One façade over the two databases.
//!
//! [`Database::read`] takes a connection that only reads, from one of the [`Pool`]s, and
//! [`Database::begin`] begins a writing transaction. Both run statements alike, written
//! once for both databases:
//!
//! ```ignore
//! let mut tx = db.begin().await?;
//! tx.query("UPDATE accounts SET name = $2 WHERE id = $1").bind(id).bind(name).execute().await?;
//! tx.commit().await
//! ```
//!
//! A statement that differs is a [`Sql`] with a text for each database. Rows are read by
//! the names of their columns (`#[derive(sqlx_macros::FromRow)]`). A transaction that is dropped,
//! by an early return for example, is rolled back.
//!
//! A [`Look`] is a connection beside all this, for what must change nothing.

mod connection;
mod error;
mod lists;
mod look;
mod open_files;
mod page_limit;
mod pooler;
mod pools;
mod postgres;
mod query;
pub mod schema;
mod server_clock;
mod sql;
mod sqlite;
mod trouble;
mod url;

use std::{sync::Arc, time::Duration};

use signet_model::{Timestamp, time::Clock};

pub(crate) use connection::{Conn, Tx};
pub(crate) use error::located;
pub use error::{Error, Place};
pub use look::{ClockDifference, Look, PostgresFacts, SchemaFacts, SqliteFacts};
pub(crate) use open_files::OpenFiles;
pub(crate) use pooler::Beginning;
pub use pooler::PgTx;
pub(crate) use pools::Pool;
pub use postgres::Postgres;
pub(crate) use query::Query;
pub use schema::SchemaProblem;
pub(crate) use sql::{MadeSql, Sql, Statement};
pub use sqlite::Sqlite;
pub(crate) use sqlite::{BEGIN_WRITING, HotOptions, SqliteTx};
pub(crate) use trouble::Disk;
pub use trouble::Trouble;
pub use url::{DatabaseUrl, InvalidDatabaseUrl, NoPlaceForPassword};

use crate::metrics::{Timer, labels::Operation};
use schema::{LOCK_PATIENCE, Migrated, SchemaState, own_schema};
use server_clock::ServerClock;

/// The result of a statement.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A connected database, with a schema that this version runs on.
#[derive(Debug, Clone)]
pub enum Database {
    /// Embedded: one writer, and readers that see the last commit.
    Sqlite(Sqlite),
    /// A server that several processes share.
    Postgres(Postgres),
}

impl Database {
    /// Brings the schema up to date, creating the SQLite file if it is missing. Each migration
    /// tries for `patience` to get its locks.
    pub async fn migrate(url: &DatabaseUrl, patience: Duration) -> Result<Migrated> {
        match url {
            DatabaseUrl::Sqlite(path) => Sqlite::migrate(path, patience).await,
            DatabaseUrl::Postgres(url) => Postgres::migrate(url, patience).await,
        }
    }

    /// Reads the schema of a database that exists. Changes nothing.
    pub async fn schema(url: &DatabaseUrl) -> Result<SchemaState> {
        match url {
            DatabaseUrl::Sqlite(path) => Sqlite::schema(path).await,
            DatabaseUrl::Postgres(url) => Postgres::schema(url).await,
        }
    }

    /// Connects to a database that exists, and has a schema that this version runs on.
    pub async fn open(url: &DatabaseUrl) -> Result<Self> {
        Ok(match url {
            DatabaseUrl::Sqlite(path) => Self::Sqlite(Sqlite::open(path).await?),
            DatabaseUrl::Postgres(url) => Self::Postgres(Postgres::open(url).await?),
        })
    }

    /// Brings the schema up to date, creating the SQLite file if it is missing, and connects.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self> {
        Self::migrate(url, LOCK_PATIENCE).await?;
        Self::open(url).await
    }

    /// Fails if a later version has taken away what this one needs.
    pub(crate) async fn check_floor(&self) -> Result<()> {
        let mut conn = self.read(Pool::Pages).await?;
        let floor = conn.query("SELECT binaries_need FROM schema_floor").fetch_value().await?;
        let own = own_schema();
        if own < floor { Err(SchemaProblem::BelowFloor { floor, own }.into()) } else { Ok(()) }
    }

    /// Takes a connection that only reads.
    pub(crate) async fn read(&self, pool: Pool) -> Result<Conn> {
        let timer = Timer::start(Operation::Wait);
        let connection = match self {
            Self::Sqlite(db) => db.readers.acquire(pool).await.map(Conn::Sqlite),
            Self::Postgres(db) => db.read(pool).await,
        };
        timer.stop();
        connection
    }

    /// Begins a writing transaction; on SQLite waits until no other transaction writes.
    pub(crate) async fn begin(&self) -> Result<Tx<'static>> {
        let timer = Timer::start(Operation::Wait);
        let begun = match self {
            Self::Sqlite(db) => db.begin().await.map(Tx::Sqlite),
            Self::Postgres(db) => db.begin().await.map(Tx::Postgres),
        };
        timer.stop();
        begun
    }

    /// Begins a transaction that reads one snapshot.
    pub(crate) async fn snapshot(&self, pool: Pool) -> Result<Tx<'static>> {
        Ok(match self {
            Self::Sqlite(db) => Tx::Sqlite(db.snapshot(pool).await?),
            Self::Postgres(db) => Tx::Postgres(db.snapshot(pool).await?),
        })
    }

    /// The clock by which leases and due times in this database go: the server's where
    /// processes of several machines share it, and otherwise `own`, the machine's.
    pub async fn clock(&self, own: Arc<dyn Clock>) -> Result<Arc<dyn Clock>> {
        Ok(match self {
            Self::Sqlite(_) => own,
            Self::Postgres(db) => ServerClock::of(db.clone()).await?,
        })
    }

    /// Answers once the database has answered a query.
    pub async fn ping(&self) -> Result<()> {
        self.read(Pool::Pages).await?.query("SELECT 1").execute().await.map(drop)
    }

    /// Commits a change without a meaning, to see whether that can be done.
    pub(crate) async fn probe(&self, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.query("UPDATE sealing_check SET checked_at = $1").bind(now).execute().await?;
        tx.commit().await
    }

    /// Fails if an SQLite file is no longer the one that was opened.
    pub(crate) fn check_file(&self) -> Result<()> {
        match self {
            Self::Sqlite(db) => db.files.look(),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// True if processes go by the clock of the database's server.
    pub(crate) const fn has_clock(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// The file system of an SQLite file.
    pub(crate) const fn disk(&self) -> Option<&Disk> {
        match self {
            Self::Sqlite(db) => Some(&db.disk),
            Self::Postgres(_) => None,
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(db) => db.close().await,
            Self::Postgres(db) => db.close().await,
        }
    }
}
