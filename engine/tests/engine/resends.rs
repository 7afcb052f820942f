//! Sending again by a filter, as a task with progress.

use std::time::Duration;

use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    service::{
        Error,
        deliveries::Filter,
        resends::{Failure, Pace, Plan, Progress, RUNNING_MAX, Resend, StartError, Verb},
    },
    testing::{
        Backlog, Hands, TestDatabase, account, assert_adds_up, completed, endpoint, engine, on_each_database, sqlite,
    },
};
use signet_model::{AccountId, EndpointId, Subscriptions, delivery::State, event::EventType, retry::Schedule};
use tokio_util::sync::CancellationToken;

struct World {
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
    endpoints: [EndpointId; 2],
}

impl World {
    async fn new(database: &TestDatabase) -> Self {
        Self::with(database, 1_000).await
    }

    /// An account with two webhooks, to which so many deliveries a second are released.
    async fn with(database: &TestDatabase, release_rate: u32) -> Self {
        let schedule = Schedule::new(Vec::new(), 0);
        Self::by(database, Settings { schedule, release_rate, ..Settings::default() }).await
    }

    /// The same, where a webhook stays enabled after a failed attempt.
    async fn patient(database: &TestDatabase) -> Self {
        let schedule = Schedule::new(vec![Duration::from_hours(4)], 0);
        Self::by(database, Settings { schedule, ..Settings::default() }).await
    }

    async fn by(database: &TestDatabase, settings: Settings) -> Self {
        let (engine, clock) = engine(database, settings, Vec::new());
        let account = account(&engine, "acme").await;
        let endpoints = [endpoint(&engine, account).await, endpoint(&engine, account).await];
        Self { engine, clock, account, endpoints }
    }

    /// An event whose deliveries fail, which disables the webhooks; these are enabled again.
    async fn fail(&self, task: &str) {
        self.clock.advance(Duration::from_secs(1));
        let hands = Hands(&self.engine);
        let (_, in_flight) = hands.ingest(completed(&self.engine, self.account, task)).await;
        for one in in_flight {
            hands.finish(one, 500).await;
        }
        for endpoint in self.endpoints {
            self.engine.as_operator_in(self.account).endpoint(endpoint).enable().await.expect("enabled");
        }
    }

    async fn end(&self, resend: &Resend) -> Resend {
        let handle = self.engine.as_operator_in(self.account).resend(resend.id);
        handle.await_end(Duration::from_mins(2)).await.expect("the resend")
    }

    async fn start(&self, filter: Filter) -> Result<Resend, StartError> {
        self.engine.as_operator_in(self.account).resends().start(filter).await
    }

    async fn count(&self, state: State) -> usize {
        let filter = Filter { state: Some(state), ..Filter::default() };
        let log = self.engine.as_operator_in(self.account).deliveries(&filter, None, 100).await.expect("the log");
        log.deliveries.len()
    }
}

fn failed() -> Filter {
    Filter { state: Some(State::Failed), ..Filter::default() }
}

on_each_database!(what_matches_is_sent_again_at_every_webhook_and_counted);
async fn what_matches_is_sent_again_at_every_webhook_and_counted(database: TestDatabase) {
    let world = World::new(&database).await;
    for task in ["task_a", "task_b", "task_c"] {
        world.fail(task).await;
    }
    let some = world.start(Filter { task: Some("task_b".to_owned()), ..Filter::default() }).await.expect("begun");
    let some = world.end(&some).await;
    assert_eq!((some.progress, some.found, some.sent, some.skipped), (Progress::Finished, 2, 2, 0));
    assert_eq!((world.count(State::Pending).await, world.count(State::Failed).await), (2, 4));

    world.clock.advance(Duration::from_secs(1));
    // Those of the second task are pending by now, and skipped.
    let all = world.start(Filter::default()).await.expect("begun");
    let all = world.end(&all).await;
    assert_eq!((all.found, all.sent, all.skipped), (6, 4, 2));
    assert_eq!(world.count(State::Pending).await, 6);
    let listed = world.engine.as_operator_in(world.account).resends().list(None, 10).await.expect("a list");
    assert_eq!(listed, [all, some]);
    assert_adds_up(&world.engine).await;
}

