//! A store that takes no events: producers are told to come back, and memory does not grow
//! meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use reqwest::{StatusCode, header::RETRY_AFTER};
use signet_engine::{
    db::DatabaseUrl,
    testing::{TestDatabase, on_each_database},
};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use tokio::task::JoinSet;

use super::{
    options::QUICK,
    producer::{Refusal, Request, Sender},
    verify::{settle_and_verify, settled},
    world::World,
};
use crate::patience::until;

/// The requests that come in while no event can be stored, and their connections.
const REQUESTS: usize = 80;
const CONNECTIONS: usize = 10;
/// The events of each request, and the bytes of each event.
const EVENTS: usize = 25;
const SIZE: usize = 200 * 1024;
/// Far less than all requests have.
const MEMORY: usize = 256 * 1024 * 1024;

/// Keeps all others from storing events.
enum Blockade {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Blockade {
    async fn begin(url: &DatabaseUrl) -> sqlx::Result<Self> {
        Ok(match url {
            DatabaseUrl::Sqlite(path) => {
                let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await?;
                connection.execute("BEGIN IMMEDIATE").await?;
                Self::Sqlite(connection)
            }
            DatabaseUrl::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await?;
                connection.execute("BEGIN").await?;
                connection.execute("LOCK TABLE events").await?;
                Self::Postgres(connection)
            }
        })
    }

    async fn end(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        }
    }
}

/// A refusal must say when to come back.
fn check(refusal: &Refusal) {
    let Refusal::Answered(status, headers) = refusal else { panic!("no answer while no event can be stored") };
    // The entries of a batch are answered one by one.
    assert!([StatusCode::SERVICE_UNAVAILABLE, StatusCode::ACCEPTED].contains(status), "{status}");
    assert!(headers.contains_key(RETRY_AFTER), "{headers:?}");
}

on_each_database!(a_producer_of_events_that_cannot_be_stored_is_told_to_come_back);
async fn a_producer_of_events_that_cannot_be_stored_is_told_to_come_back(database: TestDatabase) {
    let world = World::on(database).await;
    let server = world.serve(&QUICK).await;
    let sender = Sender::new(&world);
    let first = sender.accepted(&server, &Request::single("task_first")).await[0];
    settled(&world, &[world.endpoint]).await;

    let blockade = Blockade::begin(world.url()).await.expect("the database is locked");
    let single = Request::single("task_single");
    check(&sender.send(server.address, &single).await.expect_err("no event can be stored"));
    let left = Arc::new(AtomicUsize::new(REQUESTS));
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (sender, address, left) = (sender.clone(), server.address, Arc::clone(&left));
        let request = Request::batch((0..EVENTS).map(|event| format!("task_{event}"))).with_tokens(SIZE);
        connections.spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                check(&sender.send(address, &request).await.expect_err("no event can be stored"));
            }
        });
    }
    while let Some(done) = connections.join_next().await {
        done.expect("refusals in good order");
    }
    let peak = server.peak_memory();
    let sent = REQUESTS * EVENTS * SIZE;
    println!("{} MB at most while {} MB were refused", peak >> 20, sent >> 20);
    assert!(peak < MEMORY && MEMORY < sent, "{peak} bytes of memory");

    blockade.end().await.expect("the lock is released");
    let mut accepted = None;
    until("the server recovers", async || {
        accepted = sender.send(server.address, &single).await.ok();
        accepted.is_some()
    })
    .await;
    let second = accepted.expect("accepted")[0];
    let acknowledged = [("task_first".to_owned(), first), ("task_single".to_owned(), second)].into();
    settle_and_verify(&world, server, &acknowledged).await;
}
