//! Held and failed deliveries go out later, paced.

use std::time::Duration;

use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    service::{
        backlog::Count,
        deliveries::{Delivery, Filter},
        resends::StartError,
    },
    testing::{self, Hands, TestDatabase, account, assert_adds_up, completed, endpoint, engine, on_each_database},
};
use signet_model::{
    AccountId, EndpointId, Subscriptions, Timestamp, delivery::State, event::EventType, retry::Schedule, time::Clock,
};

struct World {
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
    endpoint: EndpointId,
    start: Timestamp,
}

impl World {
    /// No attempt is repeated, and four deliveries a second are released.
    async fn new(database: &TestDatabase) -> Self {
        let settings = Settings { schedule: Schedule::new(Vec::new(), 0), release_rate: 4, ..Settings::default() };
        let (engine, clock) = engine(database, settings, Vec::new());
        let account = account(&engine, "acme").await;
        let endpoint = endpoint(&engine, account).await;
        let start = clock.now();
        Self { engine, clock, account, endpoint, start }
    }

    /// One event a second, answered with a failure that disables the endpoint,
    /// which is enabled again.
    async fn fail(&self, count: u32) {
        for _ in 0..count {
            self.clock.advance(Duration::from_secs(1));
            let (_, in_flight) = Hands(&self.engine).ingest(completed(&self.engine, self.account, "task")).await;
            for one in in_flight {
                Hands(&self.engine).finish(one, 500).await;
            }
            self.engine.as_operator_in(self.account).endpoint(self.endpoint).enable().await.expect("enabled");
        }
    }

    /// The deliveries, oldest first.
    async fn log(&self) -> Vec<Delivery> {
        let mut log = testing::log(&self.engine, self.account, self.endpoint, &Filter::default(), 10_000).await;
        log.reverse();
        log
    }

    async fn recoverable(&self, since: Timestamp, types: &Subscriptions) -> u64 {
        self.engine
            .as_operator_in(self.account)
            .endpoint(self.endpoint)
            .recoverable(since, types)
            .await
            .expect("a count")
            .counted
    }

    async fn recover(&self, since: Timestamp, types: &Subscriptions) -> Result<u64, StartError> {
        let endpoint = self.engine.as_operator_in(self.account).endpoint(self.endpoint);
        Ok(endpoint.recover(since, types).await?.sent)
    }
}

on_each_database!(deliveries_that_failed_since_then_are_put_back_in_their_turn);
async fn deliveries_that_failed_since_then_are_put_back_in_their_turn(database: TestDatabase) {
    let world = World::new(&database).await;
    world.fail(5).await;
    let since = world.start + Duration::from_secs(3);
    assert_eq!(world.recoverable(since, &Subscriptions::all()).await, 3);
    assert_eq!(world.recover(since, &Subscriptions::all()).await.expect("recovered"), 3);
    let log = world.log().await;
    assert_eq!(
        log.iter().map(|it| it.state).collect::<Vec<_>>(),
        [[State::Failed; 2].as_slice(), &[State::Pending; 3]].concat()
    );
    let now = world.clock.now();
    let due: Vec<_> = log[2..].iter().map(|it| it.due_at.map(|due| due.since(now))).collect();
    assert_eq!(due, [0, 250, 500].map(|wait| Some(Duration::from_millis(wait))));
    assert_eq!(world.recoverable(since, &Subscriptions::all()).await, 0);
    assert_adds_up(&world.engine).await;

    let claimed = Hands(&world.engine).claim().await;
    assert_eq!(claimed.iter().map(|it| (it.delivery(), it.attempts())).collect::<Vec<_>>(), [(log[2].id, 1)]);
}

on_each_database!(only_the_chosen_types_are_put_back);
async fn only_the_chosen_types_are_put_back(database: TestDatabase) {
    let world = World::new(&database).await;
    world.fail(2).await;
    let only = |kind| Subscriptions::of_types([kind]).expect("one type");
    assert_eq!(world.recoverable(world.start, &only(EventType::TASK_FAILED)).await, 0);
    assert_eq!(world.recover(world.start, &only(EventType::TASK_FAILED)).await.expect("an answer"), 0);
    assert_eq!(world.recover(world.start, &only(EventType::TASK_COMPLETED)).await.expect("an answer"), 2);
}

on_each_database!(a_release_follows_the_release_before);
async fn a_release_follows_the_release_before(database: TestDatabase) {
    let world = World::new(&database).await;
    world.fail(1).await;
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).pause().await.expect("paused");
    for _ in 0..2 {
        let (accepted, _) = Hands(&world.engine).ingest(completed(&world.engine, world.account, "task")).await;
        accepted.expect("accepted");
    }
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).enable().await.expect("enabled");
    let all = Subscriptions::all();
    let released = world.engine.as_operator_in(world.account).endpoint(world.endpoint).release(&all).await;
    assert_eq!(released.expect("released"), 2);
    assert_eq!(world.recover(world.start, &all).await.expect("recovered"), 1);
    let now = world.clock.now();
    let mut due: Vec<_> = world.log().await.iter().map(|it| it.due_at.map(|due| due.since(now))).collect();
    due.sort_unstable();
    assert_eq!(due, [0, 250, 500].map(|wait| Some(Duration::from_millis(wait))), "four a second, all in all");

    world.engine.as_operator_in(world.account).endpoint(world.endpoint).pause().await.expect("paused");
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).enable().await.expect("enabled");
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).release(&all).await.expect("released");
    assert!(world.log().await.iter().any(|it| it.due_at == Some(now)), "what was released before waits no more");
}