on_each_database!(what_is_held_is_discarded_in_steps_also_while_the_webhook_is_paused);
async fn what_is_held_is_discarded_in_steps_also_while_the_webhook_is_paused(database: TestDatabase) {
    let world = World::new(&database).await;
    let paused = world.engine.as_operator_in(world.account).endpoint(world.endpoints[0]);
    paused.pause().await.expect("paused");
    database.store_backlog(world.account, world.endpoints[0], Backlog::Held, 1..1_200).await;
    world.clock.advance(Duration::from_secs(1));
    let begun = paused.start_discard(&Subscriptions::all()).await.expect("begun");
    assert_eq!(begun.verb, Verb::Discard);
    // What comes after it has begun is not meant.
    world.clock.advance(Duration::from_secs(1));
    Hands(&world.engine).ingest(completed(&world.engine, world.account, "later")).await.0.expect("accepted");
    let ended = world.end(&begun).await;
    assert_eq!((ended.progress, ended.found, ended.sent), (Progress::Finished, 1_199, 1_199));
    assert_eq!(world.count(State::Held).await, 1);
    assert_adds_up(&world.engine).await;
}

on_each_database!(some_types_are_sent_while_others_are_discarded);
async fn some_types_are_sent_while_others_are_discarded(database: TestDatabase) {
    let world = World::new(&database).await;
    let of = |verb, kind: &EventType| {
        let types = Some([kind.clone()].into());
        let filter = Filter { endpoint: Some(world.endpoints[0]), event_types: types, ..Filter::default() };
        (Filter { state: Some(State::Held), ..filter }, Plan { verb, ..Plan::default() })
    };
    let resends = world.engine.as_operator_in(world.account).resends();
    let (filter, plan) = of(Verb::Send, &EventType::TASK_FAILED);
    let sends = resends.start_as(filter, plan).await.expect("begun");
    world.end(&sends).await;
    let id = database.literal(sends.id.uuid());
    database
        .run(&format!(
            "UPDATE resends SET state = 'running', ended_at = NULL, lease = NULL, leased_until = NULL WHERE id = {id}"
        ))
        .await;
    let (filter, plan) = of(Verb::Discard, &EventType::TASK_FAILED);
    let refused = resends.start_as(filter, plan).await;
    assert!(matches!(refused, Err(StartError::UnderWay(other)) if other == sends.id), "{refused:?}");
    let (filter, plan) = of(Verb::Discard, &EventType::TASK_COMPLETED);
    assert_eq!(world.end(&resends.start_as(filter, plan).await.expect("begun")).await.progress, Progress::Finished);
}

on_each_database!(discarding_that_a_process_left_in_the_midst_goes_on_and_sends_nothing);
async fn discarding_that_a_process_left_in_the_midst_goes_on_and_sends_nothing(database: TestDatabase) {
    let world = World::new(&database).await;
    let endpoint = world.engine.as_operator_in(world.account).endpoint(world.endpoints[0]);
    database.store_backlog(world.account, world.endpoints[0], Backlog::Held, 1..4).await;
    let begun = world.end(&endpoint.start_discard(&Subscriptions::all()).await.expect("begun")).await;
    assert_eq!(begun.sent, 3);
    database.store_backlog(world.account, world.endpoints[0], Backlog::Held, 4..6).await;
    let id = database.literal(begun.id.uuid());
    database
        .run(&format!(
            "UPDATE resends SET state = 'running', ended_at = NULL, at_endpoint = NULL, at_event = NULL, lease = NULL,
               leased_until = NULL WHERE id = {id}"
        ))
        .await;
    let running = world.engine.start().expect("a new engine");
    let ended = world.end(&begun).await;
    assert_eq!((ended.progress, ended.sent), (Progress::Finished, 5));
    assert_eq!((world.count(State::Discarded).await, world.count(State::Pending).await), (5, 0));
    running.stop(CancellationToken::new()).await;
}

