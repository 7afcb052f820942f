//! Deliveries that cannot be used as they are stored.

use signet_engine::{
    service::{Error, deliveries::Filter},
    testing::{TestDatabase, on_each_database, sqlite},
};
use signet_model::{DeliveryId, delivery::State};

use super::world::World;

/// Two deliveries for each webhook, due; the first one of the bad webhook is spoilt.
async fn spoilt(world: &World<'_>, sql: &str) -> DeliveryId {
    let mut in_flight = world.ingest("first").await;
    in_flight.extend(world.ingest("second").await);
    world.crash(in_flight);
    let log = world.log(world.acme, world.bad).await;
    let (delivery, event) = (log[1].id, log[1].event);
    world.database.drop_constraints("deliveries").await;
    let sql = sql
        .replace("{delivery}", &world.database.literal(delivery.uuid()))
        .replace("{event}", &world.database.literal(event.uuid()));
    world.database.run(&sql).await;
    delivery
}

on_each_database!(a_delivery_that_cannot_be_read_is_held_alone);
async fn a_delivery_that_cannot_be_read_is_held_alone(database: TestDatabase) {
    let breaks = [
        ("UPDATE deliveries SET event_type = 'Order Paid' WHERE id = {delivery}", false),
        ("UPDATE events SET body = CAST(X'FF' AS TEXT) WHERE id = {event}", true),
        ("UPDATE deliveries SET attempts = 99999999999 WHERE id = {delivery}", true),
        ("UPDATE deliveries SET event_type = CAST(X'FF' AS TEXT) WHERE id = {delivery}", true),
    ];
    for (sql, only_sqlite) in breaks {
        let database = database.another().await;
        let world = World::new(&database).await;
        if only_sqlite && !world.is_sqlite() {
            continue;
        }
        let delivery = spoilt(&world, sql).await;
        let claimed = world.hands().claim().await;
        let [acme, neighbour] = [[world.good; 2], [world.other; 2]];
        // The body of one event is sent to both webhooks of its account.
        let of_both = sql.contains("body");
        let good = if of_both { &acme[..1] } else { &acme[..] };
        world.deliver(claimed, [&[world.bad][..], good, &neighbour].concat()).await;
        let held = database.count("SELECT count(*) FROM deliveries WHERE state = 'held'").await;
        assert_eq!(held, if of_both { 2 } else { 1 }, "{sql}");
        assert!(world.hands().claim().await.is_empty());
        if !of_both {
            let (rows, example) = world.unusable().await;
            assert!(rows == 1 && example.starts_with(&delivery.to_string()), "{sql}: {example}");
        }
    }
}

on_each_database!(a_delivery_without_a_body_is_held_alone);
async fn a_delivery_without_a_body_is_held_alone(database: TestDatabase) {
    let world = World::new(&database).await;
    spoilt(&world, "UPDATE events SET body = NULL WHERE id = {event}").await;
    let claimed = world.hands().claim().await;
    world.deliver(claimed, vec![world.bad, world.good, world.other, world.other]).await;
    assert_eq!(world.states(world.acme, world.bad).await, [State::Delivered, State::Held]);
}

#[tokio::test]
async fn on_sqlite_a_delivery_with_an_id_that_is_none_is_held_alone() {
    let database = sqlite().await;
    let world = World::new(&database).await;
    // The claim's thread has a connection of its own, which goes by the constraints.
    spoilt(&world, "UPDATE deliveries SET id = X'0102' WHERE id = {delivery}").await;
    let claimed = world.hands().claim().await;
    world.deliver(claimed, [[world.bad].as_slice(), &[world.good; 2], &[world.other; 2]].concat()).await;
    assert_eq!(database.count("SELECT count(*) FROM deliveries WHERE state = 'held'").await, 1);
    assert_eq!(world.log(world.acme, world.bad).await.len(), 1, "no page could name it");
}

on_each_database!(the_log_lists_unreadable_deliveries_among_the_rest);
async fn the_log_lists_unreadable_deliveries_among_the_rest(database: TestDatabase) {
    for column in ["event_type = 'Order Paid'", "state = 'parked', due_at = NULL, lease = NULL"] {
        let database = database.another().await;
        let world = World::new(&database).await;
        let sql = format!("UPDATE deliveries SET {column} WHERE id = {{delivery}}");
        let delivery = spoilt(&world, &sql).await;
        let log = world
            .engine
            .as_operator_in(world.acme)
            .endpoint(world.bad)
            .deliveries(&Filter::default(), 10)
            .await
            .expect("the log");
        assert!(log[0].is_ok() && log[1].as_ref().is_err_and(|it| it.id == delivery), "{log:?}");
        let found = world.engine.as_operator_in(world.acme).delivery(delivery).get().await;
        assert!(matches!(found, Err(Error::UnusableDelivery(it)) if it.id == delivery));
        assert!(world.engine.as_operator_in(world.acme).delivery(delivery).resend().await.is_err());
    }
}

on_each_database!(a_failure_of_a_newer_version_is_a_failure);
async fn a_failure_of_a_newer_version_is_a_failure(database: TestDatabase) {
    let world = World::new(&database).await;
    for one in world.ingest("task").await {
        world.hands().finish(one, 200).await;
    }
    database.run("UPDATE attempts SET failure = 'quantum_decay', request_headers = '{'").await;
    let delivery = world.log(world.acme, world.bad).await[0].clone();
    assert!(delivery.last_outcome.is_some_and(|outcome| !outcome.is_success()), "{delivery:?}");
    let detail = world.engine.as_operator_in(world.acme).delivery(delivery.id).get().await.expect("a delivery");
    assert!(!detail.attempts[0].outcome().is_success() && detail.attempts[0].request_headers.is_empty());
}
