//! The sealing key is rotated while a server runs, and the command is killed in the middle.

use std::{fs, os::unix::process::ExitStatusExt, process::Output};

use rustix::process::Signal;
use signet_engine::testing::{TestDatabase, on_each_database};

use super::{
    options::QUICK,
    producer::{Request, Sender},
    verify::settle_and_verify,
    world::World,
};
use crate::{patience::within, server::signet};

/// Runs the rotation, which dies at a place if one is named.
async fn rotate(world: &World, fault: Option<&str>) -> Output {
    let mut command = signet(&["sealing-key", "rotate", "--database", world.database()]);
    command.arg("--key-file").arg(world.key_file());
    if let Some(place) = fault {
        command.env("SIGNET_FAULT", format!("{place}=1"));
    }
    within("the rotation ends", command.output()).await.expect("the binary")
}

fn keys(world: &World) -> Vec<String> {
    fs::read_to_string(world.key_file()).expect("the key file").lines().map(str::to_owned).collect()
}

on_each_database!(a_rotation_that_is_killed_is_finished_by_the_next_one_and_loses_nothing);
async fn a_rotation_that_is_killed_is_finished_by_the_next_one_and_loses_nothing(database: TestDatabase) {
    let world = World::on(database).await;
    let server = world.serve(&QUICK).await;
    let sender = Sender::new(&world);
    let first = sender.accepted(&server, &Request::single("task_1")).await[0];
    let old = keys(&world);
    assert_eq!(old.len(), 1);

    let killed = rotate(&world, Some("after_reseal_step")).await;
    assert_eq!(killed.status.signal(), Some(Signal::ABORT.as_raw()), "{killed:?}");
    let between = keys(&world);
    assert_eq!((between.len(), &between[1]), (2, &old[0]), "the old key still opens");
    // The server reads the secret of a new webhook and of the old one with either key.
    let added = world.subscribe("late").await;
    let second = sender.accepted(&server, &Request::single("task_2")).await[0];

    let finished = rotate(&world, None).await;
    assert!(finished.status.success(), "{finished:?}");
    assert_eq!(keys(&world), between[..1], "the new key is left alone");
    let third = sender.accepted(&server, &Request::single("task_3")).await[0];

    let engine = world.engine().await;
    for endpoint in [world.endpoint, added] {
        engine.as_operator_in(world.account).endpoint(endpoint).reveal_secret().await.expect("opens with the new key");
    }
    engine.close().await;
    let acknowledged = [("task_1", first), ("task_2", second), ("task_3", third)];
    let acknowledged = acknowledged.map(|(task, event)| (task.to_owned(), event)).into();
    let tally = settle_and_verify(&world, server, &acknowledged).await;
    assert_eq!(tally.arrivals, 5, "one to the first webhook alone, and two to both: {tally}");
}

on_each_database!(a_second_rotation_at_the_same_time_is_refused_and_a_server_with_the_old_key_does_not_start);
async fn a_second_rotation_at_the_same_time_is_refused_and_a_server_with_the_old_key_does_not_start(
    database: TestDatabase,
) {
    let world = World::on(database).await;
    let mut server = world.serve(&QUICK).await;
    let old = fs::read(world.key_file()).expect("the key file");
    let (one, two) = tokio::join!(rotate(&world, None), rotate(&world, None));
    let refused = if one.status.success() { &two } else { &one };
    assert_eq!([&one, &two].iter().filter(|output| output.status.success()).count(), 1, "{one:?} {two:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another command is rotating"), "{refused:?}");
    server.stop().await;
    fs::write(world.key_file(), old).expect("written");
    assert!(world.try_serve(&QUICK).await.is_none(), "the old key is refused");
}
