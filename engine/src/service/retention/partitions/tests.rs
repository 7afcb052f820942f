use signet_model::{Subscriptions, time::Clock};

use super::*;
use crate::{
    Engine, Settings,
    clock::ManualClock,
    service::retention::{Depth, sweep_events},
    testing::{Hands, TestDatabase, account, assert_adds_up, completed, discard, endpoint, engine, postgres},
};

const DEFAULT: &str = "SELECT count(*) FROM attempts_default";
const ATTEMPTS: &str = "SELECT count(*) FROM attempts";

/// An engine in the second day after the end of the first partition, with those of the next days.
struct World {
    database: TestDatabase,
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
}

impl World {
    async fn new() -> Option<Self> {
        let database = postgres().await?;
        let settings = Settings { keep_deliveries: 90 * DAY, ..Settings::default() };
        let (engine, clock) = engine(&database, settings, Vec::new());
        let first = all(&engine.0).await.expect("partitions").remove(0);
        clock.set(EventId::from_uuid(first.before).created_at() + DAY + DAY / 2);
        let account = account(&engine, "acme").await;
        endpoint(&engine, account).await;
        make_first(&engine.0).await.expect("made");
        Some(Self { database, engine, clock, account })
    }

    async fn partitions(&self) -> Vec<Partition> {
        all(&self.engine.0).await.expect("partitions")
    }

    /// The partition of the present.
    async fn present(&self) -> Partition {
        let now = EventId::new(self.clock.now(), [0; 10]).uuid();
        self.partitions().await.into_iter().find(|one| one.has(now)).expect("a partition")
    }

    async fn has(&self, partition: &Partition) -> bool {
        self.partitions().await.iter().any(|one| one.name == partition.name)
    }

    /// An event that one webhook has got; the others are paused.
    async fn delivered(&self) -> EventId {
        let (accepted, mut in_flight) = Hands(&self.engine).ingest(completed(&self.engine, self.account, "task")).await;
        Hands(&self.engine).finish(in_flight.remove(0), 200).await;
        accepted.expect("accepted").id
    }

    /// Moves on to when all of a partition is too old.
    fn pass(&self, partition: &Partition) {
        self.clock.set(EventId::from_uuid(partition.before).created_at() + 90 * DAY);
    }
}

#[test]
fn a_twelfth_of_the_time_that_deliveries_are_kept_makes_a_partition() {
    for (days, wide) in [(1, 1), (12, 1), (13, 2), (90, 8), (365, 31), (3_650, 305)] {
        assert_eq!(width(DAY * days), wide, "{days}");
    }
    assert_eq!(day_of(first_of(20_000)), 20_000);
}

#[tokio::test]
async fn partitions_are_made_ahead_once() {
    let Some(world) = World::new().await else { return };
    let made = world.partitions().await;
    let today = day_of(EventId::new(world.clock.now(), [0; 10]).uuid());
    assert!((today..today + DAYS_AHEAD).all(|day| made.iter().filter(|one| one.has(first_of(day))).count() == 1));
    assert_eq!(day_of(made[1].before) - day_of(made[1].first()), 8);
    make_first(&world.engine.0).await.expect("nothing to do");
    assert_eq!(world.partitions().await.len(), made.len());
    world.clock.advance(9 * DAY);
    Hands(&world.engine).sweep().await;
    assert_eq!(world.partitions().await.len(), made.len() + 1);
    // Two at once make each partition once.
    world.clock.advance(20 * DAY);
    let (one, two) = tokio::join!(make_ahead(&world.engine.0), make_ahead(&world.engine.0));
    one.and(two).expect("made");
    let names: Vec<_> = world.partitions().await.into_iter().map(|one| one.name).collect();
    assert!(names.iter().all(|name| names.iter().filter(|one| *one == name).count() == 1), "{names:?}");
}

#[tokio::test]
async fn an_attempt_goes_to_the_partition_of_its_delivery_which_alone_is_read() {
    let Some(world) = World::new().await else { return };
    let present = world.present().await;
    world.delivered().await;
    // The clock is set back by an hour.
    let hour_ago = world.clock.now().unix_micros() - 3_600_000_000;
    world.clock.set(Timestamp::from_unix_micros(hour_ago));
    world.delivered().await;
    assert_eq!(world.database.count(&format!("SELECT count(*) FROM {}", present.name)).await, 2);
    assert_eq!(world.database.count(DEFAULT).await, 0);
    assert_adds_up(&world.engine).await;
    let Database::Postgres(db) = &world.database.db else { unreachable!("it is PostgreSQL") };
    let read = format!(
        "EXPLAIN SELECT * FROM attempts WHERE account_id = '{}' AND delivery_id = '{}' ORDER BY number",
        world.account.uuid(),
        present.first()
    );
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(read)).fetch_all(&db.pool).await.expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains(&format!("{}_pkey", present.name)), "{plan}");
    assert!(!plan.contains("attempts_first") && !plan.contains("attempts_default"), "{plan}");
}

