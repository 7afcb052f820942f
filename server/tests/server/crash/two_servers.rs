//! Two servers on one PostgreSQL.

use std::collections::HashMap;

use signet_engine::testing::postgres;

use super::{
    gate::{Gate, different_arrived},
    producer::{Request, Sender},
    verify::{id, settle_and_verify},
    world::World,
};

/// The attempts that each server may have under way at the webhook.
const AT_ONCE: &str = "4";
/// More than one server keeps for itself.
const EVENTS: usize = 600;

/// Its leases end soon after its death.
const MORTAL: [&str; 6] = ["--max-in-flight-per-endpoint", AT_ONCE, "--budget", "4s", "--lease", "8s"];
/// It waits long for the receiver.
const PATIENT: [&str; 6] = ["--max-in-flight-per-endpoint", AT_ONCE, "--budget", "60s", "--lease", "100s"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_the_work_and_one_takes_over_from_the_other() {
    let Some(database) = postgres().await else { return };
    let world = World::on(database).await;
    let (mortal, patient) = (world.serve(&MORTAL).await, world.serve(&PATIENT).await);
    let gate = Gate::close(&world.receiver);
    let tasks: Vec<_> = (0..EVENTS).map(|number| format!("task_{number}")).collect();
    let ids = Sender::new(&world).accepted(&mortal, &Request::batch(tasks.clone())).await;

    // One alone has at most four under way, and none of them is answered.
    let under_way = different_arrived(&world.receiver, 8).await;
    mortal.kill().await;
    gate.open();

    let acknowledged = tasks.into_iter().zip(ids).collect();
    let tally = settle_and_verify(&world, patient, &acknowledged).await;
    println!("one of two servers killed: {tally}");
    assert_eq!((tally.events, tally.delivered), (EVENTS, EVENTS));
    let mut times: HashMap<String, usize> = HashMap::new();
    for arrival in world.receiver.arrivals() {
        *times.entry(id(&arrival).to_owned()).or_default() += 1;
    }
    // The living server repeated the attempts that the dead one had under way, and none of
    // its own.
    let repeated = under_way.iter().filter(|&id| times[id] > 1).count();
    assert!((1..under_way.len()).contains(&repeated), "{repeated} of {}", under_way.len());
}
