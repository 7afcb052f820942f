//! What a restore marks, and what it ends.

use std::time::Duration;

use signet_model::{DeliveryId, Subscriptions};

use super::*;
use crate::{
    Engine,
    clock::ManualClock,
    testing::{Hands, TestDatabase, account, completed, endpoint, on_each_database, owner, resting_engine},
};

async fn restored_at(engine: &Engine, account: signet_model::AccountId, id: DeliveryId) -> Option<Timestamp> {
    engine.as_operator_in(account).delivery(id).get().await.expect("a delivery").delivery.restored_at
}

async fn mark(engine: &Engine, clock: &ManualClock) -> Marked {
    clock.advance(Duration::from_mins(1));
    let marked = engine.restores().mark(&Operator::command(), None).await.expect("marked");
    clock.advance(Duration::from_mins(1));
    marked
}

on_each_database!(what_was_not_known_to_be_delivered_is_marked_and_nothing_else_is);
async fn what_was_not_known_to_be_delivered_is_marked_and_nothing_else_is(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    endpoint(&engine, acme).await;
    let hands = Hands(&engine);
    let mut taken = hands.ingest(completed(&engine, acme, "delivered")).await.1;
    let delivered = taken[0].delivery();
    hands.finish(taken.remove(0), 200).await;
    let mut taken = hands.ingest(completed(&engine, acme, "pending")).await.1;
    let pending = taken[0].delivery();
    let marked = mark(&engine, &clock).await;
    assert_eq!((marked.pending, marked.held, marked.failed), (1, 0, 0), "{marked:?}");
    let fresh = hands.ingest(completed(&engine, acme, "fresh")).await.1[0].delivery();
    let at = Some(marked.restored_at);
    for (id, expected) in [(delivered, None), (pending, at), (fresh, None)] {
        assert_eq!(restored_at(&engine, acme, id).await, expected);
    }
    hands.finish(taken.remove(0), 200).await;
    assert_eq!(restored_at(&engine, acme, pending).await, at, "the mark stays when it has arrived");
    let ledger = engine.check().await.expect("checked");
    assert_eq!((ledger.restores, ledger.may_repeat, ledger.findings), (vec![marked.restored_at], 1, vec![]));
}

on_each_database!(held_and_failed_deliveries_are_marked_by_each_restore);
async fn held_and_failed_deliveries_are_marked_by_each_restore(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let webhook = endpoint(&engine, acme).await;
    let hands = Hands(&engine);
    let mut taken = hands.ingest(completed(&engine, acme, "failed")).await.1;
    let failed = taken[0].delivery();
    // The webhook is disabled by that.
    hands.finish(taken.remove(0), 410).await;
    hands.ingest(completed(&engine, acme, "held")).await.0.expect("accepted");
    let first = mark(&engine, &clock).await;
    assert_eq!((first.pending, first.held, first.failed), (0, 1, 1), "{first:?}");
    let second = mark(&engine, &clock).await;
    assert!(second.restored_at > first.restored_at);
    assert_eq!(restored_at(&engine, acme, failed).await, Some(second.restored_at), "the last one counts");
    let handle = engine.as_operator_in(acme).endpoint(webhook);
    handle.enable().await.expect("enabled");
    handle.release(&Subscriptions::all()).await.expect("released");
    assert_eq!(engine.check().await.expect("checked").may_repeat, 2);
}

on_each_database!(a_restore_ends_sessions_and_links_and_stands_in_the_audit_log);
async fn a_restore_ends_sessions_and_links_and_stands_in_the_audit_log(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let session = owner(&engine, acme, "me@example.com").await;
    let is_alive = async || engine.sessions().still(session.reveal()).await.expect("an answer").is_some();
    assert!(is_alive().await);
    let other = account(&engine, "other").await;
    let link = engine.as_operator_in(other).create_setup_link().await.expect("a link");
    engine.sealing().tell(uuid::Uuid::from_bytes([1; 16])).await.expect("told");
    let marked = mark(&engine, &clock).await;
    assert_eq!((marked.sessions, marked.links), (1, 1), "{marked:?}");
    assert!(!is_alive().await, "the session goes on");
    assert!(engine.invitations().find(&link).await.expect("an answer").is_none(), "the link works");
    assert_eq!(engine.sealing().servers().await.expect("counted"), 0);
    let log = engine.audit_log().page(&crate::audit::Filter::default(), None, 1).await.expect("a page").entries;
    assert_eq!(log[0].action, "database.restored");
}

on_each_database!(a_server_marks_what_it_sends_from_before_the_restore);
async fn a_server_marks_what_it_sends_from_before_the_restore(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let now = engine.clock().now();
    let delivery = |at: Timestamp| DeliveryId::new(at, [1; 10]);
    engine.restores().remember().await.expect("read");
    let covers = |engine: &Engine, at| engine.0.delivery.last_restore.covers(delivery(at));
    assert!(!covers(&engine, now), "there was no restore");
    let marked = mark(&engine, &clock).await;
    let (another, _) = resting_engine(&database);
    assert!(!covers(&another, now), "it has not looked");
    another.restores().remember().await.expect("read");
    assert!(covers(&another, marked.restored_at) && !covers(&another, marked.restored_at + Duration::from_secs(1)));
}

on_each_database!(an_instant_that_is_given_leaves_out_what_came_later);
async fn an_instant_that_is_given_leaves_out_what_came_later(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    endpoint(&engine, acme).await;
    let hands = Hands(&engine);
    let before = hands.ingest(completed(&engine, acme, "before")).await.1[0].delivery();
    let at = engine.clock().now() + Duration::from_secs(1);
    clock.advance(Duration::from_secs(2));
    let after = hands.ingest(completed(&engine, acme, "after")).await.1[0].delivery();
    let marked = engine.restores().mark(&Operator::command(), Some(at)).await.expect("marked");
    assert_eq!((marked.restored_at, marked.pending), (at, 1));
    assert_eq!(restored_at(&engine, acme, before).await, Some(at));
    assert_eq!(restored_at(&engine, acme, after).await, None);
}
