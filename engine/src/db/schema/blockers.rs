//! The sessions of PostgreSQL that a migration waits for. Their statements are not looked at: they
//! can hold secrets.

use std::{
    convert::Infallible,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::time::sleep;

/// A wait that is shorter is not worth a look.
const LOOK_AFTER: Duration = Duration::from_millis(200);
/// The time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A session that has, or waits before us for, a lock that is needed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx_macros::FromRow)]
pub struct Blocker {
    /// The process of the server; 0 for a prepared transaction.
    pid: i32,
    /// Its user.
    user: Option<String>,
    /// The name that the program has given itself.
    application: Option<String>,
    /// The age of its transaction, in seconds.
    seconds: Option<i64>,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return f.write_str("a prepared transaction (see pg_prepared_xacts)");
        }
        write!(f, "session {}", self.pid)?;
        let application = self.application.as_deref().filter(|name| !name.is_empty());
        let named = [
            application.map(|name| name.escape_debug().to_string()),
            self.user.as_ref().map(|name| format!("user {}", name.escape_debug())),
            self.seconds.map(|seconds| format!("for {seconds} s in its transaction")),
        ];
        let named: Vec<_> = named.into_iter().flatten().collect();
        if named.is_empty() { Ok(()) } else { write!(f, " ({})", named.join(", ")) }
    }
}

/// The sessions in words.
pub(super) fn listed(blockers: &[Blocker]) -> String {
    if blockers.is_empty() {
        return "which session had them is not known".to_owned();
    }
    let each: Vec<_> = blockers.iter().map(ToString::to_string).collect();
    format!("they were held by {}", each.join("; "))
}

/// Does the work of a session, and returns for which others it waited last.
pub(super) async fn watched<T>(
    options: &PgConnectOptions,
    session: i32,
    what: &str,
    work: impl Future<Output = T>,
) -> (T, Vec<Blocker>) {
    let seen = Mutex::default();
    let done = tokio::select! {
        biased;
        done = work => done,
        never = watch(options, session, what, &seen) => match never {},
    };
    (done, seen.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Looks again and again for whom the session waits, and says so in the log when that changes.
async fn watch(options: &PgConnectOptions, session: i32, what: &str, seen: &Mutex<Vec<Blocker>>) -> Infallible {
    let mut connection = None;
    sleep(LOOK_AFTER).await;
    loop {
        match look(&mut connection, options, session).await {
            Ok(blockers) if !blockers.is_empty() => {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                if pids(&seen) != pids(&blockers) {
                    tracing::warn!("{what} waits for its locks; {}", listed(&blockers));
                }
                *seen = blockers;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "for whom {what} waits cannot be told");
                connection = None;
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

fn pids(blockers: &[Blocker]) -> Vec<i32> {
    blockers.iter().map(|blocker| blocker.pid).collect()
}

async fn look(
    connection: &mut Option<PgConnection>,
    options: &PgConnectOptions,
    session: i32,
) -> sqlx::Result<Vec<Blocker>> {
    const SQL: &str = "SELECT b.pid, CAST(a.usename AS TEXT) AS user, a.application_name AS application,
               CAST(EXTRACT(EPOCH FROM clock_timestamp() - a.xact_start) AS BIGINT) AS seconds
        FROM (SELECT DISTINCT unnest(pg_blocking_pids($1)) AS pid) AS b LEFT JOIN pg_stat_activity AS a ON a.pid = b.pid
        ORDER BY b.pid LIMIT 5";
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(PgConnection::connect_with(options).await?),
    };
    sqlx::query_as(SQL).bind(session).fetch_all(connection).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_by_what_is_known_of_it() {
        let known = Blocker {
            pid: 7,
            user: Some("backup".to_owned()),
            application: Some("pg_dump\n".to_owned()),
            seconds: Some(312),
        };
        let hidden = Blocker { pid: 8, user: None, application: Some(String::new()), seconds: None };
        let prepared = Blocker { pid: 0, ..hidden.clone() };
        assert_eq!(
            listed(&[known, hidden, prepared]),
            "they were held by session 7 (pg_dump\\n, user backup, for 312 s in its transaction); session 8; a prepared \
             transaction (see pg_prepared_xacts)"
        );
    }
}
