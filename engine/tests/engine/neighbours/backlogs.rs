//! Decisions of a customer about a long backlog at one stroke.

use std::{future::pending, time::Duration};

use signet_engine::{
    Settings,
    service::{AccountHandle, endpoints::EndpointOptions, resends::Plan},
    testing::completed,
};
use signet_model::{EndpointId, Subscriptions, Timestamp, delivery::State};

use super::{backlog::fill, neighbourhood::Neighbourhood};

/// The number of deliveries in the backlog.
const DELIVERIES: u32 = 100_000;

/// The neighbourhoods in which the bad neighbour has a backlog at a receiver that
/// does not answer.
async fn with_backlog(state: State) -> Vec<(Neighbourhood, EndpointId)> {
    let settings = Settings {
        budget: Duration::from_hours(1),
        lease: Duration::from_hours(2),
        // A resend that is an hour ahead of what is sent pauses.
        release_rate: 1_000,
        ..Settings::default()
    };
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

/// Compares the healthy customer's traffic with and without this decision about a backlog.
async fn compare_decision(name: &str, state: State, decide: impl AsyncFn(AccountHandle<'_>, EndpointId)) {
    for (world, endpoint) in with_backlog(state).await {
        world.compare(name, async |world| decide(world.noisy.engine.as_operator_in(world.bad), endpoint).await).await;
    }
}

#[tokio::test]
async fn a_backlog_at_a_receiver_that_hangs_costs_a_neighbour_nothing() {
    compare_decision("backlog", State::Pending, async |_, _| {}).await;
}

#[tokio::test]
async fn throttled_webhooks_with_a_backlog_cost_a_neighbour_nothing() {
    const WEBHOOKS: usize = 20;
    for world in Neighbourhood::each(Settings::default()).await {
        let options =
            EndpointOptions { throttle: Some(10.try_into().expect("a throttle")), ..EndpointOptions::default() };
        let long = world.bad_endpoint_with("long", options.clone()).await;
        fill(&world.noisy.database, (world.bad, long), DELIVERIES, State::Pending).await;
        for number in 0..WEBHOOKS {
            world.bad_endpoint_with(&number.to_string(), options.clone()).await;
        }
        world
            .compare("throttled", async |world| {
                for _ in 0..10 {
                    let event = completed(&world.noisy.engine, world.bad, "task");
                    world.noisy.engine.ingest(event).await.expect("the account's event is accepted");
                    world.pass(Duration::from_millis(100), 5).await;
                }
            })
            .await;
    }
}

#[tokio::test]
async fn pausing_a_webhook_with_a_backlog_costs_a_neighbour_nothing() {
    compare_decision("paused", State::Pending, async |account, endpoint| {
        account.endpoint(endpoint).pause().await.expect("paused");
    })
    .await;
}

#[tokio::test]
async fn deleting_a_webhook_with_a_backlog_costs_a_neighbour_nothing() {
    compare_decision("deleted", State::Pending, async |account, endpoint| {
        account.endpoint(endpoint).delete().await.expect("deleted");
    })
    .await;
}

#[tokio::test]
async fn erasing_an_account_with_a_backlog_costs_a_neighbour_nothing() {
    compare_decision("erased", State::Pending, async |account, _| {
        account.erase().await.expect("erased");
    })
    .await;
}

#[tokio::test]
async fn releasing_or_discarding_what_was_held_costs_a_neighbour_nothing() {
    compare_decision("released", State::Held, async |account, endpoint| {
        account.endpoint(endpoint).release(&Subscriptions::all()).await.expect("released");
    })
    .await;
    compare_decision("discarded", State::Held, async |account, endpoint| {
        let begun = account.endpoint(endpoint).start_discard(&Subscriptions::all()).await.expect("begun");
        account.resend(begun.id).await_end(Duration::from_mins(5)).await.expect("discarded");
    })
    .await;
}

#[tokio::test]
async fn recovering_from_a_long_history_costs_a_neighbour_nothing() {
    compare_decision("recovered", State::Failed, async |account, endpoint| {
        let since = Timestamp::from_unix_seconds(0);
        let resend = account
            .endpoint(endpoint)
            .start_recovery(since, &Subscriptions::all(), Plan::default())
            .await
            .expect("begun");
        account.resend(resend.id).await_end(Duration::from_mins(5)).await.expect("recovered");
    })
    .await;
}
