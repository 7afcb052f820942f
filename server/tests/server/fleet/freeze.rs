//! A process is frozen (SIGSTOP) with leases in hand, or in the middle of a transaction.

use std::collections::HashMap;

use signet_engine::{db::DatabaseUrl, testing::postgres};
use sqlx::{Connection, PgConnection};

use crate::{
    crash::{
        gate::{Gate, different_arrived},
        options::{Fault, QUICK},
        producer::{Request, Sender},
        verify::{id, settled, verify},
        world::World,
    },
    patience::until,
    server::Server,
};

/// The attempts that each process may have under way at the webhook.
const AT_ONCE: usize = 4;
/// Its leases end soon.
const SHORT: [&str; 6] = ["--max-in-flight-per-endpoint", "4", "--budget", "4s", "--lease", "8s"];
/// The others wait long for the receiver.
const PATIENT: [&str; 6] = ["--max-in-flight-per-endpoint", "4", "--budget", "60s", "--lease", "100s"];

fn tasks(name: &str, number: usize) -> Vec<String> {
    (0..number).map(|task| format!("{name}_{task}")).collect()
}

/// The number of times that each delivery has arrived.
fn times(world: &World) -> HashMap<String, usize> {
    let mut times = HashMap::new();
    for arrival in world.receiver.arrivals() {
        *times.entry(id(&arrival).to_owned()).or_default() += 1;
    }
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_process_costs_the_others_nothing_and_records_nothing_when_it_goes_on() {
    let Some(database) = postgres().await else { return };
    let world = World::on(database).await;
    let (mut frozen, mut other) = (world.serve(&SHORT).await, world.serve(&PATIENT).await);
    let gate = Gate::close(&world.receiver);
    let sender = Sender::new(&world);
    let mut acknowledged = HashMap::new();
    let mut accept = async |server: &Server, tasks: Vec<String>| {
        let ids = sender.accepted(server, &Request::batch(tasks.clone())).await;
        acknowledged.extend(tasks.into_iter().zip(ids));
    };
    accept(&frozen, tasks("before", 100)).await;
    different_arrived(&world.receiver, AT_ONCE).await;
    frozen.freeze();
    gate.open();

    // What is not leased to the frozen process is delivered at once, the rest once its leases
    // have ended; it is frozen all the time.
    accept(&other, tasks("meanwhile", 100)).await;
    settled(&world, &[world.endpoint]).await;
    assert_eq!(times(&world).len(), 200, "everything has arrived");

    // It gets its answers now, and wants to record them.
    frozen.thaw();
    accept(&frozen, tasks("after", 20)).await;
    settled(&world, &[world.endpoint]).await;
    frozen.stop().await;
    other.stop().await;
    let tally = verify(&world, &[world.endpoint], &acknowledged).await;
    println!("one of two processes frozen: {tally}");
    assert_eq!((tally.events, tally.delivered), (220, 220), "{tally}");
    // Only what was on its way when the process froze has arrived a second time.
    let repeated: Vec<_> = times(&world).into_values().filter(|&times| times > 1).collect();
    assert!(repeated.len() <= AT_ONCE && repeated.iter().all(|&times| times == 2), "{repeated:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_frozen_in_a_transaction_holds_no_lock_for_long() {
    let Some(database) = postgres().await else { return };
    let world = World::on(database).await;
    let DatabaseUrl::Postgres(url) = world.url().clone() else { unreachable!("it is PostgreSQL") };
    let mut look = PgConnection::connect(&url).await.expect("a connection");
    // Only the process that takes an event in writes one. While the statement is prepared, its session
    // looks the same, but has not written: it has no number of a transaction.
    let mut writers = async || {
        let idle = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
            AND state = 'idle in transaction' AND backend_xid IS NOT NULL AND query LIKE '%INSERT INTO events%'";
        sqlx::query_scalar::<_, i32>(idle).fetch_all(&mut look).await.expect("sessions")
    };
    // It has written an event, whose rows of its account and its webhook it has locked.
    let frozen = world.serve_with(Fault("hang:before_commit")).await;
    let mut other = world.serve(&QUICK).await;
    let (sender, address) = (Sender::new(&world), frozen.address);
    let never = tokio::spawn({
        let sender = sender.clone();
        async move { sender.send(address, &Request::single("never")).await }
    });
    let mut held = Vec::new();
    until("the process is in a transaction", async || {
        held = writers().await;
        !held.is_empty()
    })
    .await;
    frozen.freeze();
    let mut is_held = async || writers().await.iter().any(|session| held.contains(session));
    assert!(is_held().await, "the process is frozen in its transaction");

    let request = Request::batch(tasks("meanwhile", 20)).with_key("meanwhile");
    let mut ids = None;
    until("the other process takes events", async || {
        ids = sender.send(other.address, &request).await.ok();
        ids.is_some()
    })
    .await;
    settled(&world, &[world.endpoint]).await;
    assert!(!is_held().await, "the transaction was ended");
    frozen.kill().await;
    never.abort();
    other.stop().await;
    let acknowledged = tasks("meanwhile", 20).into_iter().zip(ids.expect("accepted")).collect();
    let tally = verify(&world, &[world.endpoint], &acknowledged).await;
    assert_eq!((tally.events, tally.delivered, tally.duplicates), (20, 20, 0), "{tally}");
}
