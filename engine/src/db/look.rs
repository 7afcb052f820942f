//! A look at a database beside the processes that use it: one connection, which cannot write.
//! Nothing is made, migrated, or locked, and each statement ends after some seconds.

mod facts;

use std::{path::Path, time::Duration};

use signet_model::{Timestamp, time::Clock};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::time::Instant;

use super::{
    DatabaseUrl, Result, Sql,
    page_limit::{PAGE_LIMIT, POSTGRES_PAGE_LIMIT, end_in},
    pooler::Way,
    postgres,
    query::Query,
    schema::{FOR_POSTGRES, FOR_SQLITE},
    sql::Statement,
};

pub use facts::{PostgresFacts, SqliteFacts};

/// The looks at the clock of a server. The shortest round trip is the most exact.
const LOOKS: usize = 3;
/// The time that a statement waits for another process that recovers the log of an SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that only reads.
#[derive(Debug)]
pub struct Look(Connected);

#[derive(Debug)]
enum Connected {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
    /// In one transaction, since it leads through a pooler.
    Pooled(Box<PgConnection>),
}

/// The schema of a database beside that of this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaFacts {
    /// No migration has run: nothing is in the database yet.
    Empty,
    /// It is that of this version.
    Same(i64),
    /// It is that of an earlier version.
    Behind {
        /// The last migration that has run.
        found: i64,
        /// The last one of this version.
        own: i64,
    },
    /// It is that of a later version.
    Ahead {
        /// The last migration that has run.
        found: i64,
        /// The last one of this version.
        own: i64,
    },
    /// It is that of a later version, which has taken away what this one needs.
    BelowFloor {
        /// The least schema that a version needs.
        floor: i64,
        /// The last migration of this version.
        own: i64,
    },
    /// A migration has begun and not ended well.
    Broken(i64),
}

/// The difference of two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockDifference {
    /// By how much they differ.
    pub difference: Duration,
    /// True if the database's clock is ahead.
    pub database_ahead: bool,
    /// The round trip of the look: the difference is certain to half of this.
    pub round_trip: Duration,
}

impl Look {
    /// Connects to a database that exists.
    ///
    /// # Errors
    /// It does not exist, or cannot be opened.
    pub async fn at(url: &DatabaseUrl) -> Result<Self> {
        Ok(Self(match url {
            DatabaseUrl::Sqlite(path) => Connected::Sqlite(Box::new(open(path).await?)),
            DatabaseUrl::Postgres(url) => {
                let way = Way::of(url)?;
                let limits = [POSTGRES_PAGE_LIMIT, ("default_transaction_read_only", "on")];
                let settings = [&postgres::BESIDE[..], &limits].concat();
                way.connect().await?.close().await?;
                let mut connection = Box::new(PgConnection::connect_with(&way.options(&settings)).await?);
                match way.beginning(&settings).statement("BEGIN READ ONLY") {
                    None => Connected::Postgres(connection),
                    Some(begin) => {
                        connection.execute(begin).await?;
                        Connected::Pooled(connection)
                    }
                }
            }
        }))
    }