on_each_database!(one_webhook_is_worked_on_once_at_a_time_and_an_account_has_a_few);
async fn one_webhook_is_worked_on_once_at_a_time_and_an_account_has_a_few(database: TestDatabase) {
    let world = World::new(&database).await;
    world.fail("task").await;
    // Resends of a process that has crashed: they run, and nobody works on them yet.
    let mut endpoints = world.endpoints.to_vec();
    while endpoints.len() < RUNNING_MAX {
        endpoints.push(endpoint(&world.engine, world.account).await);
    }
    let another = endpoint(&world.engine, world.account).await;
    for endpoint in &endpoints {
        world.crashed(&database, Some(*endpoint)).await;
    }
    let refused = world.start(Filter { endpoint: Some(world.endpoints[0]), ..failed() }).await;
    assert!(matches!(refused, Err(StartError::UnderWay(_))), "{refused:?}");
    assert!(matches!(world.start(failed()).await, Err(StartError::UnderWay(_))));
    let refused = world.start(Filter { endpoint: Some(another), ..failed() }).await;
    assert!(matches!(refused, Err(StartError::TooMany)), "{refused:?}");
}

impl World {
    /// Stores a resend that another process has left in the midst.
    async fn crashed(&self, database: &TestDatabase, endpoint: Option<EndpointId>) {
        let resend = self.start(Filter { endpoint, task: Some("none".to_owned()), ..Filter::default() }).await;
        let resend = self.end(&resend.expect("begun")).await;
        let id = database.literal(resend.id.uuid());
        let past = if matches!(database.db, signet_engine::db::Database::Sqlite(_)) { "1" } else { "to_timestamp(1)" };
        database
            .run(&format!(
                "UPDATE resends SET state = 'running', ended_at = NULL, at_endpoint = NULL, at_event = NULL, lease = 7,
                   leased_until = {past}, filter = '{{\"state\":\"failed\"}}' WHERE id = {id}"
            ))
            .await;
    }
}

on_each_database!(a_resend_of_a_process_that_crashed_is_finished_by_another);
async fn a_resend_of_a_process_that_crashed_is_finished_by_another(database: TestDatabase) {
    let world = World::new(&database).await;
    world.fail("task").await;
    world.crashed(&database, None).await;
    let running = world.engine.start().expect("a new engine");
    let listed = world.engine.as_operator_in(world.account).resends().list(None, 1).await.expect("a list");
    let ended = world.end(&listed[0]).await;
    assert_eq!((ended.progress, ended.found, ended.sent), (Progress::Finished, 2, 2));
    running.stop(CancellationToken::new()).await;
}

/// PostgreSQL stores no id that is none.
#[tokio::test]
async fn a_resend_that_cannot_be_read_stops_no_other() {
    let database = sqlite().await;
    let world = World::new(&database).await;
    world.fail("task").await;
    world.crashed(&database, Some(world.endpoints[0])).await;
    database.run("UPDATE resends SET endpoint_id = x'00'").await;
    world.crashed(&database, Some(world.endpoints[1])).await;
    let begun = world.start(Filter { endpoint: Some(world.endpoints[0]), ..failed() }).await.expect("begun");
    assert_eq!(world.end(&begun).await.sent, 1);
    let running = world.engine.start().expect("a new engine");
    let listed = world.engine.as_operator_in(world.account).resends().list(None, 3).await.expect("a list");
    let [_, crashed, unreadable] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(world.end(crashed).await.progress, Progress::Finished);
    assert!(unreadable.filter.is_none());
    assert_eq!(world.end(unreadable).await.progress, Progress::Failed(Failure::Unreadable));
    running.stop(CancellationToken::new()).await;
}

on_each_database!(a_resend_that_is_stopped_leaves_the_rest_as_it_is);
async fn a_resend_that_is_stopped_leaves_the_rest_as_it_is(database: TestDatabase) {
    // An hour's worth goes into the line, and the rest waits.
    let world = World::with(&database, 1).await;
    database.store_backlog(world.account, world.endpoints[0], Backlog::Failed, 1..6_001).await;
    let resend = world.start(Filter { endpoint: Some(world.endpoints[0]), ..failed() }).await.expect("begun");
    let handle = world.engine.as_operator_in(world.account).resend(resend.id);
    while handle.get().await.expect("the resend").sent < 4_000 {
        tokio::task::yield_now().await;
    }
    let stopped = handle.stop().await.expect("stopped");
    assert_eq!((stopped.progress, stopped.sent), (Progress::Stopped, 4_000));
    assert_eq!(handle.stop().await.expect("as it is"), stopped);
    assert_adds_up(&world.engine).await;
}

