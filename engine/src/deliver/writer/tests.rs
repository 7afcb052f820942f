//! Requests of one account delay no other account.

use std::time::Duration;

use futures_util::{FutureExt, future::join_all};
use signet_model::{AccountId, Amount, DeliveryId};
use sqlx::Transaction;

use crate::{
    Engine,
    db::{Database, Pool, Postgres},
    deliver::ingest::{IngestError, NewEvent},
    testing::{Hands, TestDatabase, account, api_key, completed, endpoint, on_each_database, postgres, resting_engine},
};

const LIMIT: Duration = Duration::from_secs(30);

fn amount(text: &str) -> Amount {
    text.parse().expect("an amount")
}

fn events(engine: &Engine, account: AccountId, count: usize) -> Vec<NewEvent> {
    (0..count).map(|number| completed(engine, account, &format!("task_{number}"))).collect()
}

/// Two accounts with an endpoint each, at which no receiver listens.
async fn neighbours(engine: &Engine) -> [AccountId; 2] {
    let accounts = [account(engine, "bad").await, account(engine, "good").await];
    for account in accounts {
        endpoint(engine, account).await;
    }
    accounts
}

/// The number of recorded attempts at a delivery.
async fn attempts(engine: &Engine, account: AccountId, delivery: DeliveryId) -> usize {
    engine.as_operator_in(account).delivery(delivery).get().await.expect("the delivery").attempts.len()
}

/// Locks an account's row until the transaction ends.
async fn lock_account(db: &Postgres, account: AccountId) -> Transaction<'static, sqlx::Postgres> {
    let mut lock = db.pool.begin().await.expect("a transaction");
    let sql = "SELECT id FROM accounts WHERE id = $1 FOR UPDATE";
    sqlx::query(sql).bind(account).execute(&mut *lock).await.expect("a lock");
    lock
}

#[tokio::test]
async fn events_and_balances_of_a_locked_account_wait_alone() {
    let Some(database) = postgres().await else { return };
    let Database::Postgres(db) = &database.db else { unreachable!("asked for PostgreSQL") };
    let (engine, _) = resting_engine(&database);
    let [bad, good] = neighbours(&engine).await;
    let lock = lock_account(db, bad).await;
    let _running = engine.start().expect("a new engine");

    let waiting = tokio::spawn({
        let (engine, events) = (engine.clone(), events(&engine, bad, 3));
        async move {
            let balance = engine.as_operator_in(bad).set_balance(amount("1"));
            tokio::join!(engine.ingest_batch(events), balance)
        }
    });
    for _ in 0..3 {
        let answers = engine.ingest_batch(events(&engine, good, 3)).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!(engine.as_operator_in(good).set_balance(amount("1")).await, Ok(()));
    }
    assert!(!waiting.is_finished(), "it waits for the lock");
    lock.rollback().await.expect("unlocked");
    let (answers, balance) = waiting.await.expect("no panic");
    assert!(answers.iter().all(Result::is_ok) && balance.is_ok(), "{answers:?} {balance:?}");
}

#[tokio::test]
async fn requests_of_an_account_that_stays_locked_are_refused_alone() {
    let Some(database) = postgres().await else { return };
    let Database::Postgres(db) = &database.db else { unreachable!("asked for PostgreSQL") };
    let (engine, _) = resting_engine(&database);
    let [bad, good] = neighbours(&engine).await;
    let _lock = lock_account(db, bad).await;
    let _running = engine.start().expect("a new engine");
    let both = [events(&engine, bad, 1), events(&engine, good, 1)].concat();
    let answers = engine.ingest_batch(both).await;
    assert_eq!(answers[0], Err(IngestError::Overloaded));
    assert!(answers[1].is_ok(), "{answers:?}");
}

