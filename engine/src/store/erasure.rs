//! Erasing what is stored about one task, or about one account.
//!
//! What waits is dropped first; an attempt under way finds its delivery gone and
//! changes nothing. Nothing of the data remains in the tables. An SQLite file is
//! overwritten where the data was, and its log emptied; PostgreSQL reuses the
//! room of removed rows when it vacuums.

use signet_model::{AccountId, EventId};

use super::removal::{Removed, deliveries_of, remove, remove_keys};
use crate::{
    Engine,
    db::{Database, Error, Pool, Result, Sql, Tx},
    fault,
    queue::Lock,
};

/// How many events one statement looks at.
const LOOKED_AT: i64 = 500;
/// How many deliveries are erased in one transaction, unless one event has more. An event
/// without any counts as one.
const DELIVERIES: i32 = 200;

/// The next events (`$3`) of an account (`$1`) after one (`$2`); on SQLite of all accounts.
const PAGE: Sql = Sql {
    sqlite: "SELECT account_id, id, fanout FROM events WHERE id > $2 ORDER BY id LIMIT $3",
    postgres: "SELECT account_id, id, fanout FROM events WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3",
};

impl Engine {
    /// How much is stored about one task of an account, or about all of them.
    pub async fn stored_about(&self, account: AccountId, task_id: Option<&str>) -> Result<Removed> {
        const EVENTS: &str =
            "SELECT count(*) FROM events WHERE account_id = $1 AND (CAST($2 AS TEXT) IS NULL OR task_id = $2)";
        const DELIVERIES: &str = "SELECT count(*), CAST(COALESCE(sum(d.attempts), 0) AS BIGINT) FROM events v
               JOIN endpoints e ON e.account_id = v.account_id
               JOIN deliveries d ON d.account_id = v.account_id AND d.endpoint_id = e.id AND d.event_id = v.id
              WHERE v.account_id = $1 AND (CAST($2 AS TEXT) IS NULL OR v.task_id = $2)";
        let mut conn = self.0.db.read(Pool::Patient).await?;
        let events: i64 = conn.query(EVENTS).bind(account).bind(task_id).fetch_value().await?;
        let (deliveries, attempts): (i64, i64) = conn.query(DELIVERIES).bind(account).bind(task_id).fetch_one().await?;
        let [events, deliveries, attempts] = [events, deliveries, attempts].map(i64::unsigned_abs);
        Ok(Removed { events, deliveries, attempts })
    }

    /// Erases the events of one task of an account, with their deliveries and
    /// attempts, waiting or not.
    pub async fn erase_task(&self, account: AccountId, task_id: &str) -> Result<Removed> {
        drop(self.lock(account).await?);
        self.overwrite(true).await?;
        let mut total = Removed::default();
        loop {
            let events = self.events_of_task(account, task_id).await?;
            if events.is_empty() {
                break;
            }
            total += self.erase(account, &events).await?;
        }
        self.overwrite(false).await?;
        Ok(total)
    }

    /// Erases an account and everything that is stored about it: events,
    /// deliveries, attempts, endpoints, keys, sessions, and the people who belong
    /// to no other account. Can be repeated if it was interrupted.
    pub async fn erase_account(&self, account: AccountId) -> Result<Removed> {
        drop(self.lock(account).await?);
        self.overwrite(true).await?;
        self.close_account(account).await?;
        let (mut total, mut after) = (Removed::default(), EventId::from_uuid(uuid::Uuid::nil()));
        loop {
            total += self.erase_events_after(account, &mut after).await?;
            self.remove_leftovers(account).await?;
            if self.remove_account(account, after).await? {
                break;
            }
        }
        self.overwrite(false).await?;
        Ok(total)
    }

    /// Erases the events of an account that come after one, and moves that on.
    async fn erase_events_after(&self, account: AccountId, after: &mut EventId) -> Result<Removed> {
        let mut total = Removed::default();
        loop {
            let page = self.page(account, *after).await?;
            let Some(last) = page.last() else { return Ok(total) };
            *after = last.id;
            let own: Vec<_> = page.into_iter().filter(|one| one.account_id == account).collect();
            for events in batches(&own) {
                total += self.erase(account, &events).await?;
            }
        }
    }

    /// The next events, in the order of their ids, which is that of time: on SQLite, which
    /// keeps them so, those of all accounts.
    async fn page(&self, account: AccountId, after: EventId) -> Result<Vec<Stored>> {
        let mut conn = self.0.db.read(Pool::Pages).await?;
        conn.query(PAGE).bind(account).bind(after).bind(LOOKED_AT).fetch_all().await
    }

    async fn events_of_task(&self, account: AccountId, task_id: &str) -> Result<Vec<EventId>> {
        const SQL: &str = "SELECT account_id, id, fanout FROM events WHERE account_id = $1 AND task_id = $2 LIMIT $3";
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let found: Vec<Stored> = conn.query(SQL).bind(account).bind(task_id).bind(LOOKED_AT).fetch_all().await?;
        Ok(batches(&found).into_iter().next().unwrap_or_default())
    }

    /// Erases some events in one transaction.
    async fn erase(&self, account: AccountId, events: &[EventId]) -> Result<Removed> {
        let mut tx = self.lock(account).await?;
        let deliveries = deliveries_of(&mut tx, account, events).await?;
        remove_keys(&mut tx, account, events).await?;
        let removed = remove(&mut tx, account, events, &deliveries).await?;
        tx.commit().await?;
        fault::point("after_step");
        Ok(removed)
    }

    /// Removes the account itself, unless events have come in after one that was looked
    /// at: the lock keeps out what might come now, and then it is too late.
    async fn remove_account(&self, account: AccountId, after: EventId) -> Result<bool> {
        const REMOVE: &str = "DELETE FROM accounts WHERE id = $1";
        let mut tx = self.lock(account).await?;
        let page: Vec<Stored> = tx.query(PAGE).bind(account).bind(after).bind(LOOKED_AT).fetch_all().await?;
        let is_whole = page.len() < usize::try_from(LOOKED_AT).unwrap_or(usize::MAX);
        if !is_whole || page.iter().any(|one| one.account_id == account) {
            return Ok(false);
        }
        tx.query(REMOVE).bind(account).execute().await?;
        tx.commit().await?;
        Ok(true)
    }

    /// A transaction in which the account takes nothing in.
    async fn lock(&self, account: AccountId) -> Result<Tx<'static>> {
        let mut tx = self.0.db.begin().await?;
        if tx.lock_accounts(&[account], Lock::Exclusive).await?.is_empty() {
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

#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct Stored {
    account_id: AccountId,
    id: EventId,
    fanout: i32,
}

/// Events in as many batches as it takes for none to have too many deliveries, or
/// one event alone.
fn batches(events: &[Stored]) -> Vec<Vec<EventId>> {
    let mut batches: Vec<Vec<EventId>> = Vec::new();
    let mut room = 0;
    for event in events {
        let size = event.fanout.max(1);
        match batches.last_mut() {
            Some(batch) if size <= room => batch.push(event.id),
            _ => {
                batches.push(vec![event.id]);
                room = DELIVERIES;
            }
        }
        room -= size;
    }
    batches
}
