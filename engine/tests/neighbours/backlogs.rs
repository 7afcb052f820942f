//! Decisions of a customer about a long backlog at one stroke.

use std::{future::pending, time::Duration};

use signet_engine::Settings;
use signet_model::{EndpointId, Subscriptions, Timestamp, delivery::State};

use crate::{backlog::fill, neighbourhood::Neighbourhood};

/// The number of deliveries in the backlog.
const DELIVERIES: u32 = 100_000;

/// The neighbourhoods in which the bad neighbour has a backlog at a receiver that
/// does not answer.
async fn with_backlog(state: State) -> Vec<(Neighbourhood, EndpointId)> {
    let settings = Settings { budget: Duration::from_hours(1), lease: Duration::from_hours(2), ..Settings::default() };
    let mut worlds = Vec::new();
    for world in Neighbourhood::each(settings).await {
        world.bad_receiver.answer_by(|_| pending());
        let endpoint = world.bad_endpoint("backlog").await;
        fill(&world.noisy.database, (world.bad, endpoint), DELIVERIES, state).await;
        world.noisy.engine.wake();
        worlds.push((world, endpoint));
    }
    worlds
}

#[tokio::test]
async fn a_backlog_at_a_receiver_that_hangs_costs_a_neighbour_nothing() {
    for (world, _) in with_backlog(State::Pending).await {
        world.compare("backlog", async |_| {}).await;
    }
}

#[tokio::test]
async fn pausing_a_webhook_with_a_backlog_costs_a_neighbour_nothing() {
    for (world, endpoint) in with_backlog(State::Pending).await {
        world
            .compare("paused", async |world| {
                world.noisy.engine.account(world.bad).endpoint(endpoint).pause().await.expect("paused");
            })
            .await;
    }
}

#[tokio::test]
async fn deleting_a_webhook_with_a_backlog_costs_a_neighbour_nothing() {
    for (world, endpoint) in with_backlog(State::Pending).await {
        world
            .compare("deleted", async |world| {
                world.noisy.engine.account(world.bad).endpoint(endpoint).delete().await.expect("deleted");
            })
            .await;
    }
}

#[tokio::test]
async fn erasing_an_account_with_a_backlog_costs_a_neighbour_nothing() {
    for (world, _) in with_backlog(State::Pending).await {
        world
            .compare("erased", async |world| {
                world.noisy.engine.account(world.bad).erase().await.expect("erased");
            })
            .await;
    }
}

#[tokio::test]
async fn releasing_or_discarding_what_was_held_costs_a_neighbour_nothing() {
    for (world, endpoint) in with_backlog(State::Held).await {
        world
            .compare("released", async |world| {
                let endpoint = world.noisy.engine.account(world.bad).endpoint(endpoint);
                endpoint.release(Subscriptions::all()).await.expect("released");
            })
            .await;
    }
    for (world, endpoint) in with_backlog(State::Held).await {
        world
            .compare("discarded", async |world| {
                let endpoint = world.noisy.engine.account(world.bad).endpoint(endpoint);
                endpoint.discard(Subscriptions::all()).await.expect("discarded");
            })
            .await;
    }
}

#[tokio::test]
async fn recovering_from_a_long_history_costs_a_neighbour_nothing() {
    for (world, endpoint) in with_backlog(State::Failed).await {
        world
            .compare("recovered", async |world| {
                let since = Timestamp::from_unix_seconds(0);
                world
                    .noisy
                    .engine
                    .account(world.bad)
                    .endpoint(endpoint)
                    .recover(since, Subscriptions::all())
                    .await
                    .expect("recovered");
            })
            .await;
    }
}