#[tokio::test]
async fn outcomes_of_a_locked_account_wait_alone() {
    let Some(database) = postgres().await else { return };
    let Database::Postgres(db) = &database.db else { unreachable!("asked for PostgreSQL") };
    let (engine, _) = resting_engine(&database);
    let accounts = neighbours(&engine).await;
    let hands = Hands(&engine);
    let mut outcomes = Vec::new();
    for account in accounts {
        let in_flight = hands.ingest(completed(&engine, account, "task")).await.1.pop().expect("a delivery");
        outcomes.push((in_flight.delivery(), hands.judge(in_flight, 500)));
    }
    let lock = lock_account(db, accounts[0]).await;
    let _running = engine.start().expect("a new engine");

    let mut deliveries = Vec::new();
    for (delivery, outcome) in outcomes {
        deliveries.push(delivery);
        engine.0.delivery.outcomes.send(outcome).await.expect("a writer");
    }
    let [waiting, recorded] = [0, 1].map(|one| (accounts[one], deliveries[one]));
    engine.as_operator_in(recorded.0).delivery(recorded.1).await_attempt(LIMIT).await.expect("an answer");
    assert_eq!(attempts(&engine, recorded.0, recorded.1).await, 1);
    assert_eq!(attempts(&engine, waiting.0, waiting.1).await, 0, "it waits for the lock");
    lock.rollback().await.expect("unlocked");
    engine.as_operator_in(waiting.0).delivery(waiting.1).await_attempt(LIMIT).await.expect("an answer");
    assert_eq!(attempts(&engine, waiting.0, waiting.1).await, 1);
}

#[tokio::test]
async fn a_claim_leaves_out_an_account_that_is_locked() {
    let Some(database) = postgres().await else { return };
    let Database::Postgres(db) = &database.db else { unreachable!("asked for PostgreSQL") };
    let (engine, clock) = resting_engine(&database);
    let [bad, good] = neighbours(&engine).await;
    let hands = Hands(&engine);
    for account in [bad, good] {
        drop(hands.ingest(completed(&engine, account, "task")).await);
    }
    clock.advance(Duration::from_mins(2));
    let lock = lock_account(db, bad).await;
    assert_eq!(hands.claim().await.len(), 1, "the neighbour's");
    lock.rollback().await.expect("unlocked");
    assert_eq!(hands.claim().await.len(), 1, "its own");
}

on_each_database!(a_huge_fanout_goes_into_several_commits_with_its_neighbours_between);
async fn a_huge_fanout_goes_into_several_commits_with_its_neighbours_between(database: TestDatabase) {
    const ENDPOINTS: usize = 40;
    const EVENTS: usize = 150;
    let (maker, _) = resting_engine(&database);
    let [huge, small] = [account(&maker, "huge").await, account(&maker, "small").await];
    for _ in 0..ENDPOINTS {
        endpoint(&maker, huge).await;
    }
    // Held deliveries are stored like the others, and not attempted.
    database.run("UPDATE endpoints SET disabled_at = created_at, disabled_reason = 'paused'").await;
    let (engine, _) = resting_engine(&database);
    let mut batch = Box::pin(engine.ingest_batch(events(&engine, huge, EVENTS)));
    assert!((&mut batch).now_or_never().is_none(), "it waits for the writer");
    let mut others = Box::pin(join_all(events(&engine, small, 50).into_iter().map(|event| engine.ingest(event))));
    assert!((&mut others).now_or_never().is_none(), "they stand behind it");
    let _running = engine.start().expect("a new engine");

    let answers = tokio::select! {
        biased;
        answers = &mut others => answers,
        _ = &mut batch => panic!("the neighbour waited until the huge batch was stored"),
    };
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let answers = batch.await;
    assert!(answers.iter().all(|answer| answer.is_ok_and(|accepted| accepted.deliveries == 40)), "{answers:?}");
    assert_eq!(database.count("SELECT count(*) FROM deliveries").await, 6_000, "whole when it is answered");
    assert!(engine.check().await.expect("a ledger").is_clean());
}

/// Counts the updates of balances.
async fn count_updates(database: &TestDatabase) {
    database.run("CREATE TABLE counted (account_id TEXT)").await;
    match &database.db {
        Database::Sqlite(_) => {
            let sql = "CREATE TRIGGER counts AFTER UPDATE OF balance ON accounts
                       BEGIN INSERT INTO counted VALUES (new.name); END";
            database.run(sql).await;
        }
        Database::Postgres(_) => {
            let sql = "CREATE FUNCTION counts() RETURNS trigger LANGUAGE plpgsql
                       AS $$ BEGIN INSERT INTO counted VALUES (new.name); RETURN new; END $$;
                       CREATE TRIGGER counts AFTER UPDATE OF balance ON accounts FOR EACH ROW EXECUTE FUNCTION counts()";
            database.run(sql).await;
        }
    }
}

