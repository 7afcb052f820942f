//! What a transaction of the hot path leaves behind that is not committed, on a
//! connection that is kept.

use signet_model::{AccountId, EventId, event::EventType};

use super::*;
use crate::testing::{TestDatabase, account, postgres, resting_engine};

/// Two accounts as a batch assumes them to be, the second with a wrong revision.
async fn accounts(database: &TestDatabase) -> Vec<(AccountId, i64)> {
    let (engine, _) = resting_engine(database);
    vec![(account(&engine, "as it was").await, 0), (account(&engine, "changed").await, 7)]
}

/// Fails if a transaction holds an account.
async fn lock_all(database: &TestDatabase) {
    database.run("SELECT id FROM accounts FOR UPDATE NOWAIT").await;
}

#[tokio::test]
async fn a_stale_batch_leaves_no_account_locked() {
    let Some(database) = postgres().await else { return };
    let accounts = accounts(&database).await;
    let mut hot = HotConnection::new(&database.db);
    let written = hot.write(Batch { accounts, ..Batch::default() }).await;
    assert!(matches!(written, Ok(Write::Stale)), "{written:?}");
    lock_all(&database).await;
}

#[tokio::test]
async fn a_batch_that_fails_leaves_no_account_locked() {
    let Some(database) = postgres().await else { return };
    let known = accounts(&database).await[0];
    let now = Timestamp::from_unix_seconds(1_774_699_200);
    let event = || EventRow {
        id: EventId::new(now, [1; 10]),
        account: known.0,
        event_type: EventType::TaskFailed,
        body: "{}".into(),
        task_id: None,
        occurred_at: now,
        accepted_at: now,
        fanout: 0,
        is_test: false,
    };
    let batch = Batch { accounts: vec![known], events: vec![event(), event()], ..Batch::default() };
    let mut hot = HotConnection::new(&database.db);
    let written = hot.write(batch).await;
    assert!(matches!(written, Err(WriteError::RolledBack(_))), "{written:?}");
    lock_all(&database).await;
}

#[tokio::test]
async fn a_claim_by_what_has_changed_leaves_no_account_locked() {
    let Some(database) = postgres().await else { return };
    let accounts = accounts(&database).await;
    let now = Timestamp::from_unix_seconds(1_774_699_200);
    let order = ClaimOrder { accounts, endpoints: Vec::new(), now, until: now, lease: Lease(1) };
    let mut hot = HotConnection::new(&database.db);
    assert!(hot.claim(order).await.expect("an answer").is_none());
    lock_all(&database).await;
}
