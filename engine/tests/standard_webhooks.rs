//! Standard Webhooks' published library for Rust verifies deliveries.

use signet_engine::{
    Settings,
    clock::SystemClock,
    testing::{Receiver, TestDatabase, account, completed, endpoint_at, on_each_database},
};
use signet_model::time::Clock;
use standardwebhooks::Webhook;

on_each_database!(the_library_verifies_a_delivery_and_refuses_another_body);
async fn the_library_verifies_a_delivery_and_refuses_another_body(database: TestDatabase) {
    let receiver = Receiver::start().await;
    // The library refuses an attempt of another time than its own.
    let now = SystemClock.now();
    let (engine, _) = database.engine_at(now, [1; 32], Settings::default(), receiver.authority.clone());
    let _running = engine.start().expect("a new engine");
    let acme = account(&engine, "acme").await;
    let endpoint = endpoint_at(&engine, acme, receiver.url("webhooks")).await;
    engine.ingest(completed(&engine, acme, "grüße 😀")).await.expect("accepted");

    let arrival = receiver.arrived(1).await.remove(0);
    let secret = engine.account(acme).endpoint(endpoint).secret().await.expect("a secret");
    let webhook = Webhook::new(secret.reveal()).expect("a secret of the library's form");
    let headers = (&arrival.headers).try_into().expect("headers");
    webhook.verify(arrival.body.as_bytes(), &headers).expect("a genuine delivery");
    assert!(webhook.verify(format!("{} ", arrival.body).as_bytes(), &headers).is_err());
}
