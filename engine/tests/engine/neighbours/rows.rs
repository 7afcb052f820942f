//! Rows that cannot be read.

use signet_engine::{Settings, testing::completed};

use super::neighbourhood::Neighbourhood;

/// Endpoints that are spoilt in each of the ways.
const WEBHOOKS: usize = 10;
/// Spoils an endpoint: its URL, its secret, its event types, its reason.
const SPOILT: [&str; 4] = [
    "url = 'https://a..b/'",
    "secret = (SELECT secret FROM endpoints ORDER BY created_at LIMIT 1)",
    "event_types = 'task.unheard_of'",
    "disabled_reason = 'a reason of a newer version', disabled_at = created_at",
];

#[tokio::test]
async fn rows_that_cannot_be_read_cost_a_neighbour_nothing() {
    for world in Neighbourhood::each(Settings::default()).await {
        world.noisy.database.drop_constraints("endpoints").await;
        for spoilt in SPOILT {
            for number in 0..WEBHOOKS {
                let endpoint = world.bad_endpoint(&number.to_string()).await;
                let id = world.noisy.database.literal(endpoint.uuid());
                world.noisy.database.run(&format!("UPDATE endpoints SET {spoilt} WHERE id = {id}")).await;
            }
        }
        world.noisy.database.run("UPDATE accounts SET revision = revision + 1").await;
        world
            .compare("unreadable", async |world| {
                for number in 0..100 {
                    let event = completed(&world.noisy.engine, world.bad, &number.to_string());
                    world.noisy.engine.ingest(event).await.expect("the account's event is accepted");
                }
            })
            .await;
    }
}
