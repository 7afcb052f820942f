//! Stored numbers that are out of the range of instants or amounts.

use signet_engine::testing::{TestDatabase, on_each_database};

use super::world::World;

on_each_database!(instants_without_end_are_read_and_shown);
async fn instants_without_end_are_read_and_shown(database: TestDatabase) {
    let world = World::new(&database).await;
    let end = if world.is_sqlite() { "9223372036854775807" } else { "'infinity'" };
    let beginning = if world.is_sqlite() { "-9223372036854775807" } else { "'-infinity'" };
    world.crash(world.ingest("task").await);
    world.spoil_endpoint(&format!("created_at = {beginning}, updated_at = {end}")).await;
    database.run(&format!("UPDATE deliveries SET created_at = {end}")).await;
    database.run(&format!("UPDATE events SET occurred_at = {beginning}")).await;
    database.run(&format!("UPDATE accounts SET created_at = {end}")).await;
    database.run(&format!("UPDATE endpoint_queues SET next_due_at = {beginning}")).await;

    assert_eq!(world.engine.as_operator_in(world.acme).endpoints().list().await.expect("a list").len(), 2);
    let delivery = world.log(world.acme, world.bad).await[0].clone();
    assert_eq!(delivery.created_at.rfc3339_seconds(), "9999-12-31T23:59:59Z");
    let detail = world.engine.as_operator_in(world.acme).delivery(delivery.id).get().await.expect("a delivery");
    assert_eq!(detail.occurred_at.rfc3339_seconds(), "0000-01-01T00:00:00Z");
    world.engine.as_operator_in(world.acme).get().await.expect("the account");
    world.deliver(world.hands().claim().await, vec![world.bad, world.good, world.other]).await;
}

on_each_database!(a_balance_that_is_no_amount_is_as_if_none_was_reported);
async fn a_balance_that_is_no_amount_is_as_if_none_was_reported(database: TestDatabase) {
    let world = World::new(&database).await;
    let _running = world.engine.start().expect("a new engine");
    let values: &[&str] = if world.is_sqlite() { &["9e999", "-9e999"] } else { &["'NaN'", "1e400", "1e-400"] };
    for value in values {
        database.run(&format!("UPDATE accounts SET balance = {value}, balance_threshold = {value}")).await;
        let account = world.engine.as_operator_in(world.acme).get().await.expect("an account");
        assert_eq!((account.balance, account.balance_threshold), (None, None), "{value}");
        assert_eq!(world.unusable().await.0, 2, "{value}");
        world.engine.as_operator_in(world.acme).set_balance("5".parse().expect("an amount")).await.expect("set");
        world.engine.as_operator_in(world.acme).set_balance_threshold(None).await.expect("cleared");
        assert_eq!(world.unusable().await.0, 1, "the neighbour’s is left: {value}");
    }
}
