//! Throttles and paced releases hold over all processes: no attempt starts before the instant that
//! the schedule in the database has for it, however many look at it.

use std::time::Duration;

use signet_engine::{
    service::{deliveries::Filter, endpoints::EndpointOptions},
    testing::postgres,
};
use signet_model::{EndpointId, Subscriptions, Throttle, Timestamp};
use sqlx::{Connection, PgConnection};

use super::member::STEADY;
use crate::{
    crash::{
        producer::{Request, Sender},
        verify::settled,
        world::World,
    },
    server::Server,
};

/// The processes.
const PROCESSES: usize = 4;
/// Deliveries.
const DELIVERIES: u32 = 24;
/// The deliveries that may start in a second; as many are released in one.
const PER_SECOND: u32 = 6;
/// Starts that come late are made up for within this time, and the clocks of processes may be
/// apart by a little.
const TOLERANCE: Duration = Duration::from_millis(500);

/// The clock of the database.
async fn now(world: &World) -> Timestamp {
    let mut connection = PgConnection::connect(world.database()).await.expect("a connection");
    let now = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut connection).await.expect("an instant");
    connection.close().await.expect("closed");
    now
}

async fn fleet(world: &World) -> Vec<Server> {
    let mut servers = Vec::new();
    for _ in 0..PROCESSES {
        let mut options = STEADY.to_vec();
        let rate = PER_SECOND.to_string();
        options.extend(["--release-rate", &rate]);
        servers.push(world.serve(&options).await);
    }
    servers
}

/// The begins of all attempts at a webhook, in order.
async fn starts(world: &World, endpoint: EndpointId) -> Vec<Timestamp> {
    let engine = world.engine().await;
    let account = engine.as_operator_in(world.account);
    let mut starts = Vec::new();
    for delivery in account.endpoint(endpoint).deliveries(&Filter::default(), 1_000).await.expect("deliveries") {
        let id = delivery.expect("a delivery that can be used").id;
        let detail = account.delivery(id).get().await.expect("a delivery");
        starts.extend(detail.attempts.iter().map(|attempt| attempt.started_at));
    }
    engine.close().await;
    starts.sort();
    starts
}

/// No attempt has started before its turn.
fn assert_paced(starts: &[Timestamp], from: Timestamp) {
    assert_eq!(starts.len(), DELIVERIES as usize, "each is attempted once");
    for (number, &start) in (0_u32..).zip(starts) {
        let turn = from + Duration::from_secs(1) * number / PER_SECOND;
        assert!(start + TOLERANCE >= turn, "attempt {number} started at {start}, and its turn was {turn}: {starts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttle_holds_over_four_processes() {
    let Some(database) = postgres().await else { return };
    let world = World::on(database).await;
    let throttle = Some(Throttle::try_from(PER_SECOND).expect("a throttle"));
    let endpoint = world.subscribe_with("throttled", EndpointOptions { throttle, ..EndpointOptions::default() }).await;
    let mut servers = fleet(&world).await;
    let (sender, from) = (Sender::new(&world), now(&world).await);
    for number in 0..DELIVERIES {
        let server = &servers[number as usize % PROCESSES];
        sender.accepted(server, &Request::single(&format!("task_{number}"))).await;
    }
    settled(&world, &[world.endpoint, endpoint]).await;
    assert_paced(&starts(&world, endpoint).await, from);
    for server in &mut servers {
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paced_release_holds_over_four_processes() {
    let Some(database) = postgres().await else { return };
    let world = World::on(database).await;
    let engine = world.engine().await;
    let endpoint = || engine.as_operator_in(world.account).endpoint(world.endpoint);
    endpoint().pause().await.expect("paused");
    let mut servers = fleet(&world).await;
    let sender = Sender::new(&world);
    let tasks = (0..DELIVERIES).map(|number| format!("task_{number}"));
    sender.accepted(&servers[0], &Request::batch(tasks)).await;
    endpoint().enable().await.expect("enabled");
    let from = now(&world).await;
    let path = format!("/v1/accounts/{}/endpoints/{}/held/release", world.account, world.endpoint);
    sender.post(&servers[1], &path).await;
    // Nothing is left for a second release to hurry.
    sender.post(&servers[2], &path).await;
    settled(&world, &[world.endpoint]).await;
    assert_paced(&starts(&world, world.endpoint).await, from);
    assert_eq!(endpoint().release(&Subscriptions::all()).await.expect("released"), 0);
    engine.close().await;
    for server in &mut servers {
        server.stop().await;
    }
}
