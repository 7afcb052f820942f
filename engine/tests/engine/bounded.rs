//! Each change of a long backlog is made in steps, and the events of a neighbour are
//! accepted between them.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use signet_engine::{
    Engine, Running, Settings,
    db::Database,
    service::{
        deliveries::Filter,
        resends::{Plan, Progress},
    },
    testing::{
        Backlog, Receiver, TestDatabase, account, assert_adds_up, completed, discard, endpoint, endpoint_at, engine,
        on_each_database,
    },
};
use signet_model::{AccountId, EndpointId, Subscriptions, Timestamp, delivery::State};
use tokio_util::sync::CancellationToken;

/// The number of deliveries in the backlog.
const BACKLOG: u32 = 20_000;
/// The least number of transactions that change it all.
const STEPS: usize = BACKLOG as usize / 500;
/// Far longer than any story here takes; only a defect reaches it.
const LIMIT: Duration = Duration::from_mins(5);

/// A customer with a backlog at a receiver that is not there, and a neighbour.
struct World<'d> {
    database: &'d TestDatabase,
    engine: Engine,
    running: Option<Running>,
    receiver: Receiver,
    account: AccountId,
    endpoint: EndpointId,
    neighbour: AccountId,
    accepted: Arc<AtomicUsize>,
}

impl<'d> World<'d> {
    async fn new(database: &'d TestDatabase, backlog: Backlog) -> Self {
        let receiver = Receiver::start().await;
        let (engine, _) = engine(database, Settings::default(), vec![receiver.authority.clone()]);
        let (account, neighbour) = (account(&engine, "acme").await, account(&engine, "neighbour").await);
        let endpoint = endpoint(&engine, account).await;
        endpoint_at(&engine, neighbour, receiver.url("neighbour")).await;
        database.store_backlog(account, endpoint, backlog, 1..BACKLOG + 1).await;
        if backlog == Backlog::Pending {
            // Before the engine is started, so that no delivery of the backlog is attempted.
            engine.as_operator_in(account).endpoint(endpoint).pause().await.expect("paused");
        }
        let running = engine.start();
        Self { database, engine, running, receiver, account, endpoint, neighbour, accepted: Arc::default() }
    }

