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
//! the names of their columns (`#[derive(sqlx::FromRow)]`). A transaction that is dropped,
//! by an early return for example, is rolled back.
//!
//! A [`Look`] is a connection beside all this, for what must change nothing.

mod connection;
mod error;
mod lists;
mod look;
mod open_files;
mod page_limit;
mod pools;
mod postgres;
mod query;
mod server_clock;
mod sql;
mod sqlite;
mod url;

use std::sync::Arc;

use signet_model::{Timestamp, time::Clock};

pub(crate) use connection::{Conn, Tx};
pub(crate) use error::located;
pub use error::{Error, Place};
pub use look::{ClockDifference, Look, PostgresFacts, SchemaFacts, SqliteFacts};
pub(crate) use open_files::OpenFiles;
pub(crate) use pools::Pool;
pub use postgres::Postgres;
pub(crate) use query::Query;
pub(crate) use sql::{MadeSql, Sql};
pub use sqlite::Sqlite;
pub(crate) use sqlite::{BEGIN_WRITING, HotOptions, SqliteTx};
pub use url::{DatabaseUrl, InvalidDatabaseUrl};

use server_clock::ServerClock;

/// The result of a statement.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A connected database, migrated to the present.
#[derive(Debug, Clone)]
pub enum Database {
    /// Embedded: one writer, and readers that see the last commit.
    Sqlite(Sqlite),
    /// A server that several processes share.
    Postgres(Postgres),
}

impl Database {
    /// Connects, creating the SQLite file if it is missing, and migrates.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self> {
        Ok(match url {
            DatabaseUrl::Sqlite(path) => Self::Sqlite(Sqlite::connect(path).await?),
            DatabaseUrl::Postgres(url) => Self::Postgres(Postgres::connect(url).await?),
        })
    }

    /// Takes a connection that only reads.
    pub(crate) async fn read(&self, pool: Pool) -> Result<Conn> {
        Ok(match self {
            Self::Sqlite(db) => Conn::Sqlite(db.readers.acquire(pool).await?),
            Self::Postgres(db) => Conn::Postgres(db.readers.acquire(pool).await?),
        })
    }

    /// Begins a writing transaction; on SQLite waits until no other transaction writes.
    pub(crate) async fn begin(&self) -> Result<Tx<'static>> {
        Ok(match self {
            Self::Sqlite(db) => Tx::Sqlite(db.begin().await?),
            Self::Postgres(db) => Tx::Postgres(db.begin().await?),
        })
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
            Self::Postgres(db) => ServerClock::of(db.readers.lookups.clone()).await?,
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

    /// Closes all connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(db) => db.close().await,
            Self::Postgres(db) => db.close().await,
        }
    }
}
