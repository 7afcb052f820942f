//! PostgreSQL is away for a time, and starts again.

use std::time::Duration;

use signet_engine::testing::postgres;
use sqlx::{Connection, Executor, PgConnection};
use tokio::{task::spawn_blocking, time::sleep};
use xtask_postgres::Server as Postgres;

use super::outage::{PATIENT, Story};
use crate::crash::world::World;

/// The seconds for which the long outage lasts.
const LONG_VARIABLE: &str = "SIGNET_TEST_OUTAGE_SECONDS";

/// Does a blocking piece of work with a cluster.
pub async fn cluster<T: Send + 'static>(
    mut postgres: Postgres,
    what: impl FnOnce(&mut Postgres) -> anyhow::Result<T> + Send + 'static,
) -> (Postgres, T) {
    let done = spawn_blocking(move || what(&mut postgres).map(|value| (postgres, value))).await;
    done.expect("no panic").expect("the cluster obeys")
}

/// A cluster of its own, where there is one for tests.
pub async fn own_cluster() -> Option<Postgres> {
    postgres().await?;
    Some(spawn_blocking(Postgres::start).await.expect("no panic").expect("a cluster"))
}

async fn away_for(time: Duration) {
    let Some(postgres) = own_cluster().await else { return };
    let world = World::at(postgres.url().parse().expect("a URL")).await;
    let server = world.serve(&PATIENT).await;
    let story = Story::begin(world, server).await;
    let (postgres, ()) = cluster(postgres, Postgres::stop_at_once).await;
    story.lasts("the database does not answer").await;
    sleep(time).await;
    let (_postgres, ()) = cluster(postgres, Postgres::start_again).await;
    println!("PostgreSQL was away: {}", story.ends(1).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_costs_time_alone() {
    away_for(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_lets_nobody_write_costs_time_alone() {
    let Some(postgres) = own_cluster().await else { return };
    let world = World::at(postgres.url().parse().expect("a URL")).await;
    let server = world.serve(&PATIENT).await;
    let story = Story::begin(world, server).await;
    // As a provider does before a disk is full. Sessions go on.
    let mut connection = PgConnection::connect(&postgres.url()).await.expect("a connection");
    for sql in ["ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"] {
        connection.execute(sql).await.expect(sql);
    }
    story.lasts("the database can only be read: it is a standby, or was set so").await;
    for sql in ["ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"] {
        connection.execute(sql).await.expect(sql);
    }
    println!("PostgreSQL could only be read: {}", story.ends(1).await);
}

/// Longer than leases, pools and pauses between tries. By hand:
/// `cargo xtask postgres -- cargo test -p signet --test server ten_minutes -- --ignored`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes ten minutes, or as many seconds as SIGNET_TEST_OUTAGE_SECONDS says"]
async fn a_database_that_is_away_for_ten_minutes_costs_time_alone() {
    let seconds = std::env::var(LONG_VARIABLE).ok().map_or(600, |text| text.parse().expect("a number of seconds"));
    away_for(Duration::from_secs(seconds)).await;
}
