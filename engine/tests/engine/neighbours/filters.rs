//! Filters, as many and as long as an account may have, on bodies as large as may be.

use std::time::Duration;

use signet_engine::{Settings, deliver::ingest::NewEvent, service::endpoints::EndpointOptions, testing::NoTypes};
use signet_model::{
    Filter,
    event::Submission,
    filter::{CONDITIONS_MAX, Condition, Scalar, Test},
    time::Clock,
};

use super::neighbourhood::Neighbourhood;

/// Webhooks of the bad neighbour.
const WEBHOOKS: usize = 40;
/// Events of the bad neighbour, and the members of each.
const EVENTS: usize = 10;
const MEMBERS: usize = 20_000;

/// A filter of its own for each webhook, all of whose conditions have to be looked at.
fn filter(number: usize) -> Filter {
    let condition = |place: usize| {
        let pointer = format!("/solution/m{}", MEMBERS - 1 - place).parse().expect("a pointer");
        let others = (0..40).map(|other| Scalar::Text(format!("{number} {other}").into()));
        let values = others.chain([Scalar::Text("value".into())]).collect();
        Condition::new(pointer, Test::OneOf(values)).expect("a condition")
    };
    Filter::new((0..CONDITIONS_MAX).map(condition).collect()).expect("a filter")
}

fn large(world: &Neighbourhood, number: usize) -> NewEvent {
    let members: Vec<_> = (0..MEMBERS).map(|member| format!(r#""m{member}":"value""#)).collect();
    let task = format!("bad_{number}");
    let text = format!(r#"{{"event":"task.completed","taskId":"{task}","solution":{{{}}}}}"#, members.join(","));
    let body = Submission::parse(&text, world.noisy.clock.now(), &NoTypes).expect("an event").body;
    NewEvent { account: world.bad, body, idempotency: None, trace: None }
}

#[tokio::test]
async fn long_filters_on_large_bodies_cost_a_neighbour_nothing() {
    for world in Neighbourhood::each(Settings::default()).await {
        for number in 0..WEBHOOKS {
            let options = EndpointOptions { filter: Some(filter(number)), ..EndpointOptions::default() };
            world.bad_endpoint_with(&number.to_string(), options).await;
        }
        world
            .compare("filtering", async |world| {
                for number in 0..EVENTS {
                    let accepted = world.noisy.engine.ingest(large(world, number)).await.expect("accepted");
                    assert_eq!(usize::try_from(accepted.deliveries), Ok(WEBHOOKS));
                    world.pass(Duration::from_millis(100), 1).await;
                }
            })
            .await;
    }
}
