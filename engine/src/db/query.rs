//! A statement with its parameters, on either database.

use sqlx::{
    Encode, FromRow, PgConnection, SqlStr, SqliteConnection, Type,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{Error, Place, Result};
use crate::metrics::{Timer, labels::Operation};

/// A value that both databases take as a parameter.
pub(crate) trait Value<'v>:
    Encode<'v, sqlx::Sqlite> + Type<sqlx::Sqlite> + Encode<'v, sqlx::Postgres> + Type<sqlx::Postgres>
{
}

impl<'v, T> Value<'v> for T where
    T: Encode<'v, sqlx::Sqlite> + Type<sqlx::Sqlite> + Encode<'v, sqlx::Postgres> + Type<sqlx::Postgres>
{
}

/// A type that is read from a row of either database.
pub(crate) trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

/// A statement, to be run on the connection that made it.
#[must_use = "a query has to be run"]
pub(crate) struct Query<'c> {
    statement: Statement<'c>,
    /// The place of the statement in the source, which its errors name.
    at: Place,
}

enum Statement<'c> {
    Sqlite(&'c mut SqliteConnection, sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>),
    Postgres(&'c mut PgConnection, sqlx::query::Query<'static, sqlx::Postgres, PgArguments>),
}

impl<'c> Query<'c> {
    #[track_caller]
    pub(super) fn sqlite(conn: &'c mut SqliteConnection, sql: SqlStr) -> Self {
        Self { statement: Statement::Sqlite(conn, sqlx::query(sql)), at: Place::here() }
    }

    /// A statement that the connection keeps prepared, or not.
    #[track_caller]
    pub(super) fn postgres(conn: &'c mut PgConnection, sql: SqlStr, is_kept: bool) -> Self {
        Self { statement: Statement::Postgres(conn, sqlx::query(sql).persistent(is_kept)), at: Place::here() }
    }

    /// The value of the next parameter.
    pub(crate) fn bind<'v>(self, value: impl Value<'v>) -> Self {
        let statement = match self.statement {
            Statement::Sqlite(conn, query) => Statement::Sqlite(conn, query.bind(value)),
            Statement::Postgres(conn, query) => Statement::Postgres(conn, query.bind(value)),
        };
        Self { statement, ..self }
    }

    /// The value of the next parameter, in the form that each database takes.
    pub(super) fn bind_either<'v, S, P>(self, sqlite: impl FnOnce() -> S, postgres: impl FnOnce() -> P) -> Self
    where
        S: Encode<'v, sqlx::Sqlite> + Type<sqlx::Sqlite>,
        P: Encode<'v, sqlx::Postgres> + Type<sqlx::Postgres>,
    {
        let statement = match self.statement {
            Statement::Sqlite(conn, query) => Statement::Sqlite(conn, query.bind(sqlite())),
            Statement::Postgres(conn, query) => Statement::Postgres(conn, query.bind(postgres())),
        };
        Self { statement, ..self }
    }

    /// Runs the statement, and returns how many rows it changed.
    pub(crate) async fn execute(self) -> Result<u64> {
        let timer = Timer::start(Operation::Statement);
        let done = match self.statement {
            Statement::Sqlite(conn, query) => query.execute(conn).await.map(|done| done.rows_affected()),
            Statement::Postgres(conn, query) => query.execute(conn).await.map(|done| done.rows_affected()),
        };
        timer.stop();
        done.map_err(|error| Error::at(self.at, error))
    }

    /// Reads all rows.
    pub(crate) async fn fetch_all<T: Row>(self) -> Result<Vec<T>> {
        let timer = Timer::start(Operation::Statement);
        let rows = match self.statement {
            Statement::Sqlite(conn, query) => query.fetch_all(conn).await.and_then(|rows| read(&rows)),
            Statement::Postgres(conn, query) => query.fetch_all(conn).await.and_then(|rows| read(&rows)),
        };
        timer.stop();
        rows.map_err(|error| Error::at(self.at, error))
    }

    /// Reads the first row, if there is any.
    pub(crate) async fn fetch_optional<T: Row>(self) -> Result<Option<T>> {
        let timer = Timer::start(Operation::Statement);
        let row = match self.statement {
            Statement::Sqlite(conn, query) => {
                query.fetch_optional(conn).await.and_then(|row| row.as_ref().map(T::from_row).transpose())
            }
            Statement::Postgres(conn, query) => {
                query.fetch_optional(conn).await.and_then(|row| row.as_ref().map(T::from_row).transpose())
            }
        };
        timer.stop();
        row.map_err(|error| Error::at(self.at, error))
    }

    /// Reads the first row of a statement that always has one.
    pub(crate) async fn fetch_one<T: Row>(self) -> Result<T> {
        let at = self.at.clone();
        self.fetch_optional().await?.ok_or_else(|| Error::at(at, sqlx::Error::RowNotFound))
    }

    /// Reads the one column of all rows.
    pub(crate) async fn fetch_values<T>(self) -> Result<Vec<T>>
    where
        (T,): Row,
    {
        Ok(self.fetch_all().await?.into_iter().map(|(value,)| value).collect())
    }

    /// Reads the one column of the first row, if there is any.
    pub(crate) async fn fetch_optional_value<T>(self) -> Result<Option<T>>
    where
        (T,): Row,
    {
        Ok(self.fetch_optional().await?.map(|(value,)| value))
    }

    /// Reads the one column of the first row of a statement that always has one.
    pub(crate) async fn fetch_value<T>(self) -> Result<T>
    where
        (T,): Row,
    {
        let (value,) = self.fetch_one().await?;
        Ok(value)
    }
}

fn read<'r, R: sqlx::Row, T: FromRow<'r, R>>(rows: &'r [R]) -> sqlx::Result<Vec<T>> {
    rows.iter().map(T::from_row).collect()
}