on_each_database!(many_balances_of_an_account_are_one_update_and_each_crossing_is_told);
async fn many_balances_of_an_account_are_one_update_and_each_crossing_is_told(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let [busy, other] = neighbours(&engine).await;
    count_updates(&database).await;
    let balances = ["60", "40"].into_iter().cycle().take(200);
    let crowd = balances.map(|text| engine.as_operator_in(busy).set_balance(amount(text)));
    let threshold = engine.as_operator_in(busy).set_balance_threshold(Some(amount("50")));
    let events = engine.ingest_batch(events(&engine, other, 20));
    let mut all = Box::pin(async { tokio::join!(threshold, join_all(crowd), events) });
    assert!((&mut all).now_or_never().is_none(), "they wait for the writer");
    let _running = engine.start().expect("a new engine");
    let (threshold, balances, events) = all.await;
    assert!(threshold.is_ok() && balances.iter().all(Result::is_ok), "{threshold:?} {balances:?}");
    assert!(events.iter().all(Result::is_ok), "{events:?}");
    assert_eq!(database.count("SELECT count(*) FROM counted").await, 1);
    assert_eq!(database.count("SELECT count(*) FROM events WHERE event_type = 'balance.low'").await, 100);
    assert_eq!(engine.as_operator_in(busy).get().await.expect("an account").balance, Some(amount("40")));
}

on_each_database!(balances_are_refused_like_events_when_the_queue_is_full);
async fn balances_are_refused_like_events_when_the_queue_is_full(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let [busy, other] = neighbours(&engine).await;
    let mut crowd = Box::pin(join_all((0..2_048).map(|_| engine.as_operator_in(busy).set_balance(amount("1")))));
    assert!((&mut crowd).now_or_never().is_none(), "they wait for the writer");
    assert_eq!(
        engine.as_operator_in(other).set_balance(amount("1")).now_or_never(),
        Some(Err(IngestError::Overloaded))
    );
    let event = completed(&engine, other, "task");
    assert_eq!(engine.ingest(event).now_or_never(), Some(Err(IngestError::Overloaded)));
    let _running = engine.start().expect("a new engine");
    assert!(crowd.await.iter().all(Result::is_ok));
    assert_eq!(engine.as_operator_in(other).set_balance(amount("1")).await, Ok(()));
}

on_each_database!(a_balance_of_an_account_that_does_not_exist_is_refused);
async fn a_balance_of_an_account_that_does_not_exist_is_refused(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let _running = engine.start().expect("a new engine");
    let unknown = AccountId::new(engine.0.clock.now(), [9; 10]);
    assert_eq!(engine.as_operator_in(unknown).set_balance(amount("1")).await, Err(IngestError::UnknownAccount));
}

/// Takes all connections that pages have.
async fn hold_pages(database: &Database) -> Box<dyn std::any::Any> {
    match database {
        Database::Sqlite(db) => {
            let all = (0..db.readers.of(Pool::Pages).options().get_max_connections())
                .map(|_| db.readers.of(Pool::Pages).acquire());
            Box::new(join_all(all).await)
        }
        Database::Postgres(db) => {
            let all = (0..db.pool.options().get_max_connections()).map(|_| db.pool.acquire());
            Box::new(join_all(all).await)
        }
    }
}

on_each_database!(pages_that_hold_all_their_connections_stop_no_event);
async fn pages_that_hold_all_their_connections_stop_no_event(database: TestDatabase) {
    let (maker, _) = resting_engine(&database);
    let [account, _] = neighbours(&maker).await;
    let (_, key) = api_key(&maker, Some(account), "key").await;
    let (engine, clock) = resting_engine(&database);
    let _pages = hold_pages(&database.db).await;
    let hands = Hands(&engine);
    assert!(engine.authenticate(&key).await.expect("an answer").is_some());
    assert_eq!(engine.accounts().find_all(&["bad"]).await.expect("an answer").get("bad"), Some(&account));
    let (accepted, in_flight) = hands.ingest(completed(&engine, account, "task")).await;
    assert_eq!(accepted.expect("accepted").deliveries, 1);
    drop(in_flight);
    clock.advance(Duration::from_mins(2));
    assert_eq!(hands.claim().await.len(), 1);
}
