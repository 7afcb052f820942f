//! What `signet check` says of a database with which something is going on.

use signet_engine::ledger::Rule;

use crate::{
    checks::{Check, Checks},
    gate::{Gate, different_arrived},
    on_each_database,
    patience::until,
    producer::{Request, Sender},
    server::{QUICK, QUICK_LEASE, Server},
    verify::{settled, verify},
    world::World,
};

/// Has few attempts under way, which fail soon, and are repeated when the others
/// have had their turn.
const NARROW: [&str; 8] = [
    "--budget",
    "1s",
    "--lease",
    QUICK_LEASE,
    "--retry-delays",
    "5s,5s,5s,5s,5s,5s,5s,5s,5s,5s",
    "--max-in-flight-per-endpoint",
    "4",
];
/// More than a server takes in hand.
const EVENTS: usize = 600;
/// What four attempts at a time get through in a quarter of a minute: leases that
/// ended at its beginning have then been over for long.
const ATTEMPTED: usize = 60;

async fn what_nobody_takes_up_is_reported_until_a_server_runs(world: World) {
    let check = Check::of(&world, QUICK_LEASE);
    let gate = Gate::close(&world.receiver);
    let server = Server::start(&world, &QUICK).await;
    let event = Sender::new(&world).accepted(&server, &Request::single("task_1")).await[0];
    different_arrived(&world.receiver, 1).await;
    assert_eq!(check.broken_rules().await, []);
    server.kill().await;
    until("the check says that nobody takes the delivery up", async || {
        let broken = check.broken_rules().await;
        assert!(broken.is_empty() || broken == [Rule::LeaseNotOverdue], "{broken:?}");
        !broken.is_empty()
    })
    .await;

    gate.open();
    let server = Server::start(&world, &QUICK).await;
    settled(&world, &[world.endpoint]).await;
    assert_eq!(check.broken_rules().await, []);
    server.stop().await;
    verify(&world, &[world.endpoint], &[("task_1".to_owned(), event)].into()).await;
}

async fn a_backlog_before_a_receiver_that_hangs_is_not_reported(world: World) {
    let checks = Checks::start(&world);
    let gate = Gate::close(&world.receiver);
    let server = Server::start(&world, &NARROW).await;
    let tasks: Vec<_> = (0..EVENTS).map(|number| format!("task_{number}")).collect();
    let ids = Sender::new(&world).accepted(&server, &Request::batch(tasks.clone())).await;
    different_arrived(&world.receiver, 4).await;
    // The leases of all that it has in hand run out at the same time.
    server.kill().await;
    let server = Server::start(&world, &NARROW).await;
    checks.server_is_back();
    different_arrived(&world.receiver, ATTEMPTED).await;
    gate.open();
    settled(&world, &[world.endpoint]).await;
    let checked = checks.finish().await;
    server.stop().await;
    let acknowledged = tasks.into_iter().zip(ids).collect();
    let tally = verify(&world, &[world.endpoint], &acknowledged).await;
    println!("checked {checked} times: {tally}");
    assert_eq!((tally.events, tally.delivered), (EVENTS, EVENTS), "{tally}");
}

on_each_database!(what_nobody_takes_up_is_reported_until_a_server_runs);
on_each_database!(a_backlog_before_a_receiver_that_hangs_is_not_reported);
