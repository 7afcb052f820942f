//! Rows of `endpoint_queues` that cannot be used.

use signet_engine::testing::sqlite;

use super::world::World;

#[tokio::test]
async fn on_sqlite_a_queue_with_unreadable_ids_takes_no_place_in_a_claim() {
    let database = sqlite().await;
    let world = World::new(&database).await;
    world.crash(world.ingest("task").await);
    // More than one claim looks at, and all of them due before the others.
    database
        .run(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
             INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at)
             SELECT CAST(printf('%04d', i) AS BLOB), X'01', 0 FROM n",
        )
        .await;
    world.deliver(world.hands().claim().await, vec![world.bad, world.good, world.other]).await;
}
