use super::*;
use crate::testing::{Hands, TestDatabase, account, completed, endpoint, on_each_database, resting_engine};

async fn health_tells_of_all_accounts(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let empty = engine.health().await.expect("the health");
    assert_eq!((empty.queued, empty.first_due, empty.last_day.delivered), (Count::from(0), None, 0));
    let hands = Hands(&engine);
    let mut accounts = Vec::new();
    for name in ["good", "failing", "gone"] {
        let account = account(&engine, name).await;
        endpoint(&engine, account).await;
        accounts.push(account);
        let (accepted, started) = hands.ingest(completed(&engine, account, name)).await;
        accepted.expect("accepted");
        for attempt in started {
            let status = match name {
                "good" => 204,
                "failing" => 500,
                _ => 410,
            };
            hands.finish(attempt, status).await;
        }
    }
    let health = engine.health().await.expect("the health");
    assert_eq!((health.last_hour.delivered, health.last_hour.failed_attempts), (1, 2));
    assert_eq!(health.last_day.failed_deliveries, health.last_hour.failed_deliveries);
    assert_eq!(health.queued, Count::from(1));
    assert!(health.first_due.is_some() && health.stuck.is_empty());
    let names = |ill: &[Ill]| ill.iter().map(|it| it.account_name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&health.failing), ["failing"]);
    assert_eq!(names(&health.disabled), ["gone"]);
    assert_eq!(health.disabled[0].reason, Some(DisabledReason::Gone));
    assert_eq!(health.failing[0].failures, 1);

    clock.advance(HOUR * 3);
    let later = engine.health().await.expect("the health");
    assert_eq!((later.last_hour.delivered, later.last_day.delivered), (0, 1));
    assert_eq!(names(&later.stuck), ["failing"], "its retry is due and nothing sends it");
    assert_eq!(later.stuck[0].account, accounts[1]);
    assert!(later.failing.is_empty(), "it was not tried of late");
}

on_each_database!(health_tells_of_all_accounts);

async fn a_webhook_that_a_person_paused_is_not_ill(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let account = account(&engine, "acme").await;
    let endpoint = endpoint(&engine, account).await;
    engine.as_operator_in(account).endpoint(endpoint).pause().await.expect("paused");
    assert!(engine.health().await.expect("the health").disabled.is_empty());
}

on_each_database!(a_webhook_that_a_person_paused_is_not_ill);