on_each_database!(a_webhook_that_is_disabled_ends_its_resend);
async fn a_webhook_that_is_disabled_ends_its_resend(database: TestDatabase) {
    let world = World::with(&database, 1).await;
    world.fail("task").await;
    let endpoint = world.endpoints[0];
    world.engine.as_operator_in(world.account).endpoint(endpoint).pause().await.expect("paused");
    let refused = world.start(Filter { endpoint: Some(endpoint), ..failed() }).await;
    assert!(matches!(refused, Err(StartError::Disabled)), "{refused:?}");
    let resend = world.start(failed()).await.expect("the other webhook is enabled");
    let ended = world.end(&resend).await;
    assert_eq!((ended.progress, ended.found, ended.sent), (Progress::Finished, 1, 1));
    world.engine.as_operator_in(world.account).endpoint(endpoint).enable().await.expect("enabled");
    world.crashed(&database, Some(endpoint)).await;
    world.engine.as_operator_in(world.account).endpoint(endpoint).pause().await.expect("paused");
    let running = world.engine.start().expect("a new engine");
    let listed = world.engine.as_operator_in(world.account).resends().list(None, 1).await.expect("a list");
    assert_eq!(world.end(&listed[0]).await.progress, Progress::Failed(Failure::Disabled));
    running.stop(CancellationToken::new()).await;
}

on_each_database!(another_account_begins_sees_and_stops_none_of_it);
async fn another_account_begins_sees_and_stops_none_of_it(database: TestDatabase) {
    let world = World::new(&database).await;
    world.fail("task").await;
    world.crashed(&database, Some(world.endpoints[0])).await;
    let ours = world.engine.as_operator_in(world.account).resends().list(None, 1).await.expect("a list").remove(0);
    let other = account(&world.engine, "other").await;
    let foreign = world.engine.as_operator_in(other);
    assert!(foreign.resends().list(None, 9).await.expect("a list").is_empty());
    assert!(matches!(foreign.resend(ours.id).get().await, Err(Error::ResendNotFound)));
    assert!(matches!(foreign.resend(ours.id).stop().await, Err(Error::ResendNotFound)));
    let refused = foreign.resends().start(Filter { endpoint: Some(world.endpoints[0]), ..failed() }).await;
    assert!(matches!(refused, Err(StartError::Store(Error::EndpointNotFound))), "{refused:?}");
    let theirs = foreign.resends().start(failed()).await.expect("begun");
    let theirs = foreign.resend(theirs.id).await_end(Duration::from_mins(1)).await.expect("ended");
    assert_eq!((theirs.progress, theirs.found), (Progress::Finished, 0));
    assert_eq!(world.engine.as_operator_in(world.account).resend(ours.id).get().await.expect("ours"), ours);
    assert_eq!(world.count(State::Failed).await, 2);
}

/// One delivery a second.
fn slowly() -> Plan {
    Plan { pace: Pace::per_second(1), expected: Some(100), ..Plan::default() }
}

impl World {
    /// Begins to send a backlog of a hundred again, one a second, and waits until it is as far
    /// ahead as it may be.
    async fn paced(&self, database: &TestDatabase) -> Resend {
        database.store_backlog(self.account, self.endpoints[0], Backlog::Failed, 1..101).await;
        let filter = Filter { endpoint: Some(self.endpoints[0]), ..failed() };
        let resends = self.engine.as_operator_in(self.account).resends();
        let begun = resends.start_as(filter, slowly()).await.expect("begun");
        assert_eq!((begun.pace, begun.expected), (Pace::per_second(1), Some(100)));
        self.sent(&begun, 30).await
    }

    /// Waits until a resend has sent so many.
    async fn sent(&self, resend: &Resend, count: u64) -> Resend {
        loop {
            let resend = self.engine.as_operator_in(self.account).resend(resend.id).get().await.expect("the resend");
            if resend.sent >= count {
                return resend;
            }
            tokio::task::yield_now().await;
        }
    }
}

