//! Throttles: deliveries to an endpoint start no faster than its throttle says.

use std::{sync::Arc, time::Duration};

use signet_engine::{
    service::endpoints::{EndpointDraft, EndpointOptions},
    testing::{Backlog, Hands, TestDatabase, assert_adds_up, completed, endpoint, engine_by, on_each_database},
};
use signet_model::{Subscriptions, Throttle, delivery::State};
use tokio_util::sync::CancellationToken;

use super::world::World;

fn throttled(per_second: u32) -> EndpointOptions {
    EndpointOptions {
        throttle: Some(Throttle::try_from(per_second).expect("a throttle")),
        ..EndpointOptions::default()
    }
}

on_each_database!(two_processes_keep_one_throttle);
async fn two_processes_keep_one_throttle(database: TestDatabase) {
    let world = World::new(&database, throttled(2)).await;
    let other = engine_by(&database, Arc::new(world.clock.clone()));
    let engines = [&world.engine, &other];
    for number in 0..20 {
        let (answer, in_flight) = Hands(engines[number % 2]).ingest(completed(&other, world.account, "task")).await;
        assert_eq!((answer.expect("accepted").deliveries, in_flight.len()), (1, 0), "no delivery goes out at once");
    }
    let mut started = Vec::new();
    for _ in 0..50 {
        for engine in engines {
            for one in Hands(engine).claim().await {
                Hands(engine).finish(one, 200).await;
                started.push(world.now());
            }
        }
        assert_adds_up(&world.engine).await;
        world.wait(Duration::from_millis(100));
    }
    assert_eq!(started.len(), 10, "two a second for five seconds");
    for pair in started.windows(2) {
        assert!(pair[1].since(pair[0]) >= Duration::from_millis(400), "{started:?}");
    }
}

on_each_database!(a_long_backlog_is_claimed_by_the_throttle_and_takes_no_slots);
async fn a_long_backlog_is_claimed_by_the_throttle_and_takes_no_slots(database: TestDatabase) {
    let world = World::new(&database, throttled(10)).await;
    let untouched = endpoint(&world.engine, world.account).await;
    database.store_backlog(world.account, world.endpoint, Backlog::Pending, 1..5_000).await;
    for _ in 0..10 {
        let claimed = world.hands().claim().await;
        assert!(claimed.len() <= 3, "{}", claimed.len());
        for one in claimed {
            world.hands().finish(one, 200).await;
        }
        let (_, in_flight) = world.hands().ingest(completed(&world.engine, world.account, "task")).await;
        assert_eq!(in_flight.len(), 1, "another endpoint gets its delivery at once");
        assert_eq!(in_flight[0].endpoint(), untouched);
        world.wait(Duration::from_millis(100));
    }
}

on_each_database!(a_throttle_is_set_changed_and_removed);
async fn a_throttle_is_set_changed_and_removed(database: TestDatabase) {
    let world = World::new(&database, EndpointOptions::default()).await;
    assert_eq!(world.ingest("one").await.len(), 1);
    let handle = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    let draft =
        |options| EndpointDraft { options, ..EndpointDraft::new(world.receiver.url("webhooks"), Subscriptions::all()) };
    let saved = handle.update(draft(throttled(1))).await.expect("saved");
    assert_eq!(saved.throttle.map(Throttle::per_second), Some(1));
    assert!(world.ingest("two").await.is_empty() && world.ingest("three").await.is_empty());
    assert_eq!(world.hands().claim().await.len(), 1);
    handle.update(draft(EndpointOptions::default())).await.expect("saved");
    assert_eq!(world.ingest("four").await.len(), 1);
    world.wait(Duration::from_secs(2));
    assert_eq!(world.hands().claim().await.len(), 1);
    assert_adds_up(&world.engine).await;
}

on_each_database!(throttled_deliveries_arrive);
async fn throttled_deliveries_arrive(database: TestDatabase) {
    let world = World::new(&database, throttled(1)).await;
    let running = world.engine.start().expect("a new engine");
    for task in ["one", "two", "three"] {
        world.engine.ingest(completed(&world.engine, world.account, task)).await.expect("accepted");
    }
    for arrivals in 1..=3 {
        world.receiver.arrived(arrivals).await;
        assert_eq!(world.receiver.arrivals().len(), arrivals);
        world.wait(Duration::from_secs(1));
    }
    for delivery in world.log().await {
        assert_eq!(world.attempted(delivery.id, 1).await.delivery.state, State::Delivered);
    }
    running.stop(CancellationToken::new()).await;
    world.engine.close().await;
}
