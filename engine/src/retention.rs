//! Removing what is old: first what was sent and what came back, later the rows.
//!
//! Only what is closed is touched: an event goes when none of its deliveries is
//! pending or held. It goes together with all of them, and their attempts, in one
//! transaction. Events are looked through in the order of their ids, which is
//! that of time, a few at a time with pauses in between; what opens a closed
//! delivery again is kept out meanwhile by the lock of its account.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use signet_model::{AccountId, EventId, Timestamp, sql::Stored};
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
/// How many events change in one transaction.
const BATCH: usize = 200;
/// How many events one statement looks at for bodies: most of them have none any more.
const LOOKED_AT: usize = 1_000;
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
            sqlx::query(KEYS).bind(oldest).bind(count(BATCH)).execute(&mut *tx).await?.rows_affected()
        });
        if removed < BATCH as u64 {
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
    fanout: Stored<i32>,
    has_body: bool,
}

/// Some events that were looked at.
struct Page {
    /// The last of them.
    last: EventId,
    /// Those with something to take away, as many as make up a transaction.
    old: Vec<Old>,
}

impl Walk {
    /// Looks through the events between two ids.
    async fn through(self, engine: &Parts, mut after: EventId, before: EventId, depth: Depth) -> Result<Swept> {
        let mut swept = Swept::default();
        loop {
            let Some(Page { last, old }) = self.page(engine, after, before, depth).await? else { return Ok(swept) };
            after = last;
            let mut by_account: BTreeMap<AccountId, Vec<EventId>> = BTreeMap::new();
            for one in old {
                by_account.entry(one.account_id).or_default().push(one.id);
            }
            for (account, events) in by_account {
                swept += sweep_events(engine, account, events, depth).await?;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The next events. What one statement looks at is bounded, and not what it
    /// finds: it would look for the next body through all that have lost theirs.
    async fn page(self, engine: &Parts, after: EventId, before: EventId, depth: Depth) -> Result<Option<Page>> {
        const EVERYTHING: &str = "SELECT account_id, id, fanout, body IS NOT NULL AS has_body FROM events
             WHERE id > $1 AND id < $2 AND length(account_id) = 16 ORDER BY id LIMIT $3";
        const ACCOUNT: &str = "SELECT account_id, id, fanout, body IS NOT NULL AS has_body FROM events
             WHERE account_id = $4 AND id > $1 AND id < $2 ORDER BY id LIMIT $3";
        let most = count(match depth {
            Depth::Rows => BATCH,
            Depth::Bodies => LOOKED_AT,
        });
        let looked_at: Vec<Old> = match self {
            Self::Everything => read!(&engine.db, |conn| sqlx::query_as(EVERYTHING)
                .bind(after)
                .bind(before)
                .bind(most)
                .fetch_all(&mut *conn)
                .await?),
            Self::Account(account) => read!(&engine.db, |conn| sqlx::query_as(ACCOUNT)
                .bind(after)
                .bind(before)
                .bind(most)
                .bind(account)
                .fetch_all(&mut *conn)
                .await?),
        };
        Ok(Page::of(looked_at, depth))
    }
}

impl Page {
    /// As much of what was looked at as fits into a transaction.
    fn of(looked_at: Vec<Old>, depth: Depth) -> Option<Self> {
        let mut page = Self { last: looked_at.first()?.id, old: Vec::new() };
        let mut deliveries = 0;
        for one in looked_at {
            let goes = depth == Depth::Rows || one.has_body;
            if goes && (page.old.len() == BATCH || deliveries >= DELIVERIES) {
                break;
            }
            page.last = one.id;
            if goes {
                deliveries += one.fanout.clone().ok().map_or(DELIVERIES, i64::from);
                page.old.push(one);
            }
        }
        Some(page)
    }
}

/// Sweeps those of the events that are closed.
async fn sweep_events(engine: &Parts, account: AccountId, events: Vec<EventId>, depth: Depth) -> Result<Swept> {
    let mut tx = Tx::begin(&engine.db).await?;
    let swept = sweep_closed(&mut tx, account, events, depth).await?;
    tx.commit().await?;
    Ok(swept)
}

/// Finds out which are closed only now that nobody can open one any more.
async fn sweep_closed(tx: &mut Tx<'_>, account: AccountId, mut events: Vec<EventId>, depth: Depth) -> Result<Swept> {
    tx.lock_accounts(&[account], Lock::Share).await?;
    let mut deliveries = deliveries_of(tx, account, &events).await?;
    let open: Vec<EventId> = deliveries.iter().filter(|one| one.is_open()).map(|one| one.event_id).collect();
    events.retain(|id| !open.contains(id));
    deliveries.retain(|one: &Concerned| !open.contains(&one.event_id));
    Ok(match depth {
        Depth::Rows => Swept { removed: remove(tx, account, &events, &deliveries).await?, ..Swept::default() },
        Depth::Bodies => Swept { bodies: strip(tx, account, &events, &deliveries).await?, ..Swept::default() },
    })
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

impl std::ops::AddAssign for Swept {
    fn add_assign(&mut self, more: Self) {
        self.removed += more.removed;
        self.bodies += more.bodies;
    }
}

#[cfg(test)]
mod tests {
    use signet_model::{DeliveryId, delivery::State};

    use super::*;
    use crate::{
        clock::ManualClock,
        store::{deliveries::ResendError, transact},
        testing::{Hands, TestDatabase, account, completed, databases, endpoint, resting_engine},
    };

    struct World {
        engine: Engine,
        clock: ManualClock,
        account: AccountId,
    }

    impl World {
        async fn new(database: &TestDatabase) -> Self {
            let (engine, clock) = resting_engine(database);
            let account = account(&engine, "acme").await;
            endpoint(&engine, account).await;
            Self { engine, clock, account }
        }

        /// An event that was delivered so long ago that its body is to go.
        async fn old_event(&self) -> (EventId, DeliveryId) {
            let hands = Hands(&self.engine);
            let (accepted, mut in_flight) = hands.ingest(completed(&self.engine, self.account, "task")).await;
            let delivery = in_flight[0].delivery();
            hands.finish(in_flight.remove(0), 200).await;
            self.clock.advance(self.engine.0.settings.keep_bodies + PERIOD);
            (accepted.expect("accepted").id, delivery)
        }

        async fn walk(&self) -> Walk {
            walks(&self.engine.0).await.expect("ways").remove(0)
        }

        /// What a sweep for bodies looks at first.
        async fn look(&self, after: EventId) -> Option<Page> {
            let (_, before) = limits(&self.engine.0, self.engine.0.clock.now());
            self.walk().await.page(&self.engine.0, after, before, Depth::Bodies).await.expect("a page")
        }

        /// Whether the delivery is pending and whether it has a body; the ledger adds up.
        async fn is_pending_and_has_body(&self, delivery: DeliveryId) -> (bool, bool) {
            let ledger = self.engine.check().await.expect("a ledger");
            assert!(ledger.is_clean(), "{ledger:?}");
            let detail = self.engine.delivery(self.account, delivery).await.expect("an answer").expect("a delivery");
            (detail.delivery.state == State::Pending, detail.body.is_some())
        }
    }

    #[tokio::test]
    async fn what_is_resent_between_the_look_and_the_sweep_keeps_its_body() {
        for database in databases().await {
            let world = World::new(&database).await;
            let (event, delivery) = world.old_event().await;
            let page = world.look(FIRST).await.expect("an old event");
            assert_eq!(page.old.iter().map(|one| one.id).collect::<Vec<_>>(), [event]);
            world.engine.resend(world.account, delivery).await.expect("sent again");
            let swept = sweep_events(&world.engine.0, world.account, vec![event], Depth::Bodies).await.expect("swept");
            assert_eq!(swept, Swept::default());
            assert_eq!(world.is_pending_and_has_body(delivery).await, (true, true));
        }
    }

    #[tokio::test]
    async fn what_is_resent_during_the_sweep_waits_and_is_refused() {
        for database in databases().await {
            let world = World::new(&database).await;
            let (event, delivery) = world.old_event().await;
            let mut tx = Tx::begin(&database.db).await.expect("a transaction");
            let swept = sweep_closed(&mut tx, world.account, vec![event], Depth::Bodies).await.expect("swept");
            assert_eq!(swept.bodies, 1);
            // Nobody but the sweep sees yet that the body is gone.
            let resent = tokio::spawn({
                let (engine, account) = (world.engine.clone(), world.account);
                async move { engine.resend(account, delivery).await }
            });
            somebody_waits(&database).await;
            tx.commit().await.expect("committed");
            let refused = resent.await.expect("no panic").expect_err("its body is gone");
            assert!(matches!(refused, ResendError::BodyGone | ResendError::Pending), "{refused:?}");
            assert_eq!(world.is_pending_and_has_body(delivery).await, (false, false));
        }
    }

    /// Until somebody waits for a lock in this database. On SQLite that cannot be
    /// seen: whoever writes waits in line, and looks only when it is its turn.
    async fn somebody_waits(database: &TestDatabase) {
        const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        if let Database::Postgres(_) = &database.db {
            while database.count(WAITING).await == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn what_has_lost_its_body_is_looked_through_a_little_at_a_time() {
        // Ids that are smaller than that of anything that was accepted.
        const SQLITE: &str = "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < $2)
             INSERT INTO events (id, account_id, event_type, occurred_at, accepted_at, fanout, is_test)
             SELECT unhex(printf('%032x', n)), $1, 'task.completed', 1, 1, 0, 0 FROM counted";
        const POSTGRES: &str =
            "INSERT INTO events (id, account_id, event_type, occurred_at, accepted_at, fanout, is_test)
             SELECT lpad(to_hex(n), 32, '0')::uuid, $1, 'task.completed', now(), now(), 0, FALSE
               FROM generate_series(1, $2) AS n";
        for database in databases().await {
            let world = World::new(&database).await;
            let sql = if matches!(database.db, Database::Sqlite(_)) { SQLITE } else { POSTGRES };
            let stored: Result<()> = async {
                transact!(&database.db, |tx| {
                    sqlx::query(sql).bind(world.account).bind(count(LOOKED_AT * 2)).execute(&mut *tx).await?;
                });
                Ok(())
            }
            .await;
            stored.expect("stored");
            let (event, delivery) = world.old_event().await;

            let (mut after, mut pages) = (FIRST, Vec::new());
            while let Some(page) = world.look(after).await {
                pages.push(page.old.iter().map(|one| one.id).collect::<Vec<_>>());
                after = page.last;
            }
            assert_eq!(pages, [vec![], vec![], vec![event]]);
            assert_eq!(world.engine.sweep().await.expect("swept").bodies, 1);
            assert_eq!(world.is_pending_and_has_body(delivery).await, (false, false));
        }
    }
}
