//! Removing what is old: first what was sent and what came back, later the rows.
//!
//! Only what is closed is touched: an event goes when none of its deliveries is
//! pending or held. It goes together with all of them, and their attempts, in one
//! transaction. Events are looked through in the order of their ids, which is
//! that of time, a few at a time with pauses in between; what opens a closed
//! delivery again is kept out meanwhile by the lock of its account.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use signet_model::{AccountId, EventId, Timestamp};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Engine,
    engine::Parts,
    queue::{Lock, Tx},
    store::{
        Database, Result, read,
        removal::{Concerned, Removed, deliveries_of, remove, strip},
        transact,
    },
};

/// How long an idempotency key is honoured.
pub const KEEP_KEYS: Duration = Duration::from_hours(24);

/// How often to look for what is old.
const PERIOD: Duration = Duration::from_hours(1);
/// How often bodies are looked for among all events and not only among those
/// that have become old since: what was held then can be closed by now.
const ROUNDS_TO_START_OVER: u32 = 24;
/// How many events, give or take their deliveries, are looked at in one transaction.
const BATCH: i64 = 200;
/// How many deliveries change in one transaction, give or take those of one event.
const DELIVERIES: i64 = 500;
/// The rest that everybody else gets between two transactions.
const PAUSE: Duration = Duration::from_millis(20);

/// What retention took away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Whole events.
    pub removed: Removed,
    /// How many events lost their bodies.
    pub bodies: u64,
}

/// Sweeps every hour until told to stop.
pub(crate) async fn sweep_hourly(engine: Arc<Parts>, stop: CancellationToken) {
    let sweeping = async {
        let mut stripped = FIRST;
        for round in (0..ROUNDS_TO_START_OVER).cycle() {
            if round == 0 {
                stripped = FIRST;
            }
            match sweep(&engine, &mut stripped).await {
                Ok(Swept { removed, bodies }) if removed.events + bodies > 0 => {
                    tracing::info!(events = removed.events, bodies, "old events removed");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "old events could not be removed; trying again later"),
            }
            tokio::time::sleep(PERIOD).await;
        }
    };
    stop.run_until_cancelled(sweeping).await;
}

const FIRST: EventId = EventId::from_uuid(Uuid::nil());

impl Engine {
    /// Removes what is older than it is kept, as a started engine does by itself.
    pub async fn sweep(&self) -> Result<Swept> {
        sweep(&self.0, &mut { FIRST }).await
    }
}

/// Removes what is old. Bodies up to `stripped` are known to be gone; what is
/// looked through now is added to it.
async fn sweep(engine: &Parts, stripped: &mut EventId) -> Result<Swept> {
    let now = engine.clock.now();
    // First, so that no key answers with an event that is gone.
    remove_expired(engine, now).await?;
    let (rows, bodies) = limits(engine, now);
    let mut swept = Swept::default();
    for walk in walks(engine).await? {
        swept += walk.through(engine, FIRST, rows, Depth::Rows).await?;
        swept += walk.through(engine, rows.max(*stripped), bodies, Depth::Bodies).await?;
    }
    *stripped = bodies.max(*stripped);
    Ok(swept)
}

/// The first events to keep, and the first ones to keep the bodies of.
fn limits(engine: &Parts, now: Timestamp) -> (EventId, EventId) {
    let before = |span: Duration| {
        let micros = now.unix_micros().saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX));
        EventId::new(Timestamp::from_unix_micros(micros), [0; 10])
    };
    let settings = &engine.settings;
    (before(settings.keep_deliveries.max(KEEP_KEYS)), before(settings.keep_bodies))
}