on_each_database!(neither_tests_nor_delivered_deliveries_are_put_back);
async fn neither_tests_nor_delivered_deliveries_are_put_back(database: TestDatabase) {
    let world = World::new(&database).await;
    let hands = Hands(&world.engine);
    let (_, mut test) = hands.ingest_test(world.account, world.endpoint).await;
    hands.finish(test.remove(0), 500).await;
    let (_, mut event) = hands.ingest(completed(&world.engine, world.account, "task")).await;
    hands.finish(event.remove(0), 200).await;
    assert_eq!(world.recover(world.start, &Subscriptions::all()).await.expect("an answer"), 0);
    let mut states: Vec<_> = world.log().await.iter().map(|it| it.state.as_str()).collect();
    states.sort_unstable();
    assert_eq!(states, ["delivered", "failed"]);
}

on_each_database!(no_delivery_is_put_back_to_a_disabled_endpoint);
async fn no_delivery_is_put_back_to_a_disabled_endpoint(database: TestDatabase) {
    let world = World::new(&database).await;
    world.fail(1).await;
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).pause().await.expect("paused");
    let refused = world.recover(world.start, &Subscriptions::all()).await;
    assert!(matches!(refused, Err(StartError::Disabled)), "{refused:?}");
    assert_eq!(world.recoverable(world.start, &Subscriptions::all()).await, 1);
}

on_each_database!(another_account_recovers_no_delivery);
async fn another_account_recovers_no_delivery(database: TestDatabase) {
    let world = World::new(&database).await;
    world.fail(1).await;
    let other = account(&world.engine, "other").await;
    let all = Subscriptions::all();
    let recoverable = world.engine.as_operator_in(other).endpoint(world.endpoint).recoverable(world.start, &all).await;
    assert_eq!(recoverable.expect("an answer"), Count::from(0));
    let refused = world.engine.as_operator_in(other).endpoint(world.endpoint).recover(world.start, &all).await;
    assert!(matches!(refused, Err(StartError::Store(_))), "{refused:?}");
    assert_eq!(world.log().await[0].state, State::Failed);
}

on_each_database!(a_long_backlog_is_released_in_one_row_at_the_chosen_pace);
async fn a_long_backlog_is_released_in_one_row_at_the_chosen_pace(database: TestDatabase) {
    const HELD: usize = 1_010;
    let world = World::new(&database).await;
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).pause().await.expect("paused");
    for _ in 0..HELD {
        world.clock.advance(Duration::from_micros(1));
        Hands(&world.engine).ingest(completed(&world.engine, world.account, "task")).await.0.expect("accepted");
    }
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).enable().await.expect("enabled");
    let all = Subscriptions::all();
    let released = world.engine.as_operator_in(world.account).endpoint(world.endpoint).release(&all).await;
    assert_eq!(released.expect("released"), HELD as u64);
    let now = world.clock.now();
    for (place, delivery) in (0_u32..).zip(world.log().await) {
        let wait = delivery.due_at.map(|due| due.since(now));
        assert_eq!(wait, Some(Duration::from_millis(250) * place), "{place}");
    }
    assert_adds_up(&world.engine).await;
}

on_each_database!(the_rest_of_a_release_after_a_downtime_goes_out_at_the_chosen_pace);
async fn the_rest_of_a_release_after_a_downtime_goes_out_at_the_chosen_pace(database: TestDatabase) {
    let world = World::new(&database).await;
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).pause().await.expect("paused");
    for _ in 0..20 {
        world.clock.advance(Duration::from_micros(1));
        Hands(&world.engine).ingest(completed(&world.engine, world.account, "task")).await.0.expect("accepted");
    }
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).enable().await.expect("enabled");
    let all = Subscriptions::all();
    let released = world.engine.as_operator_in(world.account).endpoint(world.endpoint).release(&all).await;
    assert_eq!(released.expect("released"), 20);

    let settings = Settings { release_rate: 4, ..Settings::default() };
    let (next, clock) = engine(&database, settings, Vec::new());
    clock.advance(world.clock.now().since(clock.now()) + Duration::from_hours(1));
    let mut claimed = Vec::new();
    for _ in 0..6 {
        claimed.push(Hands(&next).claim().await.len());
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(claimed, [1, 4, 4, 4, 4, 3], "all of it was due an hour ago");
}

on_each_database!(a_backlog_that_grows_while_its_release_goes_on_is_not_held_back);
async fn a_backlog_that_grows_while_its_release_goes_on_is_not_held_back(database: TestDatabase) {
    let world = World::new(&database).await;
    world.fail(20).await;
    assert_eq!(world.recover(world.start, &Subscriptions::all()).await.expect("recovered"), 20);
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(Hands(&world.engine).claim().await.len(), 20, "the receiver was slow");
}
