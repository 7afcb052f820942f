//! Standard Webhooks' published library for Rust verifies deliveries.

use signet_engine::{
    Engine, Settings,
    clock::SystemClock,
    deliver::ingest::NewEvent,
    service::event_types::{EventTypeContent, EventTypeDraft},
    testing::{Receiver, TestDatabase, account, endpoint_at, on_each_database},
};
use signet_model::{event::Submission, time::Clock};
use standardwebhooks::Webhook;

on_each_database!(the_library_verifies_a_delivery_and_refuses_another_body);
async fn the_library_verifies_a_delivery_and_refuses_another_body(database: TestDatabase) {
    let event = r#"{"event":"task.completed","taskId":"grüße 😀","solution":{}}"#;
    verified(database, event).await;
}

on_each_database!(the_library_verifies_a_delivery_of_a_type_of_the_operators_own);
async fn the_library_verifies_a_delivery_of_a_type_of_the_operators_own(database: TestDatabase) {
    let event = r#"{"event":"order.paid","zone":"grüße 😀","total":12.50,"lines":[{"9":1,"10":null}]}"#;
    let body = verified(database, event).await;
    assert!(body.starts_with(r#"{"event":"order.paid","zone":"grüße 😀","total":12.5,"lines":"#), "{body}");
}

/// Delivers an event. Returns the body, which the library has verified.
async fn verified(database: TestDatabase, event: &str) -> String {
    let receiver = Receiver::start().await;
    // The library refuses an attempt of another time than its own.
    let now = SystemClock.now();
    let (engine, _) = database.engine_at(now, [1; 32], Settings::default(), receiver.authority.clone());
    let _running = engine.start().expect("a new engine");
    let acme = account(&engine, "acme").await;
    let endpoint = endpoint_at(&engine, acme, receiver.url("webhooks")).await;
    define_order_paid(&engine).await;
    let catalogue = engine.event_types().current().await.expect("a catalogue");
    let body = Submission::parse(event, now, &*catalogue).expect("an event").body;
    engine.ingest(NewEvent { account: acme, body, idempotency: None, trace: None }).await.expect("accepted");

    let arrival = receiver.arrived(1).await.remove(0);
    let secret = engine.as_operator_in(acme).endpoint(endpoint).reveal_secret().await.expect("a secret");
    let webhook = Webhook::new(secret.reveal()).expect("a secret of the library's form");
    let headers = (&arrival.headers).try_into().expect("headers");
    webhook.verify(arrival.body.as_bytes(), &headers).expect("a genuine delivery");
    assert!(webhook.verify(format!("{} ", arrival.body).as_bytes(), &headers).is_err());
    arrival.body
}

async fn define_order_paid(engine: &Engine) {
    let schema = r#"{"type":"object","properties":{"total":{"type":"number"}},"required":["total"]}"#;
    let content = EventTypeContent { schema: Some(schema.to_owned()), ..EventTypeContent::default() };
    let name = "order.paid".parse().expect("a name");
    engine
        .event_types()
        .create(&signet_engine::actor::Operator::signet(), EventTypeDraft { name, content })
        .await
        .expect("a new type");
}