/// Sessions and links that have ended, and idempotency keys that are not
/// honoured any more.
async fn remove_expired(engine: &Parts, now: Timestamp) -> Result<()> {
    const KEYS: &str = "DELETE FROM idempotency_keys WHERE (account_id, key) IN
         (SELECT account_id, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
    let oldest = Timestamp::from_unix_micros(now.unix_micros() - i64::try_from(KEEP_KEYS.as_micros()).unwrap_or(0));
    transact!(&engine.db, |tx| {
        sqlx::query("DELETE FROM sessions WHERE expires_at <= $1").bind(now).execute(&mut *tx).await?;
        sqlx::query("DELETE FROM setup_links WHERE expires_at <= $1").bind(now).execute(&mut *tx).await?;
    });
    loop {
        let removed = transact!(&engine.db, |tx| {
            sqlx::query(KEYS).bind(oldest).bind(BATCH).execute(&mut *tx).await?.rows_affected()
        });
        if removed < BATCH.unsigned_abs() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How much goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Bodies and headers.
    Bodies,
    /// Everything.
    Rows,
}

/// A way through events in the order of time, along an index.
#[derive(Debug, Clone, Copy)]
enum Walk {
    /// SQLite keeps all accounts' events in that order.
    Everything,
    /// PostgreSQL keeps those of each account so.
    Account(AccountId),
}

async fn walks(engine: &Parts) -> Result<Vec<Walk>> {
    let Database::Postgres(db) = &engine.db else { return Ok(vec![Walk::Everything]) };
    let accounts: Vec<AccountId> =
        sqlx::query_scalar("SELECT id FROM accounts ORDER BY id").fetch_all(&db.pool).await?;
    Ok(accounts.into_iter().map(Walk::Account).collect())
}

#[derive(sqlx::FromRow)]
struct Old {
    account_id: AccountId,
    id: EventId,
    fanout: i32,
}

impl Walk {
    /// Looks through the events between two ids.
    async fn through(self, engine: &Parts, mut after: EventId, before: EventId, depth: Depth) -> Result<Swept> {
        let mut swept = Swept::default();
        loop {
            let page = self.page(engine, after, before, depth).await?;
            let Some(last) = page.last() else { return Ok(swept) };
            after = last.id;
            let mut by_account: BTreeMap<AccountId, Vec<EventId>> = BTreeMap::new();
            for old in &page {
                by_account.entry(old.account_id).or_default().push(old.id);
            }
            for (account, events) in by_account {
                swept += sweep_events(engine, account, events, depth).await?;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The next events, as many as make up a transaction.
    async fn page(self, engine: &Parts, after: EventId, before: EventId, depth: Depth) -> Result<Vec<Old>> {
        const EVERYTHING: &str = "SELECT account_id, id, fanout FROM events
             WHERE id > $1 AND id < $2 AND (body IS NOT NULL OR NOT $3) ORDER BY id LIMIT $4";
        const ACCOUNT: &str = "SELECT account_id, id, fanout FROM events
             WHERE account_id = $5 AND id > $1 AND id < $2 AND (body IS NOT NULL OR NOT $3) ORDER BY id LIMIT $4";
        let bodies_only = depth == Depth::Bodies;
        let mut page: Vec<Old> = match self {
            Self::Everything => read!(&engine.db, |conn| sqlx::query_as(EVERYTHING)
                .bind(after)
                .bind(before)
                .bind(bodies_only)
                .bind(BATCH)
                .fetch_all(&mut *conn)
                .await?),
            Self::Account(account) => read!(&engine.db, |conn| sqlx::query_as(ACCOUNT)
                .bind(after)
                .bind(before)
                .bind(bodies_only)
                .bind(BATCH)
                .bind(account)
                .fetch_all(&mut *conn)
                .await?),
        };
        let mut deliveries = 0;
        let fits = page.iter().take_while(|old| {
            let room = deliveries < DELIVERIES;
            deliveries += i64::from(old.fanout);
            room
        });
        let fits = fits.count();
        page.truncate(fits);
        Ok(page)
    }
}

/// Sweeps those of the events that are closed.
async fn sweep_events(engine: &Parts, account: AccountId, mut events: Vec<EventId>, depth: Depth) -> Result<Swept> {
    let mut tx = Tx::begin(&engine.db).await?;
    tx.lock_accounts(&[account], Lock::Share).await?;
    let mut deliveries = deliveries_of(&mut tx, account, &events).await?;
    let open: Vec<EventId> = deliveries.iter().filter(|one| one.is_open()).map(|one| one.event_id).collect();
    events.retain(|id| !open.contains(id));
    deliveries.retain(|one: &Concerned| !open.contains(&one.event_id));
    let swept = match depth {
        Depth::Rows => Swept { removed: remove(&mut tx, account, &events, &deliveries).await?, ..Swept::default() },
        Depth::Bodies => Swept { bodies: strip(&mut tx, account, &events, &deliveries).await?, ..Swept::default() },
    };
    tx.commit().await?;
    Ok(swept)
}

impl std::ops::AddAssign for Swept {
    fn add_assign(&mut self, more: Self) {
        self.removed += more.removed;
        self.bodies += more.bodies;
    }
}
