//! Much at once: test sends, events, balances, events for many webhooks.

use std::{future::pending, time::Duration};

use futures_util::future::join_all;
use signet_engine::{Settings, testing::completed};
use signet_model::{Amount, event::EventType};

use super::neighbourhood::Neighbourhood;

#[tokio::test]
async fn test_sends_to_a_receiver_that_hangs_cost_a_neighbour_nothing() {
    let settings = Settings {
        max_in_flight: 16,
        budget: Duration::from_hours(1),
        lease: Duration::from_hours(2),
        ..Settings::default()
    };
    for world in Neighbourhood::each(settings).await {
        world.bad_receiver.answer_by(|_| pending());
        let endpoint = world.bad_endpoint("tests").await;
        world
            .compare("tests", async |world| {
                let webhook = world.noisy.engine.as_operator_in(world.bad).endpoint(endpoint);
                let kind = EventType::TASK_COMPLETED;
                let send = || webhook.send_test(&kind);
                // Those that are too many may be refused.
                join_all((0..100).map(|_| send())).await;
            })
            .await;
    }
}

#[tokio::test]
async fn a_flood_of_events_costs_a_neighbour_nothing() {
    for world in Neighbourhood::each(Settings::default()).await {
        world
            .compare("events", async |world| {
                for _ in 0..4 {
                    let send = || world.noisy.engine.ingest(completed(&world.noisy.engine, world.bad, "task"));
                    join_all((0..100).map(|_| send())).await;
                }
            })
            .await;
    }
}

#[tokio::test]
async fn a_flood_of_balances_costs_a_neighbour_nothing() {
    for world in Neighbourhood::each(Settings::default()).await {
        world
            .compare("balances", async |world| {
                for round in 0..4 {
                    let balance = Amount::try_from(f64::from(round)).expect("an amount");
                    let report = || world.noisy.engine.as_operator_in(world.bad).set_balance(balance);
                    join_all((0..100).map(|_| report())).await;
                }
            })
            .await;
    }
}

#[tokio::test]
async fn an_event_for_every_webhook_of_a_large_customer_costs_a_neighbour_nothing() {
    /// As many as an account may have, and a batch of this many events.
    const WEBHOOKS: u32 = 100;
    const EVENTS: usize = 100;
    for world in Neighbourhood::each(Settings::default()).await {
        for number in 0..WEBHOOKS {
            world.bad_endpoint(&number.to_string()).await;
        }
        world
            .compare("fan-out", async |world| {
                let events = (0..EVENTS).map(|_| completed(&world.noisy.engine, world.bad, "task"));
                let answers = world.noisy.engine.ingest_batch(events.collect()).await;
                assert!(answers.iter().all(Result::is_ok), "it is split, not refused");
            })
            .await;
    }
}
