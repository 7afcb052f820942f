//! Deliveries during an outage of this side: the database is away for longer than a
//! lease, or the network is.

use std::{sync::Arc, time::Duration};

use signet_engine::{
    Settings,
    db::DatabaseUrl,
    service::deliveries::{Delivery, Filter},
    testing::{
        Hands, Receiver, TestDatabase, account, completed, endpoint, endpoint_at, engine, log, on_each_database,
        resting_engine,
    },
};
use signet_model::{delivery::State, retry::Schedule};
use sqlx::{Connection, Executor};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const DELIVERIES: usize = 30;

on_each_database!(an_outcome_in_hand_when_its_lease_runs_out_is_recorded_and_not_attempted_again);
async fn an_outcome_in_hand_when_its_lease_runs_out_is_recorded_and_not_attempted_again(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let (hands, account) = (Hands(&engine), account(&engine, "acme").await);
    let endpoint = endpoint(&engine, account).await;
    let mut in_flight = Vec::new();
    for number in 0..DELIVERIES {
        in_flight.extend(hands.ingest(completed(&engine, account, &number.to_string())).await.1);
    }
    // The database is away, and these have ended meanwhile.
    clock.advance(2 * Settings::default().lease);
    let newest_lease = database.count("SELECT max(lease) FROM deliveries").await;
    assert!(hands.claim().await.is_empty());
    assert_eq!(database.count("SELECT max(lease) FROM deliveries").await, newest_lease, "no lease is taken over");
    for one in in_flight {
        hands.finish(one, 200).await;
    }
    let stored = log(&engine, account, endpoint, &Filter::default(), 100).await;
    assert!(stored.iter().all(|it| it.state == State::Delivered && it.attempts == 1), "{stored:?}");
    assert_eq!(stored.len(), DELIVERIES);
    clock.advance(2 * Settings::default().lease);
    assert!(hands.claim().await.is_empty());
    assert!(engine.check().await.expect("a ledger").is_clean());
}

on_each_database!(a_delivery_that_another_process_has_claimed_since_is_its_own);
async fn a_delivery_that_another_process_has_claimed_since_is_its_own(database: TestDatabase) {
    let (slow, clock) = resting_engine(&database);
    let account = account(&slow, "acme").await;
    endpoint(&slow, account).await;
    let mut in_flight = Hands(&slow).ingest(completed(&slow, account, "1")).await.1;
    let (other, its_clock) = resting_engine(&database);
    for clock in [clock, its_clock] {
        clock.advance(2 * Settings::default().lease);
    }
    let claimed = Hands(&other).claim().await;
    assert_eq!(claimed.len(), 1);
    Hands(&slow).finish(in_flight.remove(0), 500).await;
    for one in claimed {
        Hands(&other).finish(one, 200).await;
    }
    assert!(slow.check().await.expect("a ledger").is_clean());
}

/// A transaction of another process that keeps all others from writing; dropping it ends it.
enum Lock {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Lock {
    async fn of(database: &TestDatabase) -> Self {
        match &database.url {
            DatabaseUrl::Sqlite(path) => {
                let url = format!("sqlite:{}", path.display());
                let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("a connection");
                connection.execute("BEGIN IMMEDIATE").await.expect("the lock");
                Self::Sqlite(connection)
            }
            DatabaseUrl::Postgres(url) => {
                let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
                connection.execute("BEGIN; LOCK TABLE deliveries IN EXCLUSIVE MODE").await.expect("the lock");
                Self::Postgres(connection)
            }
        }
    }

    async fn release(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.expect("closed"),
            Self::Postgres(connection) => connection.close().await.expect("closed"),
        }
    }
}

on_each_database!(attempts_that_end_while_the_database_is_locked_for_longer_than_a_lease_are_recorded_and_made_once);
async fn attempts_that_end_while_the_database_is_locked_for_longer_than_a_lease_are_recorded_and_made_once(
    database: TestDatabase,
) {
    let receiver = Receiver::start().await;
    let settings = Settings { max_in_flight_per_endpoint: DELIVERIES, ..Settings::default() };
    let lease = settings.lease;
    let (engine, clock) = engine(&database, settings, vec![receiver.authority.clone()]);
    let running = engine.start().expect("a new engine");
    let account = account(&engine, "acme").await;
    let endpoint = endpoint_at(&engine, account, receiver.url("webhooks")).await;
    let answers = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&answers);
    receiver.answer_by(move |_| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.expect("never closed").forget();
            200
        }
    });
    let events = (0..DELIVERIES).map(|number| completed(&engine, account, &number.to_string()));
    for accepted in engine.ingest_batch(events.collect()).await {
        accepted.expect("accepted");
    }
    receiver.arrived(DELIVERIES).await;

    let lock = Lock::of(&database).await;
    answers.add_permits(DELIVERIES);
    while answers.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        clock.advance(lease);
        engine.wake();
    }
    lock.release().await;

    while log(&engine, account, endpoint, &Filter::default(), 100).await.iter().any(|it| it.state != State::Delivered) {
        tokio::task::yield_now().await;
    }
    answers.add_permits(1);
    engine.ingest(completed(&engine, account, "afterwards")).await.expect("accepted");
    assert_eq!(receiver.arrived(DELIVERIES + 1).await.len(), DELIVERIES + 1, "each is sent once");
    let stored = log(&engine, account, endpoint, &Filter::default(), 100).await;
    assert!(stored.iter().all(|it| it.attempts <= 1), "{stored:?}");
    running.stop(CancellationToken::new()).await;
    assert!(engine.check().await.expect("a ledger").is_clean());
    engine.close().await;
}

/// So many webhooks that fail alike are hardly at fault.
const WEBHOOKS: usize = 12;

on_each_database!(no_webhook_is_disabled_while_most_that_worked_fail_alike);
async fn no_webhook_is_disabled_while_most_that_worked_fail_alike(database: TestDatabase) {
    let receiver = Receiver::start().await;
    let settings = Settings { schedule: Schedule::new(vec![Duration::from_secs(30)], 0), ..Settings::default() };
    let (engine, clock) = engine(&database, settings, vec![receiver.authority.clone()]);
    let running = engine.start().expect("a new engine");
    let account = account(&engine, "acme").await;
    let mut webhooks = Vec::new();
    for number in 0..WEBHOOKS {
        webhooks.push(endpoint_at(&engine, account, receiver.url(&number.to_string())).await);
    }
    let newest = async |webhook| -> Delivery { log(&engine, account, webhook, &Filter::default(), 1).await.remove(0) };
    engine.ingest(completed(&engine, account, "works")).await.expect("accepted");
    for &webhook in &webhooks {
        while newest(webhook).await.state != State::Delivered {
            tokio::task::yield_now().await;
        }
    }
    clock.advance(Duration::from_secs(1));
    // Ends its connection without an answer.
    receiver.answer_by(|_| async { std::panic::resume_unwind(Box::new("no answer")) });
    engine.ingest(completed(&engine, account, "fails")).await.expect("accepted");
    for round in 1..=4 {
        for &webhook in &webhooks {
            while newest(webhook).await.attempts < round {
                engine.wake();
                tokio::task::yield_now().await;
            }
            assert_eq!(newest(webhook).await.state, State::Pending, "in round {round}");
        }
        clock.advance(Duration::from_secs(31));
    }
    running.stop(CancellationToken::new()).await;
    engine.close().await;
}