on_each_database!(a_resend_with_a_pace_is_never_far_ahead_and_can_be_paused_and_resumed);
async fn a_resend_with_a_pace_is_never_far_ahead_and_can_be_paused_and_resumed(database: TestDatabase) {
    let world = World::new(&database).await;
    let resend = world.paced(&database).await;
    let handle = world.engine.as_operator_in(world.account).resend(resend.id);
    let paused = handle.pause().await.expect("paused");
    assert_eq!((paused.progress, paused.sent), (Progress::Paused, 30), "half a minute's worth, and no more");
    assert_eq!(handle.pause().await.expect("as it is"), paused);
    // The time of a pause is not made up for.
    world.clock.advance(Duration::from_hours(1));
    let resumed = handle.resume().await.expect("goes on");
    assert_eq!(resumed.progress, Progress::Running);
    let later = world.sent(&resend, 60).await;
    let stopped = handle.stop().await.expect("stopped");
    assert_eq!((later.sent, stopped.sent, stopped.progress), (60, 60, Progress::Stopped));
    assert_eq!(handle.resume().await.expect("as it is"), stopped);
    assert_eq!((world.count(State::Pending).await, world.count(State::Failed).await), (60, 40));
    assert_adds_up(&world.engine).await;
}

on_each_database!(a_resend_that_is_paused_survives_a_restart_and_is_taken_up_by_no_process);
async fn a_resend_that_is_paused_survives_a_restart_and_is_taken_up_by_no_process(database: TestDatabase) {
    let world = World::new(&database).await;
    let resend = world.paced(&database).await;
    let handle = world.engine.as_operator_in(world.account).resend(resend.id);
    handle.pause().await.expect("paused");
    world.clock.advance(Duration::from_secs(1));
    world.crashed(&database, Some(world.endpoints[1])).await;
    world.clock.advance(Duration::from_hours(24 * 400));
    let running = world.engine.start().expect("a new engine");
    let listed = world.engine.as_operator_in(world.account).resends().list(None, 1).await.expect("a list");
    assert_eq!(world.end(&listed[0]).await.progress, Progress::Finished, "the one beside it was taken up");
    let after = handle.get().await.expect("the resend");
    assert_eq!((after.progress, after.sent), (Progress::Paused, 30));
    running.stop(CancellationToken::new()).await;
}

on_each_database!(a_resend_with_a_pace_keeps_it_in_the_process_that_takes_it_up);
async fn a_resend_with_a_pace_keeps_it_in_the_process_that_takes_it_up(database: TestDatabase) {
    let world = World::patient(&database).await;
    let resend = world.paced(&database).await;
    let past = if matches!(database.db, signet_engine::db::Database::Sqlite(_)) { "1" } else { "to_timestamp(1)" };
    database.run(&format!("UPDATE resends SET lease = 7, leased_until = {past}")).await;
    world.clock.advance(Duration::from_hours(1));
    let running = world.engine.start().expect("a new engine");
    world.sent(&resend, 60).await;
    let stopped = world.engine.as_operator_in(world.account).resend(resend.id).stop().await.expect("stopped");
    assert_eq!((stopped.progress, stopped.sent), (Progress::Stopped, 60), "another half a minute's worth");
    running.stop(CancellationToken::new()).await;
}

on_each_database!(held_and_failed_deliveries_of_one_webhook_are_sent_at_the_same_time);
async fn held_and_failed_deliveries_of_one_webhook_are_sent_at_the_same_time(database: TestDatabase) {
    let world = World::new(&database).await;
    let resend = world.paced(&database).await;
    let at_work = |state| Filter { endpoint: Some(world.endpoints[0]), state, ..Filter::default() };
    let held = world.start(at_work(Some(State::Held))).await.expect("of others");
    assert_eq!(world.end(&held).await.found, 0);
    assert!(matches!(world.start(at_work(None)).await, Err(StartError::UnderWay(_))), "it may be the same ones");
    let under_way = world.engine.as_operator_in(world.account).resends().under_way().await.expect("a list");
    assert_eq!(under_way.iter().map(|it| it.id).collect::<Vec<_>>(), [resend.id]);
}

on_each_database!(another_account_pauses_and_resumes_none_of_it);
async fn another_account_pauses_and_resumes_none_of_it(database: TestDatabase) {
    let world = World::new(&database).await;
    let resend = world.paced(&database).await;
    let other = account(&world.engine, "other").await;
    let foreign = world.engine.as_operator_in(other);
    assert!(matches!(foreign.resend(resend.id).pause().await, Err(Error::ResendNotFound)));
    assert!(matches!(foreign.resend(resend.id).resume().await, Err(Error::ResendNotFound)));
    assert!(foreign.resends().under_way().await.expect("a list").is_empty());
    let ours = world.engine.as_operator_in(world.account).resend(resend.id).get().await.expect("ours");
    assert_eq!(ours.progress, Progress::Running);
}
