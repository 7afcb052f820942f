//! Headers besides those of the contract.

use signet_engine::{
    service::endpoints::{EndpointDraft, EndpointOptions, HeaderDraft, SaveError},
    testing::{TestDatabase, on_each_database},
};
use signet_model::{
    Subscriptions,
    endpoint::custom_headers::{CustomHeaderValue, HeadersError},
    signature::verify_hex,
};
use tokio_util::sync::CancellationToken;

use super::world::World;

fn header(name: &str, value: Option<&str>) -> HeaderDraft {
    HeaderDraft { name: name.parse().expect("a name"), value: value.map(|value| value.parse().expect("a value")) }
}

fn headers(headers: Vec<HeaderDraft>) -> EndpointOptions {
    EndpointOptions { headers, ..EndpointOptions::default() }
}

fn draft(world: &World, options: EndpointOptions) -> EndpointDraft {
    EndpointDraft { options, ..EndpointDraft::new(world.receiver.url("webhooks"), Subscriptions::all()) }
}

on_each_database!(a_receiver_gets_the_headers_of_its_endpoint_and_no_log_shows_their_values);
async fn a_receiver_gets_the_headers_of_its_endpoint_and_no_log_shows_their_values(database: TestDatabase) {
    let options = headers(vec![header("authorization", Some("Bearer hunter2")), header("X-Tenant", Some("acme"))]);
    let world = World::new(&database, options).await;
    let running = world.engine.start().expect("a new engine");
    let stored = world.stored().await;
    assert_eq!(
        stored.headers.iter().map(signet_model::endpoint::custom_headers::CustomHeaderName::as_str).collect::<Vec<_>>(),
        ["Authorization", "X-Tenant"]
    );
    let endpoint = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    let sent = endpoint.send_test(&signet_model::event::EventType::TASK_COMPLETED).await.expect("sent");
    let detail = world.attempted(sent, 1).await;
    let arrival = &world.receiver.arrived(1).await[0];
    assert_eq!((&*arrival.headers["authorization"], &*arrival.headers["x-tenant"]), ("Bearer hunter2", "acme"));
    assert_eq!(arrival.headers["content-type"], "application/json");

    let shown = format!("{:?}", detail.attempts[0].request_headers);
    assert!(shown.contains("Authorization") && shown.contains(CustomHeaderValue::MASK) && !shown.contains("hunter2"));
    let stored = database.count("SELECT count(*) FROM attempts WHERE request_headers LIKE '%hunter2%'").await;
    assert_eq!(stored, 0);
    running.stop(CancellationToken::new()).await;
    world.engine.close().await;
}

on_each_database!(a_value_is_kept_when_the_others_are_changed);
async fn a_value_is_kept_when_the_others_are_changed(database: TestDatabase) {
    let world = World::new(&database, headers(vec![header("X-A", Some("1")), header("X-B", Some("2"))])).await;
    let endpoint = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    let kept = headers(vec![header("x-b", None), header("X-C", Some("3"))]);
    let saved = endpoint.update(draft(&world, kept)).await.expect("saved");
    assert_eq!(
        saved.headers.iter().map(signet_model::endpoint::custom_headers::CustomHeaderName::as_str).collect::<Vec<_>>(),
        ["X-B", "X-C"]
    );

    let running = world.engine.start().expect("a new engine");
    let sent = endpoint.send_test(&signet_model::event::EventType::TASK_COMPLETED).await.expect("sent");
    world.attempted(sent, 1).await;
    let arrival = &world.receiver.arrived(1).await[0];
    assert_eq!((&*arrival.headers["x-b"], &*arrival.headers["x-c"]), ("2", "3"));
    assert!(!arrival.headers.contains_key("x-a"));

    let refused = endpoint.update(draft(&world, headers(vec![header("X-New", None)]))).await;
    assert!(matches!(refused, Err(SaveError::NoHeaderValue(_))), "{refused:?}");
    let twice = headers(vec![header("X-B", None), header("x-b", Some("4"))]);
    let refused = endpoint.update(draft(&world, twice)).await;
    assert!(matches!(refused, Err(SaveError::Headers(HeadersError::Twice(_)))), "{refused:?}");
    assert_eq!(world.stored().await.headers, saved.headers, "a refused change changes nothing");
    running.stop(CancellationToken::new()).await;
    world.engine.close().await;
}

on_each_database!(headers_that_cannot_be_opened_stop_their_endpoint_until_they_are_entered_again);
async fn headers_that_cannot_be_opened_stop_their_endpoint_until_they_are_entered_again(database: TestDatabase) {
    let world = World::new(&database, headers(vec![header("X-A", Some("1"))])).await;
    database.run("UPDATE endpoints SET headers = secret").await;
    database.run("UPDATE accounts SET revision = revision + 1").await;
    assert!(world.ingest("task").await.is_empty(), "the event is held");
    let endpoint = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    let stored = world.stored().await;
    assert_eq!((stored.unusable, stored.headers), (Some(signet_engine::Unusable::Headers), Vec::new()));
    let refused = endpoint.update(draft(&world, headers(vec![header("X-A", None)]))).await;
    assert!(matches!(refused, Err(SaveError::NoHeaderValue(_))), "{refused:?}");
    let saved = endpoint.update(draft(&world, headers(vec![header("X-A", Some("2"))]))).await.expect("saved");
    assert_eq!(saved.unusable, None);
    assert_eq!(world.ingest("task").await.len(), 1);
}

on_each_database!(a_delivery_carries_the_attributes_of_cloud_events_and_its_body_stays_the_same);
async fn a_delivery_carries_the_attributes_of_cloud_events_and_its_body_stays_the_same(database: TestDatabase) {
    let world = World::new(&database, EndpointOptions { cloud_events: true, ..EndpointOptions::default() }).await;
    let running = world.engine.start().expect("a new engine");
    let secret =
        world.engine.as_operator_in(world.account).endpoint(world.endpoint).reveal_secret().await.expect("a secret");
    let event = signet_engine::testing::completed(&world.engine, world.account, "task");
    let (kind, body) = (event.body.event_type.to_string(), event.body.json.to_string());
    world.engine.ingest(event).await.expect("accepted");
    let arrival = &world.receiver.arrived(1).await[0];
    let header = |name: &str| arrival.headers[name].as_str();
    assert_eq!((header("ce-specversion"), header("ce-type")), ("1.0", &*kind));
    assert_eq!(header("ce-id"), header("webhook-id"));
    assert_eq!(header("ce-source"), format!("/accounts/{}", world.account));
    assert_eq!(header("ce-time"), "2026-03-28T12:00:00Z");
    assert_eq!((header("content-type"), &arrival.body), ("application/json", &body));
    assert!(verify_hex(&secret, body.as_bytes(), header("x-webhook-signature")));
    running.stop(CancellationToken::new()).await;
    world.engine.close().await;
}