#[tokio::test]
async fn a_partition_is_dropped_when_all_of_it_is_too_old() {
    let Some(world) = World::new().await else { return };
    let old = world.present().await;
    world.delivered().await;
    world.clock.advance(91 * DAY);
    assert_eq!(Hands(&world.engine).sweep().await.removed.events, 0, "the partition ends later");
    assert!(world.has(&old).await);
    world.pass(&old);
    let kept = world.delivered().await;
    let removed = Hands(&world.engine).sweep().await.removed;
    assert_eq!((removed.events, removed.deliveries, removed.attempts), (1, 1, 0));
    assert!(!world.has(&old).await);
    assert_eq!(world.database.count(ATTEMPTS).await, 1);
    assert_eq!(world.database.count("SELECT count(*) FROM leaving_attempts").await, 0);
    assert!(world.engine.as_operator_in(world.account).event(kept).await.is_ok());
    // The first one is older.
    assert!(!world.partitions().await.iter().any(|one| one.first.is_none()));
}

#[tokio::test]
async fn a_held_delivery_keeps_its_partition_and_no_attempts_of_others() {
    let Some(world) = World::new().await else { return };
    let old = world.present().await;
    let event = world.delivered().await;
    let delivered = world.database.count("SELECT count(*) FROM deliveries").await;
    assert_eq!(delivered, 1);
    let paused = endpoint(&world.engine, world.account).await;
    world.engine.as_operator_in(world.account).endpoint(paused).pause().await.expect("paused");
    let held = world.delivered().await;
    world.pass(&old);
    assert_eq!(Hands(&world.engine).sweep().await.removed.events, 1);
    assert!(world.has(&old).await);
    assert_eq!(world.database.count(ATTEMPTS).await, 1, "that of the event of which one delivery is held");
    assert_eq!(world.database.count("SELECT count(*) FROM leaving_attempts WHERE by_row").await, 1);
    assert!(world.engine.as_operator_in(world.account).event(event).await.is_err());
    assert!(world.engine.as_operator_in(world.account).event(held).await.is_ok());

    discard(&world.engine, world.account, paused, &Subscriptions::all()).await.expect("discarded");
    let removed = Hands(&world.engine).sweep().await.removed;
    assert_eq!((removed.events, removed.attempts), (1, 1));
    assert!(!world.has(&old).await);
    assert_eq!(world.database.count(ATTEMPTS).await, 0);
}

#[tokio::test]
async fn a_sweep_that_ends_early_leaves_a_clean_ledger_and_the_next_one_goes_on() {
    let Some(world) = World::new().await else { return };
    let old = world.present().await;
    let event = world.delivered().await;
    world.pass(&old);
    let (kept, leaving) = begin(&world.engine.0, EventId::from_uuid(old.before)).await.expect("begun");
    assert_eq!(kept.uuid(), old.before);
    let swept = sweep_events(&world.engine.0, world.account, vec![event], Depth::Rows(&leaving)).await.expect("swept");
    assert_eq!((swept.removed.events, swept.removed.attempts), (1, 0));
    assert_eq!(world.database.count(ATTEMPTS).await, 1);
    Hands(&world.engine).sweep().await;
    assert!(!world.has(&old).await);
    assert_eq!(world.database.count(ATTEMPTS).await, 0);
}

#[tokio::test]
async fn a_reader_of_attempts_puts_the_drop_off() {
    let Some(world) = World::new().await else { return };
    let old = world.present().await;
    world.delivered().await;
    world.pass(&old);
    let Database::Postgres(db) = &world.database.db else { unreachable!("it is PostgreSQL") };
    let mut reader = db.pool.begin().await.expect("a transaction");
    sqlx::query("SELECT count(*) FROM attempts").execute(&mut *reader).await.expect("read");
    assert_eq!(Hands(&world.engine).sweep().await.removed.events, 1);
    assert!(world.has(&old).await);
    assert_eq!(world.database.count("SELECT count(*) FROM leaving_attempts WHERE NOT by_row").await, 2);
    reader.rollback().await.expect("ended");
    Hands(&world.engine).sweep().await;
    assert!(!world.has(&old).await);
}

#[tokio::test]
async fn without_a_partition_attempts_are_stored_and_go_row_by_row() {
    let Some(world) = World::new().await else { return };
    world.clock.advance(200 * DAY);
    world.delivered().await;
    assert_eq!(world.database.count(DEFAULT).await, 1);
    make_first(&world.engine.0).await.expect("made");
    let today = first_of(day_of(EventId::new(world.clock.now(), [0; 10]).uuid()));
    assert!(!world.partitions().await.iter().any(|one| one.has(today)), "there are rows in the default partition");
    world.clock.advance(DAY);
    let tomorrow = world.present().await;
    world.delivered().await;
    assert_eq!(world.database.count(&format!("SELECT count(*) FROM {}", tomorrow.name)).await, 1);
    world.clock.advance(89 * DAY + DAY / 2);
    let removed = Hands(&world.engine).sweep().await.removed;
    assert_eq!((removed.events, removed.attempts), (1, 1));
    assert_eq!(world.database.count(DEFAULT).await, 0);
}

#[tokio::test]
async fn erasing_deletes_attempts_of_a_partition_that_leaves() {
    let Some(world) = World::new().await else { return };
    let old = world.present().await;
    world.delivered().await;
    world.pass(&old);
    begin(&world.engine.0, EventId::from_uuid(old.before)).await.expect("begun");
    let erased = world.engine.as_operator_in(world.account).erase_task("task").await.expect("erased");
    assert_eq!(erased.attempts, 1);
    assert_eq!(world.database.count(ATTEMPTS).await, 0);
    assert_adds_up(&world.engine).await;
}
