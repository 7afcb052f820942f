//! Removing what is old: first what was sent and what came back, later the rows.
//!
//! Only what is closed is touched: an event goes when none of its deliveries is
//! pending or held. It goes together with all of them, and their attempts, in one
//! transaction. Events are looked through in the order of their ids, which is
//! that of time, a few at a time with pauses in between; what opens a closed
//! delivery again is kept out meanwhile by the lock of its account.

mod expiry;
mod sweep_clock;

#[cfg(any(test, feature = "testing"))]
pub(crate) use sweep_clock::record as believe;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use signet_model::{AccountId, EventId, Timestamp, sql::Stored};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Engine,
    db::{Database, Pool, Result, Tx},
    engine::Parts,
    fault,
    queue::Lock,
    store::removal::{Concerned, Removed, deliveries_of, remove, strip},
};

/// How long an idempotency key is honoured.
pub const KEEP_KEYS: Duration = Duration::from_hours(24);

/// How often to look for what is old.
const PERIOD: Duration = Duration::from_hours(1);
/// How often bodies are looked for among all events and not only among those
/// that have become old since: what was held then can be closed by now.
const ROUNDS_TO_START_OVER: u32 = 24;
/// How long after the start to look for the first time: a person who sees in the log that
/// the clock is wrong, or too little is kept, has time to stop the process.
pub(crate) const FIRST_AFTER: Duration = Duration::from_mins(5);
/// How many events that are about to be removed are counted for the log.
const ANNOUNCED: usize = 10_000;
/// How many accounts one statement lists.
const ACCOUNTS: usize = 1_000;
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