    /// Does the work while the neighbour sends one event after the other, and asserts that
    /// these had their turns.
    async fn beside_the_neighbour<T>(&self, work: impl Future<Output = T>) -> T {
        self.engine.ingest(completed(&self.engine, self.neighbour, "first")).await.expect("accepted");
        let stop = CancellationToken::new();
        let sending = tokio::spawn({
            let (engine, neighbour, accepted) = (self.engine.clone(), self.neighbour, Arc::clone(&self.accepted));
            let stop = stop.clone();
            async move {
                while !stop.is_cancelled() {
                    engine.ingest(completed(&engine, neighbour, "task")).await.expect("accepted");
                    accepted.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let done = tokio::time::timeout(LIMIT, work).await.expect("it ends");
        let accepted = self.accepted.load(Ordering::SeqCst);
        stop.cancel();
        sending.await.expect("no event was refused");
        println!("{accepted} events of the neighbour were accepted");
        assert!(accepted >= STEPS / 4, "{accepted} events were accepted in at least {STEPS} steps");
        done
    }

    /// Waits until so many deliveries of the endpoint are left in a state as stored.
    async fn stored(&self, state: State, left: i64) {
        while self.count(state).await > left {
            self.engine.wake();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn count(&self, state: State) -> i64 {
        let id = self.endpoint.uuid().simple();
        let id = if matches!(self.database.db, Database::Sqlite(_)) { format!("x'{id}'") } else { format!("'{id}'") };
        let state = state.as_str();
        let sql = format!("SELECT count(*) FROM deliveries WHERE endpoint_id = {id} AND state = '{state}'");
        self.database.count(&sql).await
    }

    /// The number of deliveries in this state that the log shows among the newest 100.
    async fn told(&self, state: State) -> usize {
        let filter = Filter { state: Some(state), ..Filter::default() };
        self.engine
            .as_operator_in(self.account)
            .endpoint(self.endpoint)
            .deliveries(&filter, 100)
            .await
            .expect("the log")
            .len()
    }

    async fn end(mut self) {
        assert_adds_up(&self.engine).await;
        self.receiver.arrived(self.accepted.load(Ordering::SeqCst)).await;
        self.stop().await;
        self.engine.close().await;
    }

    /// Stops the engine without waiting for attempts under way.
    async fn stop(&mut self) {
        let hurry = CancellationToken::new();
        hurry.cancel();
        self.running.take().expect("it was started").stop(hurry).await;
    }
}

on_each_database!(a_backlog_is_held_in_steps_and_told_to_be_held_at_once);
async fn a_backlog_is_held_in_steps_and_told_to_be_held_at_once(database: TestDatabase) {
    let world = World::new(&database, Backlog::Pending).await;
    world
        .beside_the_neighbour(async {
            assert_eq!((world.told(State::Held).await, world.told(State::Pending).await), (100, 0));
            assert_adds_up(&world.engine).await;
            assert!(world.count(State::Pending).await > 0, "it is not done yet");
            let [(_, held)] = world
                .engine
                .as_operator_in(world.account)
                .endpoint(world.endpoint)
                .held_counts()
                .await
                .expect("counts")[..]
            else {
                panic!("one type is held")
            };
            assert_eq!((held.counted, held.more), (10_000, true));
            world.stored(State::Pending, 0).await;
        })
        .await;
    world.end().await;
}

on_each_database!(deliveries_that_waited_before_a_webhook_is_enabled_are_held_even_if_they_were_not_yet);
async fn deliveries_that_waited_before_a_webhook_is_enabled_are_held_even_if_they_were_not_yet(database: TestDatabase) {
    let world = World::new(&database, Backlog::Pending).await;
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).enable().await.expect("enabled");
    assert!(world.count(State::Pending).await > 0, "it is not done yet");
    assert_eq!((world.told(State::Held).await, world.told(State::Pending).await), (100, 0));
    assert_adds_up(&world.engine).await;
    world.beside_the_neighbour(world.stored(State::Pending, 0)).await;
    assert_eq!(world.count(State::Held).await, i64::from(BACKLOG), "none went out");
    world.end().await;
}

on_each_database!(a_backlog_of_a_deleted_webhook_is_discarded_in_steps);
async fn a_backlog_of_a_deleted_webhook_is_discarded_in_steps(database: TestDatabase) {
    let world = World::new(&database, Backlog::Held).await;
    let deleting = async {
        world.engine.as_operator_in(world.account).endpoint(world.endpoint).delete().await.expect("deleted");
        assert_eq!((world.told(State::Discarded).await, world.told(State::Held).await), (100, 0));
        assert_adds_up(&world.engine).await;
        world.stored(State::Held, 0).await;
    };
    world.beside_the_neighbour(deleting).await;
    assert_eq!(world.count(State::Discarded).await, i64::from(BACKLOG));
    world.end().await;
}

on_each_database!(a_backlog_is_released_in_steps);
async fn a_backlog_is_released_in_steps(database: TestDatabase) {
    let world = World::new(&database, Backlog::Held).await;
    let (engine, all) = (&world.engine, Subscriptions::all());
    let releasing = engine.as_operator_in(world.account).endpoint(world.endpoint).release(&all);
    assert_eq!(world.beside_the_neighbour(releasing).await.expect("released"), u64::from(BACKLOG));
    world.end().await;
}

on_each_database!(a_backlog_is_discarded_in_steps);
async fn a_backlog_is_discarded_in_steps(database: TestDatabase) {
    let world = World::new(&database, Backlog::Held).await;
    let (engine, all) = (&world.engine, Subscriptions::all());
    let discarding = discard(engine, world.account, world.endpoint, &all);
    assert_eq!(world.beside_the_neighbour(discarding).await.expect("discarded"), u64::from(BACKLOG));
    world.end().await;
}

on_each_database!(a_backlog_is_recovered_in_steps);
async fn a_backlog_is_recovered_in_steps(database: TestDatabase) {
    let world = World::new(&database, Backlog::Failed).await;
    let since = Timestamp::from_unix_micros(0);
    let all = Subscriptions::all();
    let account = world.engine.as_operator_in(world.account);
    let recovering = async {
        let resend =
            account.endpoint(world.endpoint).start_recovery(since, &all, Plan::default()).await.expect("begun");
        account.resend(resend.id).await_end(Duration::from_mins(5)).await
    };
    let resend = world.beside_the_neighbour(recovering).await.expect("recovered");
    assert_eq!((resend.progress, resend.sent), (Progress::Finished, u64::from(BACKLOG)));
    world.end().await;
}

on_each_database!(an_account_with_a_backlog_is_erased_in_steps);
async fn an_account_with_a_backlog_is_erased_in_steps(database: TestDatabase) {
    let world = World::new(&database, Backlog::Pending).await;
    let removed = world.beside_the_neighbour(world.engine.as_operator_in(world.account).erase()).await.expect("erased");
    assert_eq!(removed.events, u64::from(BACKLOG));
    world.end().await;
}

on_each_database!(the_next_process_takes_the_steps_that_one_has_left);
async fn the_next_process_takes_the_steps_that_one_has_left(database: TestDatabase) {
    let mut world = World::new(&database, Backlog::Pending).await;
    world.stored(State::Pending, i64::from(BACKLOG) - 1).await;
    world.stop().await;
    assert!(world.count(State::Pending).await > 0, "it is not done yet");
    assert_adds_up(&world.engine).await;

    let (engine, _) = engine(&database, Settings::default(), Vec::new());
    let running = engine.start().expect("a new engine");
    while world.count(State::Pending).await > 0 {
        engine.wake();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(world.count(State::Held).await, i64::from(BACKLOG));
    assert_adds_up(&world.engine).await;
    running.stop(CancellationToken::new()).await;
    engine.close().await;
}
