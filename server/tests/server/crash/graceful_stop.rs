//! A server that is asked to stop while attempts are under way.

use signet_engine::testing::{TestDatabase, on_each_database};
use signet_model::delivery::State;

use super::{
    gate::{Gate, different_arrived},
    producer::{Request, Sender},
    verify::settle_and_verify,
    world::World,
};
use crate::server::Server;

/// Waits for the receiver longer than the test takes.
const PATIENT: [&str; 8] =
    ["--budget", "20s", "--lease", "40s", "--max-in-flight-per-endpoint", "4", "--stop-limit", "10m"];
/// Leaves soon after it was asked.
const HURRIED: [&str; 6] = ["--budget", "6s", "--lease", "10s", "--stop-limit", "10ms"];
/// Would not leave before the receiver has answered.
const STUBBORN: [&str; 6] = ["--budget", "6s", "--lease", "10s", "--stop-limit", "10m"];
/// More than one server takes in hand.
const EVENTS: usize = 600;

on_each_database!(attempts_under_way_are_recorded_and_no_delivery_is_claimed);
async fn attempts_under_way_are_recorded_and_no_delivery_is_claimed(database: TestDatabase) {
    let world = World::on(database).await;
    let mut server = world.serve(&PATIENT).await;
    let gate = Gate::close(&world.receiver);
    let tasks: Vec<_> = (0..EVENTS).map(|number| format!("task_{number}")).collect();
    let ids = Sender::new(&world).accepted(&server, &Request::batch(tasks.clone())).await;
    different_arrived(&world.receiver, 4).await;
    server.terminate();
    server.refuses().await;
    gate.open();
    let status = server.ended().await;
    assert_eq!(status.code(), Some(0), "{status}");

    let sent = world.receiver.arrivals().len();
    let log = world.log(world.endpoint).await;
    let delivered = log.iter().filter(|delivery| delivery.state == State::Delivered).count();
    assert!((4..EVENTS).contains(&sent), "{sent} of {EVENTS} sent: all that waited was claimed while stopping");
    assert_eq!(delivered, sent, "what was sent is not what was recorded");
    assert!(log.iter().all(|delivery| !delivery.in_flight), "a lease is left");

    let server = world.serve(&PATIENT).await;
    let acknowledged = tasks.into_iter().zip(ids).collect();
    let tally = settle_and_verify(&world, server, &acknowledged).await;
    assert_eq!((tally.delivered, tally.arrivals, tally.duplicates), (EVENTS, EVENTS, 0), "{tally}");
}

on_each_database!(at_the_deadline_the_server_leaves_attempts_under_way);
async fn at_the_deadline_the_server_leaves_attempts_under_way(database: TestDatabase) {
    let world = World::on(database).await;
    leave_under_way(&world, &HURRIED, async |server: &Server| server.terminate()).await;
}

on_each_database!(at_a_second_signal_the_server_leaves_at_once);
async fn at_a_second_signal_the_server_leaves_at_once(database: TestDatabase) {
    let world = World::on(database).await;
    leave_under_way(&world, &STUBBORN, async |server: &Server| {
        server.terminate();
        // So that the first one is not overtaken by the second.
        server.refuses().await;
        server.terminate();
    })
    .await;
}

/// Makes a server leave while the receiver has not answered, and another one deliver the
/// event.
async fn leave_under_way(world: &World, options: &[&str], ask: impl AsyncFnOnce(&Server)) {
    let mut server = world.serve(options).await;
    let gate = Gate::close(&world.receiver);
    let event = Sender::new(world).accepted(&server, &Request::single("task_1")).await[0];
    different_arrived(&world.receiver, 1).await;
    ask(&server).await;
    let status = server.ended().await;
    assert_eq!(status.code(), Some(0), "{status}");
    let left = world.log(world.endpoint).await.remove(0);
    assert_eq!((left.state, left.attempts, left.in_flight), (State::Pending, 0, true));

    gate.open();
    let server = world.serve(&STUBBORN).await;
    let tally = settle_and_verify(world, server, &[("task_1".to_owned(), event)].into()).await;
    assert_eq!((tally.delivered, tally.arrivals, tally.duplicates), (1, 2, 1), "{tally}");
}
