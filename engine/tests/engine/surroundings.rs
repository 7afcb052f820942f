//! What the page of a delivery shows beside it: its neighbours, the last one that worked, its retries, and
//! the signatures that its receiver expects.

use std::time::Duration;

use signet_engine::{
    service::{Error, deliveries::SecretInForce},
    testing::{Hands, TestDatabase, account, completed, endpoint, on_each_database, resting_engine},
};
use signet_model::{retry::Schedule, rotation::Overlap, signature};

on_each_database!(a_delivery_has_neighbours_and_one_that_worked_before);
async fn a_delivery_has_neighbours_and_one_that_worked_before(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let account = account(&engine, "acme").await;
    let endpoint = endpoint(&engine, account).await;
    let hands = Hands(&engine);
    let mut ids = Vec::new();
    for (task, status) in [("one", 200), ("two", 500), ("three", 500)] {
        clock.advance(Duration::from_secs(1));
        let in_flight = hands.ingest(completed(&engine, account, task)).await.1.remove(0);
        ids.push(in_flight.delivery());
        hands.finish(in_flight, status).await;
    }
    let owner = engine.as_operator_in(account);
    let detail = owner.delivery(ids[1]).get().await.expect("a delivery");
    let around = owner.delivery(ids[1]).surroundings(&detail.delivery).await.expect("found");
    assert_eq!((around.older, around.newer, around.worked), (Some(ids[0]), Some(ids[2]), Some(ids[0])));
    let delays = Schedule::default().delays().to_vec();
    assert_eq!((around.failures, around.retries_left), (1, delays[1..].to_vec()));
    let first = owner.delivery(ids[0]).get().await.expect("a delivery").delivery;
    let around = owner.delivery(ids[0]).surroundings(&first).await.expect("found");
    assert_eq!((around.older, around.newer, around.worked), (None, Some(ids[1]), None));

    // Another account finds nothing of it.
    let other = signet_engine::testing::account(&engine, "other").await;
    let refused = engine.as_operator_in(other).delivery(ids[1]).surroundings(&detail.delivery).await;
    assert!(matches!(refused, Err(Error::DeliveryNotFound)), "{refused:?}");
    let refused = engine.as_operator_in(other).endpoint(endpoint).verification(&detail).await;
    assert!(matches!(refused, Err(Error::EndpointNotFound)), "{refused:?}");
}

on_each_database!(the_signatures_that_a_receiver_expects_are_those_of_the_secrets_in_force);
async fn the_signatures_that_a_receiver_expects_are_those_of_the_secrets_in_force(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let account = account(&engine, "acme").await;
    let endpoint = endpoint(&engine, account).await;
    let hands = Hands(&engine);
    let in_flight = hands.ingest(completed(&engine, account, "task")).await.1.remove(0);
    let id = in_flight.delivery();
    let owner = engine.as_operator_in(account);
    let waiting = owner.delivery(id).get().await.expect("a delivery");
    assert_eq!(owner.endpoint(endpoint).verification(&waiting).await.expect("an answer"), None);
    hands.finish(in_flight, 200).await;
    let detail = owner.delivery(id).get().await.expect("a delivery");
    let body = detail.body.clone().expect("a body");
    let secret = owner.endpoint(endpoint).reveal_secret().await.expect("a secret");
    let alone = owner.endpoint(endpoint).verification(&detail).await.expect("an answer").expect("an attempt");
    assert_eq!((alone.attempt, alone.id, alone.expected.len()), (1, id, 1));
    assert!(signature::verify_hex(&secret, body.as_bytes(), &alone.expected[0].signatures.hex));
    let next = owner.endpoint(endpoint).rotate(Overlap::Day).await.expect("begun").next;
    let both = owner.endpoint(endpoint).verification(&detail).await.expect("an answer").expect("an attempt");
    assert_eq!(both.expected.iter().map(|it| it.by).collect::<Vec<_>>(), [SecretInForce::Current, SecretInForce::Next]);
    let time = both.timestamp.to_string();
    let standard = &both.expected[1].signatures.standard;
    assert!(signature::verify_standard(&next, &id.to_string(), &time, body.as_bytes(), standard));
}
