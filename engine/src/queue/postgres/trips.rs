//! The trips of a batch, and what is known of it when its session ends.

use std::time::Duration;

use super::long_reader::{NOW, World};
use crate::{
    queue::{HotPath, Write, WriteError},
    testing::{self, TestDatabase},
};

/// Ends all other sessions of the database.
async fn end_sessions(database: &TestDatabase) {
    let others = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.run(&format!("SELECT pg_terminate_backend(pid, 10000) FROM {others}")).await;
}

async fn write(world: &mut World) -> Result<Write, WriteError> {
    let batch = world.events(1, NOW);
    world.driver.write(batch).await
}

#[tokio::test]
async fn a_batch_whose_session_has_ended_is_not_confirmed_and_the_next_one_is_written() {
    let Some(database) = testing::postgres().await else { return };
    let mut world = World::new(&database).await;
    assert_eq!(write(&mut world).await.expect("an answer"), Write::Committed);
    end_sessions(&database).await;
    let lost = write(&mut world).await;
    assert!(matches!(lost, Err(WriteError::Unconfirmed(_))), "{lost:?}");
    world.driver.renew();
    assert_eq!(write(&mut world).await.expect("an answer"), Write::Committed);
    assert_eq!(database.count("SELECT count(*) FROM events").await, 2);
}

#[tokio::test]
async fn a_session_that_ended_while_nobody_used_it_costs_no_batch_its_answer() {
    let Some(database) = testing::postgres().await else { return };
    let mut world = World::new(&database).await;
    assert_eq!(write(&mut world).await.expect("an answer"), Write::Committed);
    end_sessions(&database).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    let not_begun = write(&mut world).await;
    assert!(matches!(not_begun, Err(WriteError::RolledBack(_))), "{not_begun:?}");
    world.driver.renew();
    assert_eq!(write(&mut world).await.expect("an answer"), Write::Committed);
}
