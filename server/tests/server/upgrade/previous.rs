//! The previous release and the present one on one PostgreSQL, under load. The binary of the
//! release is named by `SIGNET_TEST_PREVIOUS_BIN`, which `cargo xtask upgrade-check` sets.

use std::{path::PathBuf, sync::Mutex};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use signet_engine::{
    db::{Database, DatabaseUrl, schema::own_schema},
    testing::empty_on_postgres,
};
use sqlx::{Connection, PgConnection};

use crate::{
    crash::{
        options::QUICK,
        producer::Producers,
        verify::{settled, verify},
        world::World,
    },
    patience::until,
};

/// Names the binary of the previous release.
const BINARY_VARIABLE: &str = "SIGNET_TEST_PREVIOUS_BIN";
/// The first schema whose versions run on a database that is ahead of them.
const FLOOR_SINCE: i64 = 29;
/// The events between two steps of the upgrade.
const EVENTS: usize = 60;

/// The last migration that a database has.
async fn schema(url: &DatabaseUrl) -> i64 {
    let DatabaseUrl::Postgres(url) = url else { unreachable!("it is PostgreSQL") };
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    let last = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(&mut connection).await;
    connection.close().await.expect("closed");
    last.expect("a schema")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_from_the_previous_release_under_load_loses_nothing() {
    let Some(previous) = std::env::var_os(BINARY_VARIABLE).map(PathBuf::from) else {
        return println!("left out: {BINARY_VARIABLE} names no binary (cargo xtask upgrade-check)");
    };
    let Some(database) = empty_on_postgres().await else { return };
    let world = World::made_by(previous.clone(), database.url()).await;
    let before = schema(world.url()).await;
    assert!(before < own_schema(), "the previous release has an older schema");
    let moods = Mutex::new(StdRng::seed_from_u64(1));
    world.receiver.answer_by(move |arrival| {
        let fails = arrival.path == "/dead" || moods.lock().expect("no panic").random_bool(0.2);
        async move { if fails { 500 } else { 200 } }
    });

    // Two of the previous release, with traffic through either.
    let (first, mut second) =
        (world.serve_previous(&previous, &QUICK).await, world.serve_previous(&previous, &QUICK).await);
    let (_, dead) = world.subscribe_by_api(&first, "dead").await;
    let producers = Producers::start(&world, 4, 1);
    for server in [&first, &second] {
        producers.talk_to(Some(server.address));
        producers.journal.more(EVENTS).await;
    }
    // The new one migrates while both work, and while producers talk to one of them.
    let new = world.serve(&QUICK).await;
    assert_eq!(schema(world.url()).await, own_schema());
    producers.journal.more(EVENTS).await;
    producers.talk_to(Some(new.address));
    producers.journal.more(EVENTS).await;
    // One of the previous release dies; the other one goes on beside the new one.
    first.kill().await;
    producers.talk_to(Some(second.address));
    producers.journal.more(EVENTS).await;
    let restarted = world.try_serve_previous(&previous, &QUICK).await;
    assert_eq!(restarted.is_some(), before >= FLOOR_SINCE, "whether it starts in the middle of the upgrade");
    if let Some(restarted) = restarted {
        // Rolled back: the new one is gone, and the previous release goes on alone.
        new.kill().await;
        second.stop().await;
        producers.talk_to(Some(restarted.address));
        producers.journal.more(EVENTS).await;
        restarted.kill().await;
    } else {
        second.stop().await;
        producers.talk_to(Some(new.address));
        producers.journal.more(EVENTS).await;
        new.kill().await;
    }
    // Upgraded for good.
    let mut last = world.serve(&QUICK).await;
    producers.talk_to(Some(last.address));
    producers.journal.more(EVENTS).await;
    let journal = producers.finish().await;
    settled(&world, &[world.endpoint, dead]).await;
    until("the server is told to be of this version", async || {
        let state = Database::schema(world.url()).await.expect("the schema");
        state.servers.iter().any(|servers| servers.schema == Some(own_schema()))
    })
    .await;
    last.stop().await;
    let tally = verify(&world, &[world.endpoint, dead], &journal.acknowledged()).await;
    println!("upgraded from schema {before} to {}: {tally}", own_schema());
    assert!(tally.delivered > EVENTS * 5 && tally.failed + tally.held > 0, "{tally}");
}
