//! Each operation on a delivery, and each reason for which it is refused.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use signet_engine::testing::{Backlog, TestDatabase, on_each_database};
use signet_model::EndpointId;

use crate::testing::TestApi;

/// An account with one webhook and one delivery, which has failed.
struct World {
    api: TestApi,
    endpoint: EndpointId,
    /// The path of the delivery.
    path: String,
}

impl World {
    async fn new(database: TestDatabase) -> Self {
        let api = TestApi::resting(database).await;
        let endpoint = api.subscribe(api.acme).await;
        api.database().store_backlog(api.acme, endpoint, Backlog::Failed, 1..2).await;
        let listed = api.get("/v1/accounts/acme/deliveries").await;
        let id = listed.json["data"][0]["id"].as_str().unwrap_or_else(|| panic!("{listed:?}"));
        let path = format!("/v1/accounts/acme/deliveries/{id}");
        Self { api, endpoint, path }
    }

    async fn post(&self, change: &str) -> (StatusCode, serde_json::Value) {
        let answer = self.api.send("POST", &format!("{}/{change}", self.path), "", &[]).await;
        (answer.status, answer.json)
    }

    /// The code with which a change is refused.
    async fn refusal(&self, change: &str) -> String {
        let (_, json) = self.post(change).await;
        json["code"].as_str().unwrap_or_else(|| panic!("{change}: {json}")).to_owned()
    }

    /// Makes the delivery pending, due in an hour: it waits, or a process has it in hand.
    async fn wait(&self, lease: &str) {
        let later = self.api.instant_after(Duration::from_hours(1));
        let columns = format!("state = 'pending', due_at = {later}, completed_at = NULL, lease = {lease}");
        self.api.run(&format!("UPDATE deliveries SET {columns}")).await;
    }

    async fn fail(&self) {
        let now = self.api.instant_after(Duration::ZERO);
        let columns = format!("state = 'failed', due_at = NULL, completed_at = {now}, lease = NULL");
        self.api.run(&format!("UPDATE deliveries SET {columns}")).await;
    }

    /// Changes the webhook behind the engine's back, which reads it anew then.
    async fn change_endpoint(&self, columns: &str) {
        self.api.run(&format!("UPDATE endpoints SET {columns}")).await;
        self.api.run("UPDATE accounts SET revision = revision + 1").await;
    }
}

on_each_database!(a_delivery_is_retried_stopped_and_sent_again);
async fn a_delivery_is_retried_stopped_and_sent_again(database: TestDatabase) {
    let world = World::new(database).await;
    let (status, sent) = world.post("resend").await;
    assert_eq!((status, &sent["endpoint"]), (StatusCode::OK, &json!(world.endpoint.to_string())), "{sent}");
    world.wait("NULL").await;
    let (status, retried) = world.post("retry").await;
    assert_eq!((status, &retried["isTest"]), (StatusCode::OK, &json!(false)), "{retried}");
    world.wait("NULL").await;
    let (status, stopped) = world.post("stop").await;
    assert_eq!((status, &stopped["state"]), (StatusCode::OK, &json!("failed")), "{stopped}");
}

on_each_database!(a_refusal_tells_the_state_of_the_delivery);
async fn a_refusal_tells_the_state_of_the_delivery(database: TestDatabase) {
    let world = World::new(database).await;
    for change in ["retry", "stop"] {
        assert_eq!(world.refusal(change).await, "delivery_not_pending");
    }
    world.api.run("UPDATE events SET body = NULL").await;
    assert_eq!(world.refusal("resend").await, "body_gone");
    world.api.run("UPDATE events SET body = '{}'").await;
    world.wait("NULL").await;
    assert_eq!(world.refusal("resend").await, "delivery_pending");
    world.wait("7").await;
    for change in ["retry", "stop"] {
        assert_eq!(world.refusal(change).await, "delivery_in_flight");
    }

    // The webhook was enabled before its older deliveries were held; this one is newer.
    let [before, soon] = [0, 1].map(|seconds| world.api.instant_after(Duration::from_secs(seconds)));
    world.api.run(&format!("UPDATE deliveries SET created_at = {soon}")).await;
    world.change_endpoint(&format!("hold_through = {before}")).await;
    world.wait("NULL").await;
    assert_eq!(world.refusal("retry").await, "endpoint_settling");
    world.fail().await;
    assert_eq!(world.refusal("resend").await, "endpoint_settling");

    let now = world.api.instant_after(Duration::ZERO);
    world.change_endpoint(&format!("hold_through = NULL, disabled_at = {now}, disabled_reason = 'paused'")).await;
    assert_eq!(world.refusal("resend").await, "endpoint_disabled");
    world.change_endpoint(&format!("deleted_at = {now}")).await;
    assert_eq!(world.refusal("resend").await, "no_such_endpoint");
    world.wait("7").await;
    assert_eq!(world.refusal("retry").await, "no_such_endpoint");

    world.api.run("UPDATE deliveries SET event_type = 'of another version'").await;
    assert_eq!(world.api.get(&world.path).await.json["code"], "unusable");
    for change in ["retry", "stop", "resend"] {
        assert_eq!(world.refusal(change).await, "unusable");
    }
    let unknown = World { path: "/v1/accounts/acme/deliveries/msg_unknown".to_owned(), ..world };
    assert_eq!(unknown.api.get(&unknown.path).await.json["code"], "no_such_delivery");
    let endpoint = "/v1/accounts/acme/deliveries?endpoint=ep_00000000000000000000000000";
    assert_eq!(unknown.api.get(endpoint).await.json["code"], "no_such_endpoint");
    for change in ["retry", "stop", "resend"] {
        assert_eq!(unknown.refusal(change).await, "no_such_delivery");
    }
    unknown.api.assert_problems("GET /v1/accounts/{account}/deliveries");
    unknown.api.assert_problems("GET /v1/accounts/{account}/deliveries/{delivery}");
    unknown.api.assert_problems("POST /v1/accounts/{account}/deliveries/{delivery}/retry");
    unknown.api.assert_problems("POST /v1/accounts/{account}/deliveries/{delivery}/stop");
    unknown.api.assert_problems("POST /v1/accounts/{account}/deliveries/{delivery}/resend");
}

on_each_database!(a_delivery_from_before_a_restore_is_told_to_be_a_possible_repeat);
async fn a_delivery_from_before_a_restore_is_told_to_be_a_possible_repeat(database: TestDatabase) {
    let world = World::new(database).await;
    assert_eq!(world.api.get(&world.path).await.json["possibleRepeat"], false);
    let now = world.api.instant_after(Duration::ZERO);
    world.api.run(&format!("INSERT INTO restores (restored_at) VALUES ({now})")).await;
    assert_eq!(world.api.get(&world.path).await.json["possibleRepeat"], true);
    assert_eq!(world.api.get("/v1/accounts/acme/deliveries").await.json["data"][0]["possibleRepeat"], true);
}
