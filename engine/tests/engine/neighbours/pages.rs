//! Reading long logs.

use futures_util::future::join_all;
use signet_engine::{Settings, service::deliveries::Filter};
use signet_model::{delivery::State, event::EventType};

use super::{backlog::fill, neighbourhood::Neighbourhood};

/// Deliveries in the bad neighbour's log, and pages of it that are read at a time.
const DELIVERIES: u32 = 100_000;
const PAGES: usize = 40;

#[tokio::test]
async fn reading_pages_of_a_long_log_costs_a_neighbour_nothing() {
    for world in Neighbourhood::each(Settings::default()).await {
        let endpoint = world.bad_endpoint("log").await;
        fill(&world.noisy.database, (world.bad, endpoint), DELIVERIES, State::Discarded).await;
        // Of neither there is any: the whole log is looked through, unless an index says so.
        let filter = Filter {
            state: Some(State::Held),
            event_types: Some([EventType::BALANCE_LOW].into()),
            ..Filter::default()
        };
        world
            .compare("pages", async |world| {
                let read = || world.noisy.engine.as_operator_in(world.bad).endpoint(endpoint).deliveries(&filter, 25);
                // A page may be refused for the time it takes, and costs as much.
                join_all((0..PAGES).map(|_| read())).await;
            })
            .await;
    }
}

#[tokio::test]
async fn reading_a_long_log_to_its_end_costs_a_neighbour_nothing() {
    for world in Neighbourhood::each(Settings::default()).await {
        let endpoint = world.bad_endpoint("log").await;
        fill(&world.noisy.database, (world.bad, endpoint), DELIVERIES / 10, State::Discarded).await;
        world
            .compare("export", async |world| {
                let mut from = None;
                loop {
                    let account = world.noisy.engine.as_operator_in(world.bad);
                    let page = account.endpoint(endpoint).log(&Filter::default(), from, 100).await.expect("a page");
                    from = page.next;
                    if from.is_none() {
                        break;
                    }
                }
            })
            .await;
    }
}
