//! A backlog as it is after days, made by a few statements.

use std::ops::Range;

use signet_model::{AccountId, EndpointId};

use super::TestDatabase;
use crate::db::Database;

/// The beginning of ids that were made an hour before the clock of tests.
const PREFIX: &str = "019d3419cf8070008000";

/// The state of the deliveries of a backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    /// Due since an hour.
    Pending,
    /// Held.
    Held,
    /// Failed at their only attempt.
    Failed,
}

impl Backlog {
    /// The columns `state`, `due_at`, `attempts`, `failures` and `completed_at`.
    fn columns(self, hour_ago: &str) -> String {
        match self {
            Self::Pending => format!("'pending', {hour_ago}, 0, 0, NULL"),
            Self::Held => "'held', NULL, 0, 0, NULL".to_owned(),
            Self::Failed => format!("'failed', NULL, 1, 1, {hour_ago}"),
        }
    }
}

impl TestDatabase {
    /// Stores deliveries for an endpoint, of events that are older than all others and have
    /// these numbers.
    pub async fn store_backlog(&self, account: AccountId, endpoint: EndpointId, backlog: Backlog, numbers: Range<u32>) {
        let Range { start, end } = numbers;
        let (account, endpoint) = (account.uuid().simple(), endpoint.uuid().simple());
        let (numbers, id, account, endpoint, hour_ago) = match self.db {
            Database::Sqlite(_) => (
                format!(
                    "(WITH RECURSIVE counted (n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < {end})
                       SELECT n FROM counted) AS numbers"
                ),
                format!("unhex('{PREFIX}' || printf('%012x', n))"),
                format!("x'{account}'"),
                format!("x'{endpoint}'"),
                "1774695600000000",
            ),
            Database::Postgres(_) => (
                format!("generate_series({start}, {end} - 1) AS n"),
                format!("CAST('{PREFIX}' || lpad(to_hex(n), 12, '0') AS UUID)"),
                format!("CAST('{account}' AS UUID)"),
                format!("CAST('{endpoint}' AS UUID)"),
                "to_timestamp(1774695600)",
            ),
        };
        let columns = backlog.columns(hour_ago);
        let attempts = format!(
            "INSERT INTO attempts (account_id, delivery_id, number, started_at, duration_us, request_headers, body_truncated, failure)
             SELECT {account}, {id}, 1, {hour_ago}, 1, '[]', FALSE, 'connection_refused' FROM {numbers};"
        );
        self.run(&format!(
            "INSERT INTO events (id, account_id, event_type, body, occurred_at, accepted_at, fanout, is_test)
             SELECT {id}, {account}, 'task.completed', '{{}}', {hour_ago}, {hour_ago}, 1, FALSE FROM {numbers};
             INSERT INTO deliveries (id, account_id, event_id, endpoint_id, event_type, is_test, created_at,
               state, due_at, attempts, failures, completed_at)
             SELECT {id}, {account}, {id}, {endpoint}, 'task.completed', FALSE, {hour_ago}, {columns} FROM {numbers};
             {}
             INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at) VALUES ({account}, {endpoint}, {hour_ago})
             ON CONFLICT (account_id, endpoint_id) DO UPDATE SET next_due_at = excluded.next_due_at;
             ANALYZE",
            if backlog == Backlog::Failed { attempts.as_str() } else { "" },
        ))
        .await;
    }
}
