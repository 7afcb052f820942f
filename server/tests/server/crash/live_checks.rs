//! `signet check` of a database that servers write to.

use signet_engine::{
    service::ledger::Rule,
    testing::{TestDatabase, on_each_database},
};

use super::{
    checks::{Check, Checks},
    gate::{Gate, different_arrived},
    options::{QUICK, QUICK_LEASE},
    producer::{Request, Sender},
    verify::{settled, verify},
    world::World,
};
use crate::patience::until;

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
/// The attempts that four lanes make in a quarter of a minute: leases that ended at its
/// beginning have then been over for long.
const ATTEMPTED: usize = 60;

on_each_database!(a_delivery_that_no_server_takes_up_is_reported_until_one_runs);
async fn a_delivery_that_no_server_takes_up_is_reported_until_one_runs(database: TestDatabase) {
    let world = World::on(database).await;
    let check = Check::of(&world, QUICK_LEASE);
    let gate = Gate::close(&world.receiver);
    let server = world.serve(&QUICK).await;
    let event = Sender::new(&world).accepted(&server, &Request::single("task_1")).await[0];
    different_arrived(&world.receiver, 1).await;
    assert_eq!(check.broken_rules().await, []);
    server.kill().await;
    until("the check reports that no server takes the delivery up", async || {
        let broken = check.broken_rules().await;
        assert!(broken.is_empty() || broken == [Rule::LeaseNotOverdue], "{broken:?}");
        !broken.is_empty()
    })
    .await;

    gate.open();
    let mut server = world.serve(&QUICK).await;
    settled(&world, &[world.endpoint]).await;
    assert_eq!(check.broken_rules().await, []);
    server.stop().await;
    verify(&world, &[world.endpoint], &[("task_1".to_owned(), event)].into()).await;
}

on_each_database!(a_backlog_before_a_receiver_that_hangs_is_not_reported);
async fn a_backlog_before_a_receiver_that_hangs_is_not_reported(database: TestDatabase) {
    let world = World::on(database).await;
    let checks = Checks::start(&world);
    let gate = Gate::close(&world.receiver);
    let server = world.serve(&NARROW).await;
    let tasks: Vec<_> = (0..EVENTS).map(|number| format!("task_{number}")).collect();
    let ids = Sender::new(&world).accepted(&server, &Request::batch(tasks.clone())).await;
    different_arrived(&world.receiver, 4).await;
    // The leases of all that it has in hand run out at the same time.
    server.kill().await;
    let mut server = world.serve(&NARROW).await;
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
