//! Databases that another version of Signet wrote.

use std::sync::Arc;

use signet_model::Timestamp;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{Kept, TestDatabase, empty_on_postgres, engine_with, sqlite};
use crate::{
    Engine, Settings,
    clock::ManualClock,
    db::{Database, DatabaseUrl},
};

impl TestDatabase {
    /// A database on SQLite with the content of a dump, migrated to the present.
    pub async fn from_sqlite_dump(dump: &str) -> Self {
        let (url, directory) = sqlite::empty();
        if let DatabaseUrl::Sqlite(path) = &url {
            let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
            let mut connection = SqliteConnection::connect_with(&options).await.expect("a new file");
            sqlx::raw_sql(AssertSqlSafe(dump)).execute(&mut connection).await.expect("the dump");
            connection.close().await.expect("closed");
        }
        let db = Database::connect(&url).await.expect("a database that can be migrated");
        Self { db, url, _kept: Kept::Sqlite(directory) }
    }

    /// A database on PostgreSQL with the content of a dump, migrated to the present. `None`
    /// without a server for tests.
    pub async fn from_postgres_dump(dump: &str) -> Option<Self> {
        let database = empty_on_postgres().await?;
        let url = database.url();
        if let DatabaseUrl::Postgres(url) = &url {
            let mut connection = PgConnection::connect(url).await.expect("a new database");
            sqlx::raw_sql(AssertSqlSafe(dump)).execute(&mut connection).await.expect("the dump");
            connection.close().await.expect("closed");
        }
        let db = Database::connect(&url).await.expect("a database that can be migrated");
        Some(Self { db, url, _kept: Kept::Postgres(database) })
    }

    /// An engine with this sealing key over the database, to be started, which trusts a
    /// certificate authority (PEM), and its clock, which shows `now`.
    pub fn engine_at(
        &self,
        now: Timestamp,
        key: [u8; 32],
        settings: Settings,
        authority: Vec<u8>,
    ) -> (Engine, ManualClock) {
        let clock = ManualClock::at(now);
        (engine_with(self, settings, vec![authority], Arc::new(clock.clone()), key), clock)
    }
}
