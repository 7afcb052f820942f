//! The present version on a database that a later one has migrated: the folder `later` has that
//! version's migration.

use std::sync::Mutex;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use signet_engine::{
    db::{Database, DatabaseUrl, schema::own_schema},
    testing::{TestDatabase, on_each_database},
};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use crate::{
    crash::{
        checks::Check,
        options::{QUICK, QUICK_LEASE},
        producer::Producers,
        verify::{settled, verify},
        world::World,
    },
    patience::within,
    server::signet,
};

const ON_SQLITE: &str = include_str!("later/sqlite/9001_expands.sql");
const ON_POSTGRES: &str = include_str!("later/postgres/9001_expands.sql");
/// The account that a migrator keeps of its work.
const APPLIED: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
    SELECT 9001, 'expands', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
/// What a contracting migration does first.
const RAISE: &str = "UPDATE schema_floor SET binaries_need = 9001";
/// The events between two steps.
const EVENTS: usize = 40;

/// Runs statements in one transaction, as often as it takes to get their locks.
async fn run(url: &DatabaseUrl, sql: &[&'static str]) {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let mut file = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.expect("the file");
            file.execute("PRAGMA busy_timeout = 60000; BEGIN IMMEDIATE").await.expect("its turn");
            for sql in sql {
                file.execute(*sql).await.expect("done");
            }
            file.execute("COMMIT").await.expect("committed");
        }
        DatabaseUrl::Postgres(url) => {
            let mut server = PgConnection::connect(url).await.expect("the server");
            'again: loop {
                let mut transaction = server.begin().await.expect("begun");
                transaction.execute("SET LOCAL lock_timeout = '500ms'").await.expect("set");
                for sql in sql {
                    match transaction.execute(*sql).await {
                        Ok(_) => {}
                        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == "55P03") => {
                            continue 'again;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
                break transaction.commit().await.expect("committed");
            }
        }
    }
}

on_each_database!(a_restart_and_a_rollback_after_a_later_migration_lose_nothing);
async fn a_restart_and_a_rollback_after_a_later_migration_lose_nothing(database: TestDatabase) {
    let world = World::on(database).await;
    let moods = Mutex::new(StdRng::seed_from_u64(1));
    world.receiver.answer_by(move |_| {
        let fails = moods.lock().expect("no panic").random_bool(0.2);
        async move { if fails { 500 } else { 200 } }
    });
    let running = world.serve(&QUICK).await;
    let producers = Producers::start(&world, 4, 1);
    producers.talk_to(Some(running.address));
    producers.journal.more(EVENTS).await;
    let expands = if matches!(world.url(), DatabaseUrl::Sqlite(_)) { ON_SQLITE } else { ON_POSTGRES };
    run(world.url(), &[expands, APPLIED]).await;
    producers.journal.more(EVENTS).await;

    running.kill().await;
    let mut restarted = world.serve(&QUICK).await;
    producers.talk_to(Some(restarted.address));
    producers.journal.more(EVENTS).await;
    assert_eq!(Check::of(&world, QUICK_LEASE).broken_rules().await, [], "commands run as well");
    let journal = producers.finish().await;
    settled(&world, &[world.endpoint]).await;
    restarted.stop().await;
    let state = Database::schema(world.url()).await.expect("the schema");
    assert_eq!((state.schema(), state.own()), (9001, own_schema()));
    let tally = verify(&world, &[world.endpoint], &journal.acknowledged()).await;
    println!("beside a later migration: {tally}");
    assert!(tally.delivered > EVENTS, "{tally}");
}

on_each_database!(below_the_floor_a_server_stops_by_itself_and_nothing_starts);
async fn below_the_floor_a_server_stops_by_itself_and_nothing_starts(database: TestDatabase) {
    let world = World::on(database).await;
    let mut server = world.serve(&QUICK).await;
    let expands = if matches!(world.url(), DatabaseUrl::Sqlite(_)) { ON_SQLITE } else { ON_POSTGRES };
    run(world.url(), &[expands, APPLIED, RAISE]).await;
    assert_eq!(server.ended().await.code(), Some(1), "it finds the floor by itself");
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["check"], &["migrate"]] {
        let mut refused = signet(command);
        refused.args(["--database", world.database(), "--key-file"]).arg(world.key_file());
        let output = within("it ends", refused.output()).await.expect("the binary");
        let error = String::from_utf8_lossy(&output.stderr);
        let needs = format!("needs a version of Signet with schema 9001 or later, and this one has {}", own_schema());
        assert!(output.status.code() == Some(1) && error.contains(&needs), "{command:?}: {error}");
    }
}
