//! Closing an account, and removing what belongs to it besides its events: some rows at
//! a time, however many there are.

use signet_model::{AccountId, EndpointId, Timestamp};

use super::{Result, transact};
use crate::{
    Engine,
    queue::{Lock, QueueEntry, Tx, on},
};

/// How many rows change in one transaction.
const BATCH: u64 = 500;

/// Removes some (`$2`) of the rows of a table that belong to an account (`$1`).
macro_rules! some_of {
    ($table:literal, $id:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE account_id = $1 AND ",
            $id,
            " IN (SELECT ",
            $id,
            " FROM ",
            $table,
            " WHERE account_id = $1 LIMIT $2)"
        )
    };
}

/// People who belong to this account alone, and all ways in.
const PEOPLE: [&str; 5] = [
    some_of!("sessions", "token_hash"),
    some_of!("setup_links", "token_hash"),
    some_of!("api_keys", "id"),
    "DELETE FROM users WHERE id IN
       (SELECT user_id FROM memberships WHERE account_id = $1 AND NOT EXISTS
         (SELECT 1 FROM memberships AS other WHERE other.user_id = memberships.user_id AND other.account_id <> $1)
        LIMIT $2)",
    some_of!("memberships", "user_id"),
];

/// What is left of an account when its events are gone.
const LEFTOVERS: [&str; 4] = [
    some_of!("idempotency_keys", "key"),
    some_of!("endpoint_queues", "endpoint_id"),
    some_of!("endpoint_health", "endpoint_id"),
    some_of!("endpoints", "id"),
];

impl Engine {
    /// Keeps an account's people and keys out for good, and deletes its endpoints; what
    /// waits for these is discarded in steps.
    pub(super) async fn close_account(&self, account: AccountId) -> Result<()> {
        self.drain(account, &PEOPLE).await?;
        while self.delete_some_endpoints(account, self.0.clock.now()).await? {}
        Ok(())
    }

    async fn delete_some_endpoints(&self, account: AccountId, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE endpoints SET deleted_at = $2 WHERE account_id = $1 AND id IN
             (SELECT id FROM endpoints WHERE account_id = $1 AND deleted_at IS NULL LIMIT $3) RETURNING id";
        let mut tx = Tx::begin(&self.0.db).await?;
        tx.lock_accounts(&[account], Lock::Exclusive).await?;
        let endpoints: Vec<EndpointId> =
            on!(&mut tx, |conn| sqlx::query_scalar(SQL).bind(account).bind(now).bind(limit()).fetch_all(conn).await?);
        for &endpoint in &endpoints {
            tx.pull_forward(QueueEntry { account, endpoint, due_at: now }).await?;
        }
        tx.revise(account).await?;
        tx.commit().await?;
        self.0.changed(&[account]).await;
        Ok(!endpoints.is_empty())
    }

    /// Removes what is left of an account of which there are no events any more.
    pub(super) async fn remove_leftovers(&self, account: AccountId) -> Result<()> {
        self.drain(account, &LEFTOVERS).await
    }

    /// Repeats statements, each until it changes nothing more.
    async fn drain(&self, account: AccountId, statements: &[&'static str]) -> Result<()> {
        for &sql in statements {
            while self.remove_some(account, sql).await? == BATCH {}
        }
        Ok(())
    }

    async fn remove_some(&self, account: AccountId, sql: &'static str) -> Result<u64> {
        Ok(transact!(&self.0.db, |tx| {
            sqlx::query(sql).bind(account).bind(limit()).execute(&mut *tx).await?.rows_affected()
        }))
    }
}

fn limit() -> i64 {
    i64::try_from(BATCH).unwrap_or(i64::MAX)
}
