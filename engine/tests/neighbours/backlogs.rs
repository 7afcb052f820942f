//! A long backlog.

use std::{future::pending, time::Duration};

use signet_engine::Settings;
use signet_model::delivery::State;

use crate::{backlog::fill, neighbourhood::Neighbourhood};

/// How long the backlog is.
const DELIVERIES: u32 = 100_000;

/// The neighbourhoods in which the bad neighbour has a backlog at a receiver that
/// does not answer.
async fn with_backlog() -> Vec<Neighbourhood> {
    let settings = Settings { budget: Duration::from_hours(1), lease: Duration::from_hours(2), ..Settings::default() };
    let mut worlds = Vec::new();
    for world in Neighbourhood::each(settings).await {
        world.bad_receiver.answer_by(|_| pending());
        let endpoint = world.bad_endpoint("backlog").await;
        fill(&world.noisy.database, (world.bad, endpoint), DELIVERIES, State::Pending).await;
        world.noisy.engine.wake();
        worlds.push(world);
    }
    worlds
}

#[tokio::test]
async fn a_backlog_at_a_receiver_that_hangs_costs_a_neighbour_nothing() {
    for world in with_backlog().await {
        world.compare("backlog", async |_| {}).await;
    }
}
