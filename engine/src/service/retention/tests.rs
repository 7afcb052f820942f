use signet_model::{DeliveryId, delivery::State, time::Clock};

use super::{
    walk::{LOOKED_AT, Page, Walk},
    *,
};
use crate::{
    Engine,
    clock::ManualClock,
    db::{Database, Sql},
    service::deliveries::ResendError,
    testing::{Hands, TestDatabase, account, assert_adds_up, completed, endpoint, on_each_database, resting_engine},
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

    /// The first page of a sweep for bodies.
    async fn look(&self, after: EventId) -> Option<Page> {
        let (_, before) = limits(&self.engine.0, self.engine.0.clock.now());
        self.walk().await.page(&self.engine.0, after, before, Depth::Bodies).await.expect("a page")
    }

    /// Tells if the delivery is pending, and if it has a body; the ledger adds up.
    async fn is_pending_and_has_body(&self, delivery: DeliveryId) -> (bool, bool) {
        assert_adds_up(&self.engine).await;
        let detail = self.engine.as_operator_in(self.account).delivery(delivery).get().await.expect("a delivery");
        (detail.delivery.state == State::Pending, detail.body.is_some())
    }
}

on_each_database!(a_delivery_resent_between_the_look_and_the_sweep_keeps_its_body);
async fn a_delivery_resent_between_the_look_and_the_sweep_keeps_its_body(database: TestDatabase) {
    let world = World::new(&database).await;
    let (event, delivery) = world.old_event().await;
    let page = world.look(FIRST).await.expect("an old event");
    assert_eq!(page.old.iter().map(|one| one.id).collect::<Vec<_>>(), [event]);
    world.engine.as_operator_in(world.account).delivery(delivery).resend().await.expect("sent again");
    let swept = sweep_events(&world.engine.0, world.account, vec![event], Depth::Bodies).await.expect("swept");
    assert_eq!(swept, Swept::default());
    assert_eq!(world.is_pending_and_has_body(delivery).await, (true, true));
}

on_each_database!(a_resend_during_the_sweep_waits_and_is_refused);
async fn a_resend_during_the_sweep_waits_and_is_refused(database: TestDatabase) {
    let world = World::new(&database).await;
    let (event, delivery) = world.old_event().await;
    let mut tx = database.db.begin().await.expect("a transaction");
    let swept = sweep_closed(&mut tx, world.account, vec![event], Depth::Bodies).await.expect("swept");
    assert_eq!(swept.bodies, 1);
    // The sweep alone sees yet that the body is gone.
    let resent = tokio::spawn({
        let (engine, account) = (world.engine.clone(), world.account);
        async move { engine.as_operator_in(account).delivery(delivery).resend().await }
    });
    a_task_waits_for_a_lock(&database).await;
    tx.commit().await.expect("committed");
    let refused = resent.await.expect("no panic").expect_err("its body is gone");
    assert!(matches!(refused, ResendError::BodyGone | ResendError::Pending), "{refused:?}");
    assert_eq!(world.is_pending_and_has_body(delivery).await, (false, false));
}

/// Waits until a task waits for a lock in this database. On SQLite that cannot be
/// seen: tasks that write wait in line, and look only when it is their turn.
async fn a_task_waits_for_a_lock(database: &TestDatabase) {
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    if let Database::Postgres(_) = &database.db {
        while database.count(WAITING).await == 0 {
            tokio::task::yield_now().await;
        }
    }
}

on_each_database!(a_clock_that_is_far_ahead_removes_one_day_at_most);
async fn a_clock_that_is_far_ahead_removes_one_day_at_most(database: TestDatabase) {
    let world = World::new(&database).await;
    let (_, delivery) = world.old_event().await;
    world.engine.sweep().await.expect("swept");
    world.clock.advance(Duration::from_hours(100 * 24));
    let swept = world.engine.sweep().await.expect("swept");
    assert_eq!(swept, Swept::default(), "the clock is not believed");
    world.engine.as_operator_in(world.account).delivery(delivery).get().await.expect("it is kept");
}

on_each_database!(before_the_first_sweep_the_newest_event_tells_how_late_it_can_be);
async fn before_the_first_sweep_the_newest_event_tells_how_late_it_can_be(database: TestDatabase) {
    let world = World::new(&database).await;
    let (_, delivery) = world.old_event().await;
    database.run("DELETE FROM sweeps").await;
    assert_eq!(world.engine.sweep().await.expect("swept"), Swept::default());
    assert_eq!(world.is_pending_and_has_body(delivery).await, (false, true));
}

on_each_database!(one_process_sweeps_at_a_time);
async fn one_process_sweeps_at_a_time(database: TestDatabase) {
    let world = World::new(&database).await;
    world.old_event().await;
    let turn = sweep_clock::turn(&world.engine.0).await.expect("an answer").expect("the turn");
    if let Database::Postgres(_) = &database.db {
        assert_eq!(world.engine.sweep().await.expect("swept"), Swept::default());
    }
    turn.end().await;
    assert_eq!(world.engine.sweep().await.expect("swept").bodies, 1);
}

on_each_database!(sweeping_begins_by_itself);
async fn sweeping_begins_by_itself(database: TestDatabase) {
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

on_each_database!(events_without_bodies_are_looked_through_a_little_at_a_time);
async fn events_without_bodies_are_looked_through_a_little_at_a_time(database: TestDatabase) {
    // Ids that are smaller than that of any accepted event.
    const NUMBERED: Sql = Sql {
        sqlite: "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < $2)
             INSERT INTO events (id, account_id, event_type, occurred_at, accepted_at, fanout, is_test)
             SELECT unhex(printf('%032x', n)), $1, 'task.completed', 1, 1, 0, 0 FROM counted",
        postgres: "INSERT INTO events (id, account_id, event_type, occurred_at, accepted_at, fanout, is_test)
             SELECT lpad(to_hex(n), 32, '0')::uuid, $1, 'task.completed', now(), now(), 0, FALSE
               FROM generate_series(1, $2) AS n",
    };
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