    /// A statement, to be run on this connection.
    #[track_caller]
    pub(crate) fn query(&mut self, sql: impl Statement) -> Query<'_> {
        match &mut self.0 {
            Connected::Sqlite(connection) => Query::sqlite(connection, sql.sqlite()),
            Connected::Postgres(connection) => Query::postgres(connection, sql.postgres(), true),
            Connected::Pooled(connection) => Query::postgres(connection, sql.postgres(), false),
        }
    }

    /// Has the statements that follow end after so long on SQLite, all together. On PostgreSQL
    /// each one has a limit of its own.
    pub async fn end_in(&mut self, limit: Duration) -> Result<()> {
        if let Connected::Sqlite(connection) = &mut self.0 {
            end_in(connection, limit).await?;
        }
        Ok(())
    }

    /// True if it is PostgreSQL.
    pub const fn is_postgres(&self) -> bool {
        matches!(self.0, Connected::Postgres(_) | Connected::Pooled(_))
    }

    /// Compares the schema with that of this version.
    ///
    /// # Errors
    /// The database failed.
    pub async fn schema(&mut self) -> Result<SchemaFacts> {
        const EXISTS: Sql = Sql {
            sqlite: "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations')",
            postgres: "SELECT to_regclass('_sqlx_migrations') IS NOT NULL",
        };
        const BROKEN: &str = "SELECT min(version) FROM _sqlx_migrations WHERE NOT success";
        let migrations = if self.is_postgres() { &FOR_POSTGRES } else { &FOR_SQLITE };
        let own = migrations.iter().map(|migration| migration.version).max().unwrap_or_default();
        if !self.query(EXISTS).fetch_value::<bool>().await? {
            return Ok(SchemaFacts::Empty);
        }
        if let Some(broken) = self.query(BROKEN).fetch_value::<Option<i64>>().await? {
            return Ok(SchemaFacts::Broken(broken));
        }
        let found: Option<i64> = self.query("SELECT max(version) FROM _sqlx_migrations").fetch_value().await?;
        Ok(match found {
            None => SchemaFacts::Empty,
            Some(found) if found < own => SchemaFacts::Behind { found, own },
            Some(found) if found > own => {
                let floor: i64 = self.query("SELECT binaries_need FROM schema_floor").fetch_value().await?;
                if own < floor { SchemaFacts::BelowFloor { floor, own } } else { SchemaFacts::Ahead { found, own } }
            }
            Some(found) => SchemaFacts::Same(found),
        })
    }

    /// Compares the clock of the database's server with another one. `None` on SQLite, which has
    /// none.
    ///
    /// # Errors
    /// The database failed.
    pub async fn compare_clock(&mut self, own: &dyn Clock) -> Result<Option<ClockDifference>> {
        if !self.is_postgres() {
            return Ok(None);
        }
        let mut best: Option<ClockDifference> = None;
        for _ in 0..LOOKS {
            let asked = Instant::now();
            let said: Timestamp = self.query("SELECT clock_timestamp()").fetch_value().await?;
            let round_trip = asked.elapsed();
            let here = own.now() - round_trip / 2;
            let database_ahead = said > here;
            let difference = if database_ahead { said.since(here) } else { here.since(said) };
            let look = ClockDifference { difference, database_ahead, round_trip };
            best = best.filter(|best| best.round_trip <= look.round_trip).or(Some(look));
        }
        Ok(best)
    }

    /// The instant by which the processes on this database go.
    ///
    /// # Errors
    /// The database failed.
    pub async fn now(&mut self, own: &dyn Clock) -> Result<Timestamp> {
        if self.is_postgres() { self.query("SELECT clock_timestamp()").fetch_value().await } else { Ok(own.now()) }
    }

    /// Closes the connection.
    pub async fn close(self) {
        let closed = match self.0 {
            Connected::Sqlite(connection) => connection.close().await,
            Connected::Postgres(connection) | Connected::Pooled(connection) => connection.close().await,
        };
        if let Err(error) = closed {
            tracing::debug!(%error, "a connection that only reads was not closed well");
        }
    }
}

/// Opens an SQLite file to read. Where nobody has it open, the log that the connection makes
/// goes with the connection: one that may not write would leave it behind.
async fn open(path: &Path) -> Result<SqliteConnection> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .read_only(Path::new(&log).exists())
        .pragma("query_only", "on")
        .busy_timeout(BUSY_TIMEOUT);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    end_in(&mut connection, PAGE_LIMIT).await?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SystemClock,
        testing::{TestDatabase, on_each_database, sqlite},
    };

    on_each_database!(a_look_cannot_write_and_knows_the_schema);
    async fn a_look_cannot_write_and_knows_the_schema(database: TestDatabase) {
        let mut look = Look::at(&database.url).await.expect("a connection");
        assert!(matches!(look.schema().await.expect("a schema"), SchemaFacts::Same(_)));
        assert!(look.query("DELETE FROM accounts").execute().await.is_err(), "it has written");
        look.close().await;
        for (change, found) in [
            ("UPDATE _sqlx_migrations SET version = version + 1000", "Ahead"),
            ("DELETE FROM _sqlx_migrations WHERE version > 1005", "Ahead"),
            ("UPDATE schema_floor SET binaries_need = 1005", "BelowFloor { floor: 1005"),
            ("UPDATE _sqlx_migrations SET version = version - 1000", "Behind"),
            ("UPDATE _sqlx_migrations SET success = NOT success WHERE version = 3", "Broken(3)"),
            ("DROP TABLE _sqlx_migrations", "Empty"),
        ] {
            database.run(change).await;
            let mut look = Look::at(&database.url).await.expect("a connection");
            let schema = format!("{:?}", look.schema().await.expect("a schema"));
            assert!(schema.starts_with(found), "{change}: {schema}");
        }
    }

    #[tokio::test]
    async fn a_look_at_a_file_that_nobody_has_open_leaves_nothing_behind() {
        let database = sqlite().await;
        let DatabaseUrl::Sqlite(path) = database.url.clone() else { unreachable!("it is SQLite") };
        database.db.close().await;
        let files = || {
            let folder = std::fs::read_dir(path.parent().expect("a folder")).expect("a folder");
            let mut names: Vec<_> = folder.map(|file| file.expect("a file").file_name()).collect();
            names.sort();
            names
        };
        let before = files();
        let mut look = Look::at(&database.url).await.expect("a connection");
        look.schema().await.expect("a schema");
        look.close().await;
        assert_eq!(files(), before);
        std::fs::remove_file(&path).expect("removed");
        assert!(Look::at(&database.url).await.is_err() && !path.exists(), "none is made");
    }

    on_each_database!(clocks_of_one_machine_agree);
    async fn clocks_of_one_machine_agree(database: TestDatabase) {
        let mut look = Look::at(&database.url).await.expect("a connection");
        let found = look.compare_clock(&SystemClock).await.expect("a clock");
        assert_eq!(found.is_some(), look.is_postgres());
        assert!(found.is_none_or(|it| it.difference <= it.round_trip + Duration::from_secs(5)), "{found:?}");
    }
}
