//! Receivers that hang, that drip, or that refuse.

use std::{future::pending, time::Duration};

use signet_engine::{Settings, testing::completed};

use super::neighbourhood::Neighbourhood;

/// Webhooks of the bad neighbour.
const WEBHOOKS: usize = 40;
/// Events for each of them.
const EVENTS: usize = 10;

fn settings() -> Settings {
    Settings {
        // Far fewer than the bad neighbour's webhooks.
        max_in_flight: 16,
        max_in_flight_per_endpoint: 2,
        // A receiver that hangs does so to the end.
        budget: Duration::from_hours(1),
        lease: Duration::from_hours(2),
        ..Settings::default()
    }
}

impl Neighbourhood {
    /// Events for all of the bad neighbour's webhooks.
    async fn flood(&self) {
        let events = (0..EVENTS).map(|number| completed(&self.noisy.engine, self.bad, &format!("bad_{number}")));
        let answers = self.noisy.engine.ingest_batch(events.collect()).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }

    async fn bad_endpoints(&self) {
        for number in 0..WEBHOOKS {
            self.bad_endpoint(&number.to_string()).await;
        }
    }
}

#[tokio::test]
async fn receivers_that_hang_cost_a_neighbour_nothing() {
    for world in Neighbourhood::each(settings()).await {
        world.bad_receiver.answer_by(|_| pending());
        world.bad_endpoints().await;
        world.flood().await;
        world.bad_receiver.arrived(1).await;
        world.compare("hanging", async |_| {}).await;
    }
}

#[tokio::test]
async fn receivers_whose_answers_drip_cost_a_neighbour_nothing() {
    for world in Neighbourhood::each(settings()).await {
        world.bad_receiver.drip();
        world.bad_endpoints().await;
        world.flood().await;
        world.bad_receiver.arrived(1).await;
        world.compare("dripping", async |_| {}).await;
    }
}

#[tokio::test]
async fn receivers_that_refuse_cost_a_neighbour_nothing() {
    for world in Neighbourhood::each(settings()).await {
        world.bad_receiver.answer(500);
        world.bad_endpoints().await;
        world.compare("refusing", Neighbourhood::flood).await;
    }
}

#[tokio::test]
async fn receivers_that_ask_to_wait_again_and_again_cost_a_neighbour_nothing() {
    for world in Neighbourhood::each(settings()).await {
        world.bad_receiver.answer(429);
        world.bad_receiver.ask_to_wait(1);
        world.bad_endpoints().await;
        world
            .compare("asking to wait", async |world| {
                world.flood().await;
                world.pass(Duration::from_secs(1), 50).await;
            })
            .await;
    }
}
