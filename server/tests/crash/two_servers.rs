//! Two servers on one PostgreSQL.

use std::collections::HashMap;

use crate::{
    gate::{Gate, different_arrived},
    producer::{Request, Sender},
    server::Server,
    verify::{id, settled, verify},
    world::World,
};

/// How many attempts each server may have under way at the webhook.
const AT_ONCE: &str = "4";
/// More than one server keeps for itself.
const EVENTS: usize = 600;

/// Its leases end soon after its death.
const MORTAL: [&str; 6] = ["--max-in-flight-per-endpoint", AT_ONCE, "--budget", "4s", "--lease", "8s"];
/// It waits long for the receiver.
const PATIENT: [&str; 6] = ["--max-in-flight-per-endpoint", AT_ONCE, "--budget", "60s", "--lease", "100s"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_the_work_and_one_takes_over_from_the_other() {
    let Some(world) = World::on_postgres().await else { return };
    let (mortal, patient) = (Server::start(&world, &MORTAL).await, Server::start(&world, &PATIENT).await);
    let gate = Gate::close(&world.receiver);
    let tasks: Vec<_> = (0..EVENTS).map(|number| format!("task_{number}")).collect();
    let ids = Sender::new(&world).accepted(&mortal, &Request::batch(tasks.clone())).await;

    // One alone has at most four under way, and none of them is answered.
    let under_way = different_arrived(&world.receiver, 8).await;
    mortal.kill().await;
    gate.open();
    settled(&world, &[world.endpoint]).await;
    patient.stop().await;

    let acknowledged = tasks.into_iter().zip(ids).collect();
    let tally = verify(&world, &[world.endpoint], &acknowledged).await;
    println!("one of two servers killed: {tally}");
    assert_eq!((tally.events, tally.delivered), (EVENTS, EVENTS));
    let mut times: HashMap<String, usize> = HashMap::new();
    for arrival in world.receiver.arrivals() {
        *times.entry(id(&arrival).to_owned()).or_default() += 1;
    }
    // What the dead server had under way was attempted again by the living one;
    // what the living one had under way was not.
    let repeated = under_way.iter().filter(|&id| times[id] > 1).count();
    assert!((1..under_way.len()).contains(&repeated), "{repeated} of {}", under_way.len());
}
