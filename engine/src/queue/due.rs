//! When endpoints next have something due.

use signet_model::{AccountId, EndpointId, Timestamp};
use uuid::Uuid;

use crate::db::{Database, Pool, Result};

/// The queue of an endpoint: its place in the order in which queues fall due.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct DueQueue {
    next_due_at: Timestamp,
    account_id: AccountId,
    endpoint_id: EndpointId,
}

impl Default for DueQueue {
    /// The place before all others.
    fn default() -> Self {
        let (account_id, endpoint_id) = (AccountId::from_uuid(Uuid::nil()), EndpointId::from_uuid(Uuid::nil()));
        Self { next_due_at: Timestamp::from_unix_micros(i64::MIN), account_id, endpoint_id }
    }
}

impl DueQueue {
    /// The endpoint.
    pub fn address(&self) -> (AccountId, EndpointId) {
        (self.account_id, self.endpoint_id)
    }
}

/// A page of the queues that are due by an instant (`$1`), after a place (`$2` to `$4`).
macro_rules! due_queues {
    ($filter:literal) => {
        concat!(
            "SELECT next_due_at, account_id, endpoint_id FROM endpoint_queues
             WHERE next_due_at <= $1 AND (next_due_at, account_id, endpoint_id) > ($2, $3, $4)",
            $filter,
            " ORDER BY next_due_at, account_id, endpoint_id LIMIT $5"
        )
    };
}

/// On SQLite a row whose ids are none is passed over: nothing can be looked up by them.
pub(super) const SQLITE_DUE_QUEUES: &str = due_queues!(" AND length(account_id) = 16 AND length(endpoint_id) = 16");
pub(super) const POSTGRES_DUE_QUEUES: &str = due_queues!("");

/// The earliest instant after this one (`$1`) at which an endpoint has something due.
pub(super) const NEXT_DUE: &str =
    "SELECT next_due_at FROM endpoint_queues WHERE next_due_at > $1 ORDER BY next_due_at LIMIT 1";

/// Runs `$body`, written once, on a connection of the hot path that reads.
macro_rules! look {
    ($db:expr, |$conn:ident| $body:expr) => {
        match $db {
            Database::Sqlite(db) => {
                let mut $conn = db.readers.of(Pool::Lookups).acquire().await?;
                $body
            }
            Database::Postgres(db) => {
                let mut $conn = db.readers.of(Pool::Lookups).acquire().await?;
                $body
            }
        }
    };
}

/// The queues that are due by now, longest waiting first, at most `limit` of those after
/// this place.
pub async fn due_queues(db: &Database, now: Timestamp, after: DueQueue, limit: usize) -> Result<Vec<DueQueue>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = match db {
        Database::Sqlite(_) => SQLITE_DUE_QUEUES,
        Database::Postgres(_) => POSTGRES_DUE_QUEUES,
    };
    Ok(look!(db, |conn| sqlx::query_as(sql)
        .bind(now)
        .bind(after.next_due_at)
        .bind(after.account_id)
        .bind(after.endpoint_id)
        .bind(limit)
        .fetch_all(&mut *conn)
        .await?))
}

/// The earliest instant after this one at which an endpoint has something due.
pub async fn next_due(db: &Database, after: Timestamp) -> Result<Option<Timestamp>> {
    Ok(look!(db, |conn| sqlx::query_scalar(NEXT_DUE).bind(after).fetch_optional(&mut *conn).await?))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{
        Settings,
        testing::{Hands, TestDatabase, account, completed, endpoint, on_each_database, resting_engine},
    };

    on_each_database!(pages_show_every_due_queue_once_also_those_of_one_instant);
    async fn pages_show_every_due_queue_once_also_those_of_one_instant(database: TestDatabase) {
        const ENDPOINTS: usize = 7;
        let (engine, clock) = resting_engine(&database);
        let account = account(&engine, "acme").await;
        for _ in 0..ENDPOINTS {
            endpoint(&engine, account).await;
        }
        drop(Hands(&engine).ingest(completed(&engine, account, "1")).await);
        clock.advance(Settings::default().lease);
        let (now, mut after, mut seen) = (engine.0.clock.now(), DueQueue::default(), HashSet::new());
        loop {
            let page = due_queues(&database.db, now, after, 3).await.expect("a page");
            assert!(page.iter().all(|queue| seen.insert(queue.address())), "{page:?}");
            let Some(&last) = page.last() else { break };
            after = last;
        }
        assert_eq!(seen.len(), ENDPOINTS);
        assert_eq!(next_due(&database.db, now).await.expect("an answer"), None);
    }
}
