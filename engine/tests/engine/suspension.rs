//! A suspended account takes no events, nothing of it is sent, and nothing is lost.

use std::time::Duration;

use signet_engine::{
    deliver::ingest::IngestError,
    service::deliveries::Filter,
    testing::{Hands, TestDatabase, account, assert_adds_up, completed, endpoint, on_each_database, resting_engine},
};

on_each_database!(what_waits_for_a_suspended_account_goes_out_when_it_is_resumed);
async fn what_waits_for_a_suspended_account_goes_out_when_it_is_resumed(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let hands = Hands(&engine);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let ours = endpoint(&engine, acme).await;
    endpoint(&engine, other).await;
    for account in [acme, other] {
        let (_, mut in_flight) = hands.ingest(completed(&engine, account, "task")).await;
        hands.finish(in_flight.remove(0), 500).await;
    }
    let (_, mut in_flight) = hands.ingest(completed(&engine, acme, "in flight")).await;

    engine.as_operator_in(acme).suspend().await.expect("suspended");
    assert!(engine.as_operator_in(acme).get().await.expect("the account").suspended_at.is_some());
    let (refused, none) = hands.ingest(completed(&engine, acme, "refused")).await;
    assert_eq!((refused, none.len()), (Err(IngestError::Suspended), 0));
    assert!(hands.is_closed(acme, ours), "a delivery in a lane is not sent either");
    // An attempt that was under way is recorded.
    hands.finish(in_flight.remove(0), 500).await;

    clock.advance(Duration::from_hours(1));
    for _ in 0..2 {
        for claimed in hands.claim().await {
            assert_ne!(claimed.endpoint(), ours, "a suspended account has its turn later");
            hands.finish(claimed, 200).await;
        }
    }
    assert_adds_up(&engine).await;

    engine.as_operator_in(acme).resume().await.expect("resumed");
    assert!(!hands.is_closed(acme, ours));
    let claimed = hands.claim().await;
    assert_eq!(
        claimed.iter().map(signet_engine::testing::InFlight::endpoint).collect::<Vec<_>>(),
        [ours, ours],
        "nothing is lost"
    );
    for delivery in claimed {
        hands.finish(delivery, 200).await;
    }
    assert!(hands.ingest(completed(&engine, acme, "accepted")).await.0.is_ok());
}

on_each_database!(the_warning_of_a_balance_waits_while_its_account_is_suspended);
async fn the_warning_of_a_balance_waits_while_its_account_is_suspended(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let ours = endpoint(&engine, acme).await;
    let running = engine.start().expect("the first start");
    let account = engine.as_operator_in(acme);
    account.set_balance_threshold(Some("50".parse().expect("an amount"))).await.expect("a threshold");
    account.suspend().await.expect("suspended");
    account.set_balance("10".parse().expect("an amount")).await.expect("a balance");
    let log = account.endpoint(ours).deliveries(&Filter::default(), 10).await.expect("a log");
    assert_eq!(log.len(), 1, "the crossing is kept");
    running.stop(tokio_util::sync::CancellationToken::new()).await;
}

on_each_database!(suspending_and_resuming_can_be_repeated);
async fn suspending_and_resuming_can_be_repeated(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let account = engine.as_operator_in(acme);
    account.suspend().await.expect("suspended");
    let since = account.get().await.expect("the account").suspended_at;
    clock.advance(Duration::from_secs(5));
    account.suspend().await.expect("suspended again");
    assert_eq!(account.get().await.expect("the account").suspended_at, since, "the first time counts");
    for _ in 0..2 {
        account.resume().await.expect("resumed");
        assert_eq!(account.get().await.expect("the account").suspended_at, None);
    }
}
