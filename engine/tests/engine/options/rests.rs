//! Rests: a receiver that asks to be left alone is left alone.

use std::time::Duration;

use signet_engine::{
    Settings,
    service::endpoints::EndpointOptions,
    testing::{Hands, TestDatabase, account, assert_adds_up, completed, endpoint, engine_by, on_each_database},
};
use signet_model::{Timestamp, delivery::State, event::EventType, retry::Schedule};
use tokio_util::sync::CancellationToken;

use super::world::World;

const HOUR: Duration = Duration::from_hours(1);

/// Without jitter.
pub fn settings() -> Settings {
    Settings { schedule: Schedule::new(Schedule::default().delays().to_vec(), 0), ..Settings::default() }
}

async fn world(database: &TestDatabase) -> World {
    World::new(database, EndpointOptions::default()).await
}

/// The endpoint's rest, as its page shows it.
async fn rests_until(world: &World) -> Option<Timestamp> {
    world.stored().await.rests_until(world.now())
}

/// An endpoint whose receiver has just asked for an hour.
async fn resting(database: &TestDatabase) -> World {
    let world = world(database).await;
    let one = world.ingest("first").await.remove(0);
    world.hands().finish_asking(one, 429, HOUR).await;
    assert!(rests_until(&world).await.is_some());
    world
}

on_each_database!(a_receiver_that_asks_to_wait_gets_tests_alone_until_then_and_everything_after);
async fn a_receiver_that_asks_to_wait_gets_tests_alone_until_then_and_everything_after(database: TestDatabase) {
    let world = world(&database).await;
    let running = world.engine.start().expect("a new engine");
    world.receiver.answer(503);
    world.receiver.ask_to_wait(3_600);
    world.send("first").await;
    let first = world.log().await[0].id;
    world.attempted(first, 1).await;
    let until = rests_until(&world).await.expect("a rest");

    world.receiver.answer(200);
    world.send("second").await;
    let second = world.log().await[0].clone();
    assert_eq!((second.state, second.attempts, second.in_flight), (State::Pending, 0, false), "waiting is no attempt");
    assert_eq!(second.due_at, Some(until));
    let test =
        world.engine.as_operator_in(world.account).endpoint(world.endpoint).send_test(&EventType::TASK_COMPLETED).await;
    world.attempted(test.expect("sent"), 1).await;
    assert_eq!(world.receiver.arrivals().len(), 2);
    assert_adds_up(&world.engine).await;

    world.wait(until.since(world.now()));
    world.receiver.arrived(4).await;
    world.attempted(first, 2).await;
    assert_eq!(world.attempted(second.id, 1).await.delivery.state, State::Delivered);
    assert_adds_up(&world.engine).await;
    running.stop(CancellationToken::new()).await;
    world.engine.close().await;
}

on_each_database!(a_rest_holds_in_every_process_and_for_deliveries_that_were_due_before);
async fn a_rest_holds_in_every_process_and_for_deliveries_that_were_due_before(database: TestDatabase) {
    let world = world(&database).await;
    let (failed, asking) = (world.ingest("failed").await.remove(0), world.ingest("asking").await.remove(0));
    let in_flight = world.ingest("in flight").await.remove(0);
    world.hands().finish(failed, 500).await;
    world.hands().finish_asking(asking, 429, HOUR).await;
    // An attempt under way may finish, and its retry waits as well.
    world.hands().finish(in_flight, 500).await;
    let other = engine_by(&database, std::sync::Arc::new(world.clock.clone()));
    for _ in 0..3 {
        world.wait(Duration::from_mins(15));
        for engine in [&world.engine, &other] {
            assert!(Hands(engine).claim().await.is_empty());
            assert!(Hands(engine).ingest(completed(engine, world.account, "new")).await.1.is_empty());
        }
        assert_adds_up(&world.engine).await;
    }
    world.wait(Duration::from_mins(16));
    assert_eq!(Hands(&other).claim().await.len(), 9);
}

on_each_database!(a_rest_is_only_ever_lengthened);
async fn a_rest_is_only_ever_lengthened(database: TestDatabase) {
    let world = world(&database).await;
    let (first, second, third) =
        (world.ingest("1").await.remove(0), world.ingest("2").await.remove(0), world.ingest("3").await.remove(0));
    let before = world.now();
    world.hands().finish_asking(first, 429, 2 * HOUR).await;
    let until = rests_until(&world).await.expect("a rest");
    assert!(until >= before + 2 * HOUR && until <= before + 2 * HOUR + Duration::from_secs(1));
    world.hands().finish_asking(second, 503, HOUR).await;
    assert_eq!(rests_until(&world).await, Some(until));
    world.hands().finish_asking(third, 503, 9 * HOUR).await;
    let capped = rests_until(&world).await.expect("a rest");
    assert!(capped >= before + 4 * HOUR && capped <= before + 4 * HOUR + Duration::from_secs(1), "{capped}");
    assert_adds_up(&world.engine).await;
}

on_each_database!(a_person_ends_a_rest_and_what_has_come_meanwhile_goes_out);
async fn a_person_ends_a_rest_and_what_has_come_meanwhile_goes_out(database: TestDatabase) {
    let world = resting(&database).await;
    assert!(world.ingest("second").await.is_empty());
    assert!(world.hands().claim().await.is_empty());
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).end_rest().await.expect("ended");
    assert_eq!(rests_until(&world).await, None);
    let claimed = world.hands().claim().await;
    assert_eq!(claimed.len(), 1, "the delivery that was answered waits for its own retry");
    assert_adds_up(&world.engine).await;

    let other = account(&world.engine, "other").await;
    let refused = world.engine.as_operator_in(other).endpoint(world.endpoint).end_rest().await;
    assert!(matches!(refused, Err(signet_engine::service::Error::EndpointNotFound)), "{refused:?}");
}

on_each_database!(re_enabling_ends_a_rest);
async fn re_enabling_ends_a_rest(database: TestDatabase) {
    let world = resting(&database).await;
    let handle = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    handle.pause().await.expect("paused");
    assert_eq!(world.stored().await.resting_until, None);
    handle.enable().await.expect("enabled");
    assert_eq!(world.ingest("second").await.len(), 1);
    assert_adds_up(&world.engine).await;
}

on_each_database!(a_test_that_is_asked_to_wait_changes_nothing);
async fn a_test_that_is_asked_to_wait_changes_nothing(database: TestDatabase) {
    let world = world(&database).await;
    let (_, mut in_flight) = world.hands().ingest_test(world.account, world.endpoint).await;
    world.hands().finish_asking(in_flight.remove(0), 429, HOUR).await;
    assert_eq!(world.stored().await.resting_until, None);
    assert_eq!(world.ingest("task").await.len(), 1);
}

on_each_database!(a_receiver_that_asks_to_wait_delays_no_other_endpoint_of_its_account);
async fn a_receiver_that_asks_to_wait_delays_no_other_endpoint_of_its_account(database: TestDatabase) {
    let world = resting(&database).await;
    let other = endpoint(&world.engine, world.account).await;
    let (_, in_flight) = world.hands().ingest(completed(&world.engine, world.account, "task")).await;
    assert_eq!(in_flight.iter().map(signet_engine::testing::InFlight::endpoint).collect::<Vec<_>>(), [other]);
}
