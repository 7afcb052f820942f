//! PostgreSQL fails over to a standby, and the address with it.

use sqlx::{Connection, Executor, PgConnection};
use xtask_postgres::Server as Postgres;

use super::{
    database_away::{cluster, own_cluster},
    forwarder::Forwarder,
    outage::{PATIENT, Story},
};
use crate::{crash::world::World, patience::until};

/// A primary with a standby that has each commit before it is acknowledged.
async fn pair() -> Option<(Postgres, Postgres)> {
    let (primary, standby) = cluster(own_cluster().await?, |primary| primary.standby()).await;
    let mut connection = PgConnection::connect(&primary.url()).await.expect("a connection");
    for sql in ["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"] {
        connection.execute(sql).await.expect(sql);
    }
    until("the standby is synchronous", async || {
        let state = sqlx::query_scalar::<_, String>("SELECT sync_state FROM pg_stat_replication");
        state.fetch_optional(&mut connection).await.expect("a state").as_deref() == Some("sync")
    })
    .await;
    Some((primary, standby))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_over_and_nothing_that_was_acknowledged_is_lost() {
    let Some((primary, standby)) = pair().await else { return };
    let forwarder = Forwarder::to(primary.port()).await;
    let url = format!("postgres://postgres@{}/postgres", forwarder.address);
    let world = World::at(url.parse().expect("a URL")).await;
    let server = world.serve(&PATIENT).await;
    let story = Story::begin(world, server).await;

    let (_primary, ()) = cluster(primary, Postgres::stop_at_once).await;
    story.said("the database does not answer").await;
    // The address moves before the standby is promoted.
    forwarder.lead_to(standby.port());
    story.lasts("the database can only be read: it is a standby").await;
    let (_standby, ()) = cluster(standby, Postgres::promote).await;
    println!("PostgreSQL failed over: {}", story.ends(2).await);
}
