//! Erasing what is stored about one task, or about one account.
//!
//! What waits is dropped first; an attempt under way finds its delivery gone and
//! changes nothing. Nothing of the data remains in the tables. An SQLite file is
//! overwritten where the data was, and its log emptied; PostgreSQL reuses the
//! room of removed rows when it vacuums.

use signet_model::{AccountId, EventId};

use super::{
    Database, Error, Result, read,
    removal::{Removed, close_account, deliveries_of, remove, remove_account, remove_keys},
};
use crate::{
    Engine,
    queue::{Lock, Tx, on},
};

/// How many events are erased in one transaction.
const BATCH: i64 = 100;

impl Engine {
    /// How much is stored about one task of an account, or about all of them.
    pub async fn stored_about(&self, account: AccountId, task_id: Option<&str>) -> Result<Removed> {
        const EVENTS: &str =
            "SELECT count(*) FROM events WHERE account_id = $1 AND (CAST($2 AS TEXT) IS NULL OR task_id = $2)";
        const DELIVERIES: &str = "SELECT count(*), CAST(COALESCE(sum(d.attempts), 0) AS BIGINT) FROM events v
               JOIN endpoints e ON e.account_id = v.account_id
               JOIN deliveries d ON d.account_id = v.account_id AND d.endpoint_id = e.id AND d.event_id = v.id
              WHERE v.account_id = $1 AND (CAST($2 AS TEXT) IS NULL OR v.task_id = $2)";
        read!(&self.0.db, |conn| {
            let events: i64 = sqlx::query_scalar(EVENTS).bind(account).bind(task_id).fetch_one(&mut *conn).await?;
            let (deliveries, attempts): (i64, i64) =
                sqlx::query_as(DELIVERIES).bind(account).bind(task_id).fetch_one(&mut *conn).await?;
            let [events, deliveries, attempts] = [events, deliveries, attempts].map(i64::unsigned_abs);
            Ok(Removed { events, deliveries, attempts })
        })
    }

    /// Erases the events of one task of an account, with their deliveries and
    /// attempts, waiting or not.
    pub async fn erase_task(&self, account: AccountId, task_id: &str) -> Result<Removed> {
        const EVENTS: &str = "SELECT id FROM events WHERE account_id = $1 AND task_id = $2 LIMIT $3";
        let mut total = Removed::default();
        self.overwrite(true).await?;
        loop {
            let mut tx = self.lock(account).await?;
            let events: Vec<EventId> = on!(&mut tx, |conn| sqlx::query_scalar(EVENTS)
                .bind(account)
                .bind(task_id)
                .bind(BATCH)
                .fetch_all(conn)
                .await?);
            if events.is_empty() {
                break;
            }
            total += erase(&mut tx, account, &events).await?;
            tx.commit().await?;
        }
        self.overwrite(false).await?;
        Ok(total)
    }

    /// Erases an account and everything that is stored about it: events,
    /// deliveries, attempts, endpoints, keys, sessions, and the people who belong
    /// to no other account. Can be repeated if it was interrupted.
    pub async fn erase_account(&self, account: AccountId) -> Result<Removed> {
        self.overwrite(true).await?;
        let mut tx = self.lock(account).await?;
        close_account(&mut tx, account, self.0.clock.now()).await?;
        tx.commit().await?;
        let (mut total, mut after) = (Removed::default(), EventId::from_uuid(uuid::Uuid::nil()));
        loop {
            let mut tx = self.lock(account).await?;
            let events = events_after(&mut tx, account, after).await?;
            total += erase(&mut tx, account, &events).await?;
            let Some(&last) = events.last() else {
                // The lock keeps out what might come now, and then it is too late.
                remove_account(&mut tx, account).await?;
                tx.commit().await?;
                break;
            };
            tx.commit().await?;
            after = last;
        }
        self.overwrite(false).await?;
        Ok(total)
    }

    /// A transaction in which the account takes nothing in.
    async fn lock(&self, account: AccountId) -> Result<Tx<'static>> {
        let mut tx = Tx::begin(&self.0.db).await?;
        if tx.lock_accounts(&[account], Lock::Change).await?.is_empty() {
            return Err(Error::NotFound);
        }
        Ok(tx)
    }

    /// On SQLite: begins, or ends, to overwrite what is deleted; at the end the
    /// log, which still has it, is emptied as far as readers let it.
    async fn overwrite(&self, begin: bool) -> Result<()> {
        let Database::Sqlite(db) = &self.0.db else { return Ok(()) };
        let sql = if begin {
            "PRAGMA secure_delete = ON"
        } else {
            "PRAGMA secure_delete = OFF; PRAGMA wal_checkpoint(TRUNCATE)"
        };
        sqlx::raw_sql(sql).execute(&db.writer).await?;
        Ok(())
    }
}

/// The next events of an account, in the order of their ids, which is that of time.
async fn events_after(tx: &mut Tx<'_>, account: AccountId, after: EventId) -> Result<Vec<EventId>> {
    const SQL: &str = "SELECT id FROM events WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    Ok(on!(tx, |conn| sqlx::query_scalar(SQL).bind(account).bind(after).bind(BATCH).fetch_all(conn).await?))
}

async fn erase(tx: &mut Tx<'_>, account: AccountId, events: &[EventId]) -> Result<Removed> {
    let deliveries = deliveries_of(tx, account, events).await?;
    remove_keys(tx, account, events).await?;
    remove(tx, account, events, &deliveries).await
}