/// Sweeps every hour until told to stop, for the first time after a while.
pub(crate) async fn sweep_hourly(engine: Arc<Parts>, first_after: Duration, stop: CancellationToken) {
    let sweeping = async {
        tokio::time::sleep(first_after).await;
        if let Err(error) = announce(&engine).await {
            tracing::warn!(%error, "it is not known yet how much is old");
        }
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

/// Says what the first sweep will remove.
async fn announce(engine: &Parts) -> Result<()> {
    let now = sweep_clock::look(engine).await?;
    let (rows, _) = limits(engine, now);
    let (mut events, mut walks) = (0, Walks::default());
    while let Some(walk) = walks.next(engine).await? {
        events += walk.count(engine, rows).await?;
        if events >= ANNOUNCED {
            break;
        }
    }
    let more = if events >= ANNOUNCED { " or more" } else { "" };
    let before = limit_of(engine.settings.keep_deliveries.max(KEEP_KEYS), now);
    tracing::info!("{events}{more} events, accepted before {before}, are about to be removed");
    Ok(())
}

impl Engine {
    /// Removes what is older than it is kept, as a started engine does by itself.
    pub async fn sweep(&self) -> Result<Swept> {
        sweep(&self.0, &mut { FIRST }).await
    }
}

/// Removes what is old. Bodies up to `stripped` are known to be gone; what is
/// looked through now is added to it.
async fn sweep(engine: &Parts, stripped: &mut EventId) -> Result<Swept> {
    // One process at a time.
    let Some(turn) = sweep_clock::turn(engine).await? else { return Ok(Swept::default()) };
    let now = sweep_clock::advance(engine).await?;
    // First, so that no key answers with an event that is gone.
    expiry::remove_expired(engine, now).await?;
    let (rows, bodies) = limits(engine, now);
    let (mut swept, mut walks) = (Swept::default(), Walks::default());
    while let Some(walk) = walks.next(engine).await? {
        swept += walk.through(engine, FIRST, rows, Depth::Rows).await?;
        swept += walk.through(engine, rows.max(*stripped), bodies, Depth::Bodies).await?;
    }
    *stripped = bodies.max(*stripped);
    turn.end().await;
    Ok(swept)
}

/// The first events to keep, and the first ones to keep the bodies of.
fn limits(engine: &Parts, now: Timestamp) -> (EventId, EventId) {
    let settings = &engine.settings;
    let first = |span| EventId::new(limit_of(span, now), [0; 10]);
    (first(settings.keep_deliveries.max(KEEP_KEYS)), first(settings.keep_bodies))
}

/// What was accepted before this instant is kept no longer.
fn limit_of(span: Duration, now: Timestamp) -> Timestamp {
    Timestamp::from_unix_micros(now.unix_micros().saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
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

/// All ways, one after the other; the accounts are listed some at a time.
#[derive(Debug, Default)]
struct Walks {
    listed: VecDeque<Walk>,
    last: Option<AccountId>,
    all_listed: bool,
}

impl Walks {
    async fn next(&mut self, engine: &Parts) -> Result<Option<Walk>> {
        if self.listed.is_empty() && !self.all_listed {
            self.list(engine).await?;
        }
        Ok(self.listed.pop_front())
    }

    async fn list(&mut self, engine: &Parts) -> Result<()> {
        const SQL: &str = "SELECT id FROM accounts WHERE id > $1 ORDER BY id LIMIT $2";
        let Database::Postgres(_) = &engine.db else {
            (self.listed, self.all_listed) = ([Walk::Everything].into(), true);
            return Ok(());
        };
        let after = self.last.unwrap_or(AccountId::from_uuid(Uuid::nil()));
        let mut conn = engine.db.read(Pool::Pages).await?;
        let accounts: Vec<AccountId> = conn.query(SQL).bind(after).bind(count(ACCOUNTS)).fetch_values().await?;
        self.last = accounts.last().copied();
        self.all_listed = accounts.len() < ACCOUNTS;
        self.listed = accounts.into_iter().map(Walk::Account).collect();
        Ok(())
    }
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

    /// How many events there are before one, as far as is worth counting.
    async fn count(self, engine: &Parts, before: EventId) -> Result<usize> {
        let (mut events, mut after) = (0, FIRST);
        while let Some(Page { last, old }) = self.page(engine, after, before, Depth::Rows).await? {
            (after, events) = (last, events + old.len());
            if events >= ANNOUNCED {
                break;
            }
        }
        Ok(events)
    }

    /// When the newest event was accepted.
    async fn newest(self, engine: &Parts) -> Result<Option<Timestamp>> {
        const EVERYTHING: &str = "SELECT accepted_at FROM events ORDER BY id DESC LIMIT 1";
        const ACCOUNT: &str = "SELECT accepted_at FROM events WHERE account_id = $1 ORDER BY id DESC LIMIT 1";
        let mut conn = engine.db.read(Pool::Pages).await?;
        match self {
            Self::Everything => conn.query(EVERYTHING).fetch_optional_value().await,
            Self::Account(account) => conn.query(ACCOUNT).bind(account).fetch_optional_value().await,
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
        let mut conn = engine.db.read(Pool::Pages).await?;
        let query = match self {
            Self::Everything => conn.query(EVERYTHING).bind(after).bind(before).bind(most),
            Self::Account(account) => conn.query(ACCOUNT).bind(after).bind(before).bind(most).bind(account),
        };
        Ok(Page::of(query.fetch_all().await?, depth))
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
    let mut tx = engine.db.begin().await?;
    let swept = sweep_closed(&mut tx, account, events, depth).await?;
    tx.commit().await?;
    fault::point("after_step");
    Ok(swept)
}

/// Finds out which are closed only now that nobody can open one any more.
async fn sweep_closed(tx: &mut Tx<'_>, account: AccountId, mut events: Vec<EventId>, depth: Depth) -> Result<Swept> {
    tx.lock_accounts(&[account], Lock::Shared).await?;
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
    use signet_model::{DeliveryId, delivery::State, time::Clock};

    use super::*;
    use crate::{
        clock::ManualClock,
        db::Sql,
        store::deliveries::ResendError,
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
            sweep_clock::record(&self.engine.0, self.clock.now()).await.expect("recorded");
            (accepted.expect("accepted").id, delivery)
        }

        async fn walk(&self) -> Walk {
            Walks::default().next(&self.engine.0).await.expect("ways").expect("one")
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
            let mut tx = database.db.begin().await.expect("a transaction");
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
    async fn a_clock_that_is_far_ahead_removes_one_day_at_most() {
        for database in databases().await {
            let world = World::new(&database).await;
            let (_, delivery) = world.old_event().await;
            world.engine.sweep().await.expect("swept");
            world.clock.advance(Duration::from_hours(100 * 24));
            let swept = world.engine.sweep().await.expect("swept");
            assert_eq!(swept, Swept::default(), "the clock is not believed");
            assert!(world.engine.delivery(world.account, delivery).await.expect("an answer").is_some());
        }
    }

    #[tokio::test]
    async fn before_the_first_sweep_the_newest_event_tells_how_late_it_can_be() {
        for database in databases().await {
            let world = World::new(&database).await;
            let (_, delivery) = world.old_event().await;
            database.run("DELETE FROM sweeps").await;
            assert_eq!(world.engine.sweep().await.expect("swept"), Swept::default());
            assert_eq!(world.is_pending_and_has_body(delivery).await, (false, true));
        }
    }

    #[tokio::test]
    async fn one_process_sweeps_at_a_time() {
        for database in databases().await {
            let world = World::new(&database).await;
            world.old_event().await;
            let turn = sweep_clock::turn(&world.engine.0).await.expect("an answer").expect("the turn");
            if let Database::Postgres(_) = &database.db {
                assert_eq!(world.engine.sweep().await.expect("swept"), Swept::default());
            }
            turn.end().await;
            assert_eq!(world.engine.sweep().await.expect("swept").bodies, 1);
        }
    }

    #[tokio::test]
    async fn sweeping_begins_by_itself() {
        for database in databases().await {
            let world = World::new(&database).await;
            let (_, delivery) = world.old_event().await;
            let stop = CancellationToken::new();
            let janitor = tokio::spawn(sweep_hourly(Arc::clone(&world.engine.0), Duration::ZERO, stop.clone()));
            while world.is_pending_and_has_body(delivery).await.1 {
                tokio::task::yield_now().await;
            }
            stop.cancel();
            janitor.await.expect("it stops");
        }
    }

    #[tokio::test]
    async fn what_has_lost_its_body_is_looked_through_a_little_at_a_time() {
        // Ids that are smaller than that of anything that was accepted.
        const NUMBERED: Sql = Sql {
            sqlite: "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < $2)
                 INSERT INTO events (id, account_id, event_type, occurred_at, accepted_at, fanout, is_test)
                 SELECT unhex(printf('%032x', n)), $1, 'task.completed', 1, 1, 0, 0 FROM counted",
            postgres: "INSERT INTO events (id, account_id, event_type, occurred_at, accepted_at, fanout, is_test)
                 SELECT lpad(to_hex(n), 32, '0')::uuid, $1, 'task.completed', now(), now(), 0, FALSE
                   FROM generate_series(1, $2) AS n",
        };
        for database in databases().await {
            let world = World::new(&database).await;
            let mut tx = database.db.begin().await.expect("a transaction");
            tx.query(NUMBERED).bind(world.account).bind(count(LOOKED_AT * 2)).execute().await.expect("stored");
            tx.commit().await.expect("committed");
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
