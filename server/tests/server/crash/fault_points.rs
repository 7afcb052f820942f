//! A server that dies at each named place, and the exact state that it leaves.

use signet_engine::{
    service::deliveries::Delivery,
    testing::{TestDatabase, on_each_database},
};
use signet_model::{EventId, Subscriptions, delivery::State};

use super::{
    gate::Gate,
    options::{Fault, QUICK},
    producer::{Refusal, Request, Sender},
    verify::{attempt, id, settle_and_verify},
    world::World,
};
use crate::patience::within;

fn request() -> Request {
    Request::single("task_1").with_key("key_1")
}

/// Starts a server again, without the fault, and waits until no delivery is pending. The
/// producer of `task_1` has no answer, so it sends the event again, and another one after
/// it. Returns the delivery of the first, and the numbers of the attempts that arrived.
async fn go_on(world: &World) -> (Delivery, Vec<u32>) {
    let server = world.serve(&QUICK).await;
    let sender = Sender::new(world);
    let first = sender.accepted(&server, &request()).await[0];
    let second = sender.accepted(&server, &Request::single("task_2")).await[0];

    let acknowledged = [("task_1".to_owned(), first), ("task_2".to_owned(), second)].into();
    let tally = settle_and_verify(world, server, &acknowledged).await;
    assert_eq!((tally.events, tally.delivered), (2, 2), "{tally}");
    let delivery = only(world, first).await;
    let name = delivery.id.to_string();
    let arrivals = world.receiver.arrivals();
    let attempts = arrivals.iter().filter(|arrival| id(arrival) == name).map(attempt).collect();
    (delivery, attempts)
}

async fn only(world: &World, event: EventId) -> Delivery {
    let mut log = world.log(world.endpoint).await;
    log.retain(|delivery| delivery.event == event);
    assert_eq!(log.len(), 1, "{log:?}");
    log.remove(0)
}

/// Sends `task_1` to a server that dies before it can answer.
async fn lose_the_answer(world: &World, fault: Fault) {
    let server = world.serve_with(fault).await;
    let refusal = Sender::new(world).send(server.address, &request()).await.expect_err("no answer");
    assert!(matches!(refusal, Refusal::Lost), "{refusal:?}");
    server.died().await;
}

/// Sends `task_1` to a server that dies when its delivery has been answered, and
/// not before its acceptance has been.
async fn die_delivering(world: &World, fault: Fault) -> EventId {
    let gate = Gate::close(&world.receiver);
    let server = world.serve_with(fault).await;
    let event = Sender::new(world).accepted(&server, &request()).await[0];
    within("the delivery arrives", world.receiver.arrived(1)).await;
    gate.open();
    server.died().await;
    event
}

on_each_database!(before_the_commit_no_event_is_stored_or_promised);
async fn before_the_commit_no_event_is_stored_or_promised(database: TestDatabase) {
    let world = World::on(database).await;
    lose_the_answer(&world, Fault("before_commit")).await;
    assert!(world.log(world.endpoint).await.is_empty(), "stored before the commit");
    let (delivery, attempts) = go_on(&world).await;
    assert_eq!((delivery.attempts, attempts), (1, vec![1]));
}

on_each_database!(after_the_commit_the_event_is_delivered_even_if_its_producer_has_no_answer);
async fn after_the_commit_the_event_is_delivered_even_if_its_producer_has_no_answer(database: TestDatabase) {
    let world = World::on(database).await;
    lose_the_answer(&world, Fault("after_commit")).await;
    let stored = world.log(world.endpoint).await;
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert_eq!((stored[0].state, stored[0].attempts), (State::Pending, 0));
    assert!(world.receiver.arrivals().is_empty(), "sent by a dead process");
    let (delivery, attempts) = go_on(&world).await;
    assert_eq!(delivery.event, stored[0].event, "the repeated request made another event");
    assert_eq!((delivery.attempts, attempts), (1, vec![1]));
}

/// The attempt was made, and not recorded.
async fn the_attempt_is_repeated_after(world: &World, fault: Fault) {
    let event = die_delivering(world, fault).await;
    let before = only(world, event).await;
    assert_eq!((before.state, before.attempts), (State::Pending, 0));
    let (delivery, attempts) = go_on(world).await;
    assert_eq!((delivery.event, delivery.attempts, attempts), (event, 1, vec![1, 1]));
}

on_each_database!(after_sending_the_attempt_is_repeated_under_the_same_id);
async fn after_sending_the_attempt_is_repeated_under_the_same_id(database: TestDatabase) {
    let world = World::on(database).await;
    the_attempt_is_repeated_after(&world, Fault("after_send")).await;
}

on_each_database!(before_recording_the_attempt_is_repeated_under_the_same_id);
async fn before_recording_the_attempt_is_repeated_under_the_same_id(database: TestDatabase) {
    let world = World::on(database).await;
    the_attempt_is_repeated_after(&world, Fault("before_record")).await;
}

on_each_database!(after_recording_no_attempt_is_repeated);
async fn after_recording_no_attempt_is_repeated(database: TestDatabase) {
    let world = World::on(database).await;
    let event = die_delivering(&world, Fault("after_record")).await;
    let before = only(&world, event).await;
    assert_eq!((before.state, before.attempts), (State::Delivered, 1));
    let (delivery, attempts) = go_on(&world).await;
    assert_eq!((delivery.event, delivery.attempts, attempts), (event, 1, vec![1]));
}

on_each_database!(deliveries_that_a_dead_process_had_claimed_fall_due_again);
async fn deliveries_that_a_dead_process_had_claimed_fall_due_again(database: TestDatabase) {
    let world = World::on(database).await;
    world.receiver.answer(500);
    let server = world.serve_with(Fault("after_claim")).await;
    let event = Sender::new(&world).accepted(&server, &request()).await[0];
    server.died().await;
    let before = only(&world, event).await;
    assert_eq!((before.state, before.attempts, before.in_flight), (State::Pending, 1, true));
    world.receiver.answer(200);
    let (delivery, attempts) = go_on(&world).await;
    assert_eq!((delivery.event, delivery.attempts, attempts), (event, 2, vec![1, 2]));
}

on_each_database!(deliveries_that_a_step_has_held_stay_held_and_the_next_process_goes_on);
async fn deliveries_that_a_step_has_held_stay_held_and_the_next_process_goes_on(database: TestDatabase) {
    let world = World::on(database).await;
    world.receiver.answer(500);
    let server = world.serve_with(Fault("after_step")).await;
    let event = Sender::new(&world).accepted(&server, &request()).await[0];
    within("the delivery arrives", world.receiver.arrived(1)).await;
    let engine = world.engine().await;
    let endpoint = engine.as_operator_in(world.account).endpoint(world.endpoint);
    endpoint.pause().await.expect("paused");
    server.died().await;
    world.receiver.answer(200);
    endpoint.enable().await.expect("enabled");
    endpoint.release(&Subscriptions::all()).await.expect("released");
    engine.close().await;
    let (delivery, _) = go_on(&world).await;
    assert_eq!((delivery.event, delivery.state), (event, State::Delivered));
}
