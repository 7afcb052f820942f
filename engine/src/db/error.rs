//! Errors of the databases, in their own words.

use std::{
    borrow::Cow,
    fmt::{self, Display},
    io,
    panic::Location,
    path::PathBuf,
};

use sqlx::{
    error::DatabaseError,
    postgres::{PgDatabaseError, PgSeverity},
};

use super::SchemaProblem;

/// The database failed, or could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or refused the statement.
    #[error("the database failed at {at}: {}", words(error))]
    Database {
        /// The words of the database; a statement's parameters are not among them.
        error: sqlx::Error,
        /// The statement.
        at: Place,
    },
    /// A page's query was stopped at its limit.
    #[error("the query took too long, and was stopped")]
    TooSlow,
    /// The database refused a statement of the hot path of SQLite.
    #[error("the database failed at {at}: {error}")]
    Embedded {
        /// The words of SQLite.
        error: rusqlite::Error,
        /// The statement.
        at: Place,
    },
    /// The database cannot be brought up to date.
    #[error("the database could not be migrated: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database and this version of Signet do not go together.
    #[error(transparent)]
    Schema(#[from] SchemaProblem),
    /// A pooler stands before PostgreSQL.
    #[error(
        "a pooler such as PgBouncer stands before the database: add pooler=transaction to the URL of the database \
         (postgres://USER@HOST/NAME?pooler=transaction), or give the address of PostgreSQL itself"
    )]
    UntoldPooler,
    /// The SQLite file cannot be used.
    #[error("the database file {} cannot be used: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The words of the system.
        error: io::Error,
    },
    /// The SQLite file or its log was removed or replaced while it was open.
    #[error("the database file {} was removed or replaced while it was open", .0.display())]
    FileGone(PathBuf),
    /// The last commit failed.
    #[error("the last commit failed")]
    NotCommitted,
    /// A row that the transaction had locked has changed all the same.
    #[error("what was locked has changed")]
    Changed,
    /// The caller stopped waiting before the transaction began.
    #[error("the caller no longer waits")]
    Abandoned,
}

impl Error {
    /// The failure of a statement.
    pub(super) fn at(at: Place, error: sqlx::Error) -> Self {
        // SQLite's `SQLITE_INTERRUPT`, PostgreSQL's `query_canceled`.
        match code(&error).as_deref() {
            Some("9" | "57014") => Self::TooSlow,
            _ => Self::Database { error, at },
        }
    }

    /// The code of the database (PostgreSQL: `SQLSTATE`), if it refused a statement.
    pub(crate) fn code(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Database { error, .. } => code(error),
            _ => None,
        }
    }

    /// Tells whether PostgreSQL refused a statement, which it has then rolled back. After another
    /// failure, of the connection or of the whole session, the statement may have been done.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::TooSlow => true,
            Self::Database { error, .. } => {
                let refused = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
                refused.is_some_and(|error| error.severity() == PgSeverity::Error)
            }
            _ => false,
        }
    }

    /// The failure of a statement with this name.
    pub(super) fn named(name: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |error| Self::at(Place::Named(name), error)
    }
}

/// The code of the database, if it refused a statement.
pub(super) fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(DatabaseError::code)
}

impl From<sqlx::Error> for Error {
    #[track_caller]
    fn from(error: sqlx::Error) -> Self {
        Self::at(Place::here(), error)
    }
}

impl From<rusqlite::Error> for Error {
    #[track_caller]
    fn from(error: rusqlite::Error) -> Self {
        Self::Embedded { error, at: Place::here() }
    }
}

/// The result of a statement with this error, for functions with an error of their own that
/// has no conversion from that of the driver.
#[track_caller]
pub(crate) fn located<T, E>(result: Result<T, E>) -> Result<T, Error>
where
    Error: From<E>,
{
    match result {
        Ok(value) => Ok(value),
        Err(error) => Err(Error::from(error)),
    }
}

/// The statement that failed: its name, or else its place in the source.
#[derive(Debug, Clone)]
pub enum Place {
    /// A statement with a name.
    Named(&'static str),
    /// The file and the line.
    At(&'static Location<'static>),
}

impl Place {
    #[track_caller]
    pub(super) fn here() -> Self {
        Self::At(Location::caller())
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::At(place) => {
                let file = place.file().rsplit_once("src/").map_or(place.file(), |(_, file)| file);
                write!(f, "{file}:{}", place.line())
            }
        }
    }
}

/// The words of the database, in one line and without values: PostgreSQL repeats them behind
/// a colon where it cannot read one (class 22 of its error codes), and in details.
fn words(error: &sqlx::Error) -> String {
    let sqlx::Error::Database(database) = error else { return error.to_string() };
    let code = database.code().unwrap_or_default();
    let message = database.message();
    let message = if code.starts_with("22") { message.split(':').next().unwrap_or_default() } else { message };
    format!("{message} ({code})").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use crate::{
        Engine,
        testing::{TestDatabase, on_each_database, resting_engine},
    };

    async fn failure(engine: &Engine) -> String {
        let name = "a value that is nobody’s business".parse().expect("a name");
        engine.accounts().create(&crate::actor::Operator::signet(), &name).await.expect_err("no table").to_string()
    }

    on_each_database!(a_failure_tells_the_words_of_the_database_and_the_statement_but_no_value);
    async fn a_failure_tells_the_words_of_the_database_and_the_statement_but_no_value(database: TestDatabase) {
        let (engine, _) = resting_engine(&database);
        database.run("ALTER TABLE accounts RENAME TO hidden").await;
        let text = failure(&engine).await;
        assert!(text.contains("no such table: accounts") || text.contains("\"accounts\" does not exist"), "{text}");
        assert!(text.contains("service/accounts.rs:") && !text.contains("business"), "{text}");
    }

    #[tokio::test]
    async fn a_value_that_postgresql_repeats_is_left_out() {
        let Some(database) = crate::testing::postgres().await else { return };
        let crate::db::Database::Postgres(db) = &database.db else { unreachable!("it is PostgreSQL") };
        let failed = sqlx::query("SELECT CAST($1::text AS INTEGER)").bind("hunter2").execute(&db.pool).await;
        let text = super::Error::from(failed.expect_err("no number")).to_string();
        assert!(text.contains("invalid input syntax for type integer (22P02)") && !text.contains("hunter2"), "{text}");
    }
}
