//! Closing an account, and removing the rows that belong to it besides its events: some at
//! a time, however many there are.

use signet_model::{EndpointId, Timestamp};

use super::{AccountHandle, Result};
use crate::queue::{Lock, QueueEntry};

/// The number of rows that change in one transaction.
const BATCH: u64 = 500;

/// Users of this account alone who do not operate the server, and all ways in; each statement removes some
/// (`$2`) of the rows that belong to an account (`$1`).
const PEOPLE: [&str; 6] = [
    "DELETE FROM sessions WHERE account_id = $1 AND token_hash IN
       (SELECT token_hash FROM sessions WHERE account_id = $1 LIMIT $2)",
    "DELETE FROM portal_links WHERE account_id = $1 AND token_hash IN
       (SELECT token_hash FROM portal_links WHERE account_id = $1 LIMIT $2)",
    "DELETE FROM invitations WHERE account_id = $1 AND token_hash IN
       (SELECT token_hash FROM invitations WHERE account_id = $1 LIMIT $2)",
    "DELETE FROM api_keys WHERE account_id = $1 AND id IN (SELECT id FROM api_keys WHERE account_id = $1 LIMIT $2)",
    "DELETE FROM users WHERE id IN
       (SELECT user_id FROM memberships WHERE account_id = $1 AND NOT EXISTS
         (SELECT 1 FROM memberships AS other WHERE other.user_id = memberships.user_id AND other.account_id <> $1)
         AND NOT EXISTS (SELECT 1 FROM operators WHERE operators.user_id = memberships.user_id)
        LIMIT $2)",
    "DELETE FROM memberships WHERE account_id = $1 AND user_id IN
       (SELECT user_id FROM memberships WHERE account_id = $1 LIMIT $2)",
];

/// The rest of an account when its events are gone, likewise.
const LEFTOVERS: &[&str] = &[
    "DELETE FROM idempotency_keys WHERE account_id = $1 AND key IN
       (SELECT key FROM idempotency_keys WHERE account_id = $1 LIMIT $2)",
    "DELETE FROM stored_answers WHERE account_id = $1 AND (sender_id, key) IN
       (SELECT sender_id, key FROM stored_answers WHERE account_id = $1 LIMIT $2)",
    "DELETE FROM endpoint_queues WHERE account_id = $1 AND endpoint_id IN
       (SELECT endpoint_id FROM endpoint_queues WHERE account_id = $1 LIMIT $2)",
    "DELETE FROM endpoint_health WHERE account_id = $1 AND endpoint_id IN
       (SELECT endpoint_id FROM endpoint_health WHERE account_id = $1 LIMIT $2)",
    "DELETE FROM operational_events WHERE account_id = $1 AND id IN
       (SELECT id FROM operational_events WHERE account_id = $1 ORDER BY id LIMIT $2)",
    "DELETE FROM statistics WHERE account_id = $1 AND (hour, endpoint_id, event_type) IN
       (SELECT hour, endpoint_id, event_type FROM statistics WHERE account_id = $1 ORDER BY hour LIMIT $2)",
    "DELETE FROM mail_notices WHERE account_id = $1 AND (id, user_id) IN
       (SELECT id, user_id FROM mail_notices WHERE account_id = $1 ORDER BY id LIMIT $2)",
    "DELETE FROM balance_history WHERE account_id = $1 AND hour IN
       (SELECT hour FROM balance_history WHERE account_id = $1 ORDER BY hour LIMIT $2)",
    "DELETE FROM audit_log WHERE account_id = $1 AND number IN
       (SELECT number FROM audit_log WHERE account_id = $1 ORDER BY number LIMIT $2)",
    "DELETE FROM endpoints WHERE account_id = $1 AND id IN (SELECT id FROM endpoints WHERE account_id = $1 LIMIT $2)",
];

impl AccountHandle<'_> {
    /// Keeps the account's people and keys out for good, and deletes its endpoints; the
    /// deliveries that wait for these are discarded in steps.
    pub(super) async fn close(self) -> Result<()> {
        self.drain(&PEOPLE).await?;
        let now = self.service.clock.now();
        while self.delete_some_endpoints(now).await? > 0 {}
        Ok(())
    }

    async fn delete_some_endpoints(self, now: Timestamp) -> Result<usize> {
        const SQL: &str = "UPDATE endpoints SET deleted_at = $2 WHERE account_id = $1 AND id IN
             (SELECT id FROM endpoints WHERE account_id = $1 AND deleted_at IS NULL LIMIT $3) RETURNING id";
        let account = self.id;
        let mut tx = self.service.db.begin().await?;
        tx.lock_accounts(&[account], Lock::Exclusive).await?;
        let endpoints: Vec<EndpointId> = tx.query(SQL).bind(account).bind(now).bind(limit()).fetch_values().await?;
        for &endpoint in &endpoints {
            tx.pull_forward(QueueEntry::new((account, endpoint), now)).await?;
        }
        tx.revise(account).await?;
        tx.commit().await?;
        self.service.delivery.changed(&[account]).await;
        Ok(endpoints.len())
    }

    /// Removes the rest of an account of which there are no events any more.
    pub(super) async fn remove_leftovers(self) -> Result<()> {
        self.drain(LEFTOVERS).await
    }

    /// Repeats statements, each until it changes no more rows.
    async fn drain(self, statements: &[&'static str]) -> Result<()> {
        for &sql in statements {
            while self.remove_some(sql).await? == BATCH {}
        }
        Ok(())
    }

    async fn remove_some(self, sql: &'static str) -> Result<u64> {
        let mut tx = self.service.db.begin().await?;
        let removed = tx.query(sql).bind(self.id).bind(limit()).execute().await?;
        tx.commit().await?;
        Ok(removed)
    }
}

fn limit() -> i64 {
    i64::try_from(BATCH).unwrap_or(i64::MAX)
}
