//! PostgreSQL stops at once and starts again, under load.

use reqwest::{StatusCode, header::RETRY_AFTER};
use signet_engine::testing::postgres;
use tokio::task::spawn_blocking;
use xtask_postgres::Server as Postgres;

use super::{
    options::QUICK,
    producer::{Producers, Refusal, Request, Sender},
    verify::settle_and_verify,
    world::World,
};

/// The number of times that PostgreSQL is stopped.
const STOPS: usize = 3;
/// The events that are acknowledged between two stops.
const BETWEEN: usize = 50;

/// Does a blocking piece of work with the cluster.
async fn cluster(
    mut postgres: Postgres,
    what: impl FnOnce(&mut Postgres) -> anyhow::Result<()> + Send + 'static,
) -> Postgres {
    let done = spawn_blocking(move || what(&mut postgres).map(|()| postgres)).await;
    done.expect("no panic").expect("the cluster obeys")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_survives_its_database() {
    // The cluster is one of its own; the test runs where there is one for tests.
    if postgres().await.is_none() {
        return;
    }
    let mut postgres = spawn_blocking(Postgres::start).await.expect("no panic").expect("a cluster");
    let world = World::at(postgres.url().parse().expect("a URL")).await;
    let server = world.serve(&QUICK).await;
    let producers = Producers::start(&world, 3, 1);
    producers.talk_to(Some(server.address));
    let probe = Sender::new(&world);

    for stop in 0..STOPS {
        producers.journal.more(BETWEEN).await;
        postgres = cluster(postgres, Postgres::stop_at_once).await;
        let request = Request::single(&format!("probe_{stop}"));
        match probe.send(server.address, &request).await.expect_err("no event can be stored") {
            Refusal::Answered(status, headers) => {
                assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                assert!(headers.contains_key(RETRY_AFTER), "{headers:?}");
            }
            Refusal::Lost => panic!("no answer while the database is away"),
        }
        postgres = cluster(postgres, Postgres::start_again).await;
    }
    producers.journal.more(BETWEEN).await;
    let journal = producers.finish().await;
    let tally = settle_and_verify(&world, server, &journal.acknowledged()).await;
    println!("PostgreSQL stopped {STOPS} times: {tally}");
    assert_eq!((tally.failed, tally.held), (0, 0), "{tally}");
}
