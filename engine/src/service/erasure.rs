//! Erasing the data of one task, or of one account.
//!
//! Waiting deliveries are dropped first; an attempt under way finds its delivery gone and
//! changes no row. None of the data remains in the tables. An SQLite file is
//! overwritten where the data was, and its log emptied; PostgreSQL reuses the
//! room of removed rows when it vacuums.

use std::sync::Arc;

use signet_model::EventId;

use super::{
    AccountHandle, Error, Result,
    change::Record,
    removal::{Leaving, Removed, deliveries_of, remove, remove_keys},
    resends::forget_task,
};
use crate::{
    audit::Action,
    db::{self, Database, Pool, Tx},
    fault,
    queue::Lock,
};

/// The number of events that one statement looks at.
const LOOKED_AT: i64 = 500;
/// The number of deliveries that are erased in one transaction, unless one event has more. An event
/// without any counts as one.
const DELIVERIES: i32 = 200;

/// The next events (`$3`) of an account (`$1`) after one (`$2`).
const PAGE: &str = "SELECT id, fanout FROM events WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3";

/// The outcome of removing an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removal {
    /// The account is gone.
    Done,
    /// Events have come in meanwhile, and are to be erased first.
    EventsLeft,
}

impl AccountHandle<'_> {
    /// Counts the events, deliveries and attempts of one task of the account, or of all tasks.
    pub async fn stored(self, task_id: Option<&str>) -> Result<Removed> {
        const EVENTS: &str =
            "SELECT count(*) FROM events WHERE account_id = $1 AND (CAST($2 AS TEXT) IS NULL OR task_id = $2)";
        const DELIVERIES: &str = "SELECT count(*), CAST(COALESCE(sum(d.attempts), 0) AS BIGINT) FROM events v
               JOIN endpoints e ON e.account_id = v.account_id
               JOIN deliveries d ON d.account_id = v.account_id AND d.endpoint_id = e.id AND d.event_id = v.id
              WHERE v.account_id = $1 AND (CAST($2 AS TEXT) IS NULL OR v.task_id = $2)";
        let mut conn = self.service.db.read(Pool::Patient).await?;
        let events: i64 = conn.query(EVENTS).bind(self.id).bind(task_id).fetch_value().await?;
        let (deliveries, attempts): (i64, i64) = conn.query(DELIVERIES).bind(self.id).bind(task_id).fetch_one().await?;
        let [events, deliveries, attempts] = [events, deliveries, attempts].map(i64::unsigned_abs);
        Ok(Removed { events, deliveries, attempts })
    }

    /// Erases the events of one task of the account, with their deliveries and
    /// attempts, waiting or not; and the task's id where a resend was about it.
    pub async fn erase_task(self, task_id: &str) -> Result<Removed> {
        self.service.change_locked(self.actor, Action::TaskErased).await?.commit(Record::default()).await?;
        self.begin_overwriting().await?;
        let mut total = Removed::default();
        loop {
            let events = self.events_of_task(task_id).await?;
            if events.is_empty() {
                break;
            }
            total += self.erase_events(&events).await?;
        }
        let mut tx = self.lock().await?;
        forget_task(&mut tx, self.id, task_id, self.service.clock.now()).await?;
        tx.commit().await?;
        self.end_overwriting().await?;
        Ok(total)
    }

    /// Erases the account and all that is stored about it: events, deliveries, attempts,
    /// endpoints, keys, sessions, and the users without another account. Can be repeated if
    /// it was interrupted.
    pub async fn erase(self) -> Result<Removed> {
        self.begin_erasure().await?;
        self.end_erasure().await
    }

    /// Erases the account likewise, behind the request. The account says since when it is being
    /// erased.
    pub async fn erase_aside(self) -> Result<()> {
        self.begin_erasure().await?;
        let (service, actor) = (Arc::clone(self.service), self.actor.clone());
        tokio::spawn(async move {
            match AccountHandle::new(&service, &actor).end_erasure().await {
                Ok(removed) => tracing::info!(account = %actor.account, events = removed.events, "erased an account"),
                // Another task has erased it meanwhile.
                Err(Error::AccountNotFound) => {}
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(account = %actor.account, error, "the erasure of an account was interrupted");
                }
            }
        });
        Ok(())
    }

    /// Erases an account that is marked.
    async fn end_erasure(self) -> Result<Removed> {
        self.begin_overwriting().await?;
        self.close().await?;
        let (mut total, mut after) = (Removed::default(), EventId::from_uuid(uuid::Uuid::nil()));
        loop {
            total += self.erase_events_after(&mut after).await?;
            self.remove_leftovers().await?;
            if self.remove(after).await? == Removal::Done {
                break;
            }
        }
        self.end_overwriting().await?;
        Ok(total)
    }

    /// Marks the account, whose audit log may be removed from then on. The entry stands in the
    /// log of the installation.
    async fn begin_erasure(self) -> Result<()> {
        const MARK: &str = "UPDATE accounts SET erased_at = COALESCE(erased_at, $2) WHERE id = $1";
        let mut change = self.service.change_locked(self.actor, Action::AccountErased).await?;
        change.tx.query(MARK).bind(self.id).bind(self.service.clock.now()).execute().await?;
        Ok(change.in_installation().commit(Record::of("account", self.id)).await?)
    }

    /// Erases the events that come after one, and moves that on.
    async fn erase_events_after(self, after: &mut EventId) -> Result<Removed> {
        let mut total = Removed::default();
        loop {
            let page = self.page(*after).await?;
            let Some(last) = page.last() else { return Ok(total) };
            *after = last.id;
            for events in batches(&page) {
                total += self.erase_events(&events).await?;
            }
        }
    }

    /// The next events, in the order of their ids, which is that of time.
    async fn page(self, after: EventId) -> Result<Vec<Stored>> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        Ok(conn.query(PAGE).bind(self.id).bind(after).bind(LOOKED_AT).fetch_all().await?)
    }

    async fn events_of_task(self, task_id: &str) -> Result<Vec<EventId>> {
        const SQL: &str = "SELECT id, fanout FROM events WHERE account_id = $1 AND task_id = $2 LIMIT $3";
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let found: Vec<Stored> = conn.query(SQL).bind(self.id).bind(task_id).bind(LOOKED_AT).fetch_all().await?;
        Ok(batches(&found).into_iter().next().unwrap_or_default())
    }

    /// Erases some events in one transaction.
    async fn erase_events(self, events: &[EventId]) -> Result<Removed> {
        let mut tx = self.lock().await?;
        let deliveries = deliveries_of(&mut tx, self.id, events).await?;
        remove_keys(&mut tx, self.id, events).await?;
        let removed = remove(&mut tx, self.id, events, &deliveries, &Leaving::default()).await?;
        tx.commit().await?;
        fault::point("after_step");
        Ok(removed)
    }

    /// Removes the account itself, unless events have come in after one that was looked
    /// at: the lock keeps out any that might come now.
    async fn remove(self, after: EventId) -> Result<Removal> {
        const REMOVE: [&str; 3] = [
            "DELETE FROM audit_log WHERE account_id = $1",
            "DELETE FROM audit_heads WHERE account_id = $1",
            "DELETE FROM accounts WHERE id = $1",
        ];
        let mut tx = self.lock().await?;
        let page: Vec<Stored> = tx.query(PAGE).bind(self.id).bind(after).bind(LOOKED_AT).fetch_all().await?;
        if !page.is_empty() {
            return Ok(Removal::EventsLeft);
        }
        for sql in REMOVE {
            tx.query(sql).bind(self.id).execute().await?;
        }
        tx.commit().await?;
        Ok(Removal::Done)
    }

    /// Begins a transaction in which the account accepts no events.
    async fn lock(self) -> Result<Tx<'static>> {
        let mut tx = self.service.db.begin().await?;
        if tx.lock_accounts(&[self.id], Lock::Exclusive).await?.is_empty() {
            return Err(Error::AccountNotFound);
        }
        Ok(tx)
    }

    /// On SQLite: has deleted rows overwritten in the file.
    async fn begin_overwriting(self) -> Result<()> {
        self.run_on_sqlite("PRAGMA secure_delete = ON").await
    }

    /// On SQLite: ends that, and empties the log, which still has the rows, as far as readers
    /// let it.
    async fn end_overwriting(self) -> Result<()> {
        self.run_on_sqlite("PRAGMA secure_delete = FAST; PRAGMA wal_checkpoint(TRUNCATE)").await
    }

    async fn run_on_sqlite(self, sql: &'static str) -> Result<()> {
        if let Database::Sqlite(db) = &self.service.db {
            sqlx::raw_sql(sql).execute(&db.writer).await.map_err(db::Error::from)?;
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, sqlx_macros::FromRow)]
struct Stored {
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
