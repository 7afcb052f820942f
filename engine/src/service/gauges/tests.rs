use std::time::Duration;

use signet_model::time::Clock;

use super::*;
use crate::testing::{Hands, TestDatabase, account, completed, endpoint, on_each_database, resting_engine};

async fn what_waits_for_its_time_is_pending_and_only_what_is_due_is_old(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let read = async || queue(&engine.0).await.expect("the queue");
    assert_eq!(read().await, Queue { pending: 0, oldest_due_for: Duration::ZERO });
    let account = account(&engine, "acme").await;
    endpoint(&engine, account).await;
    let hands = Hands(&engine);
    let (accepted, started) = hands.ingest(completed(&engine, account, "task_1")).await;
    accepted.expect("accepted");
    assert_eq!(read().await, Queue { pending: 1, oldest_due_for: Duration::ZERO }, "it is being sent");
    for attempt in started {
        hands.finish(attempt, 500).await;
    }
    assert_eq!(read().await, Queue { pending: 1, oldest_due_for: Duration::ZERO }, "it waits for its retry");
    let due = engine.health().await.expect("the health").first_due.expect("a retry");
    clock.advance(due.since(clock.now()) + Duration::from_mins(7));
    assert_eq!(read().await, Queue { pending: 1, oldest_due_for: Duration::from_mins(7) });
}

on_each_database!(what_waits_for_its_time_is_pending_and_only_what_is_due_is_old);
