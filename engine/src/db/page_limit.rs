//! The time limit of the statements of one page.

use std::time::Duration;

use sqlx::{
    SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::time::Instant;

/// The time limit of the statements of one page. They are bounded by their indexes; a
/// database that is busy all the same is not kept busy by pages.
pub(super) const PAGE_LIMIT: Duration = Duration::from_secs(5);

/// PostgreSQL's option with the same meaning, for each statement.
pub(super) const POSTGRES_PAGE_LIMIT: (&str, &str) = ("statement_timeout", "5s");

/// The number of instructions that SQLite runs between two looks at the clock.
const INSTRUCTIONS: i32 = 1_000;

/// A pool of so many connections. A statement ends that long after its connection was taken.
pub(super) fn limited(options: SqliteConnectOptions, most: u32, limit: Duration) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(most)
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(end_in(connection, limit)))
        .before_acquire(move |connection, _| Box::pin(async move { end_in(connection, limit).await.map(|()| true) }))
        .connect_lazy_with(options)
}

/// Has SQLite interrupt the statements of a connection after some time.
pub(super) async fn end_in(connection: &mut SqliteConnection, limit: Duration) -> sqlx::Result<()> {
    let deadline = Instant::now() + limit;
    connection.lock_handle().await?.set_progress_handler(INSTRUCTIONS, move || Instant::now() < deadline);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::{Database, Error, Pool, Result},
        testing::{postgres, sqlite},
    };

    #[tokio::test]
    async fn a_statement_that_takes_too_long_is_stopped_on_sqlite_and_its_connection_goes_on() {
        const ENDLESS: &str = "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted)
             SELECT count(*) FROM counted";
        let database = sqlite().await;
        let Database::Sqlite(db) = &database.db else { unreachable!("asked for SQLite") };
        let options = (*db.readers.of(Pool::Pages).connect_options()).clone();
        let pool = limited(options, 1, Duration::from_millis(20));
        for _ in 0..2 {
            let stopped: Result<i64> = sqlx::query_scalar(ENDLESS).fetch_one(&pool).await.map_err(Error::from);
            assert!(matches!(stopped, Err(Error::TooSlow)), "{stopped:?}");
            let answer: i64 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await.expect("an answer");
            assert_eq!(answer, 1);
        }
    }

    #[tokio::test]
    async fn a_statement_that_takes_too_long_is_stopped_on_postgresql() {
        let Some(database) = postgres().await else { return };
        let Database::Postgres(db) = &database.db else { unreachable!("asked for PostgreSQL") };
        let pages = db.readers.of(Pool::Pages);
        let limit: String = sqlx::query_scalar("SHOW statement_timeout").fetch_one(pages).await.expect("a setting");
        assert_eq!(limit, POSTGRES_PAGE_LIMIT.1);
        let mut connection = pages.acquire().await.expect("a connection");
        sqlx::query("SET statement_timeout = '1ms'").execute(&mut *connection).await.expect("set");
        let stopped = sqlx::query("SELECT pg_sleep(60)").execute(&mut *connection).await.map_err(Error::from);
        assert!(matches!(stopped, Err(Error::TooSlow)), "{stopped:?}");
        connection.close().await.expect("closed");
    }
}
