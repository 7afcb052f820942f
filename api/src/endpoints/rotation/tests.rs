//! A rotation from begin to end, and each reason for which a step of it is refused.

use axum::http::StatusCode;
use serde_json::json;
use signet_engine::testing::{TestDatabase, on_each_database};

use crate::testing::{Answer, TestApi};

struct World {
    api: TestApi,
    /// The path of the secret.
    path: String,
}

impl World {
    async fn new(database: TestDatabase) -> Self {
        let api = TestApi::on(database).await;
        let path = format!("/v1/accounts/acme/endpoints/{}/secret", api.subscribe(api.acme).await);
        Self { api, path }
    }

    async fn post(&self, step: &str) -> Answer {
        self.api.send("POST", &format!("{}/{step}", self.path), "", &[]).await
    }

    async fn secret(&self, which: &str) -> serde_json::Value {
        self.api.get(&format!("{}{which}", self.path)).await.json["secret"].clone()
    }
}

on_each_database!(the_next_secret_is_shown_until_it_is_switched_to_or_called_off);
async fn the_next_secret_is_shown_until_it_is_switched_to_or_called_off(database: TestDatabase) {
    let world = World::new(database).await;
    let first = world.secret("").await;
    let rotated = world.post("rotate").await;
    assert_eq!(
        (rotated.status, &rotated.headers["cache-control"]),
        (StatusCode::OK, &"no-store".parse().expect("text"))
    );
    assert_eq!(rotated.json["takesOverAt"], "2026-03-29T12:00:00Z", "after a day");
    let second = rotated.json["secret"].clone();
    assert_eq!((world.secret("").await, world.secret("/next").await), (first, second.clone()));
    assert_eq!(world.post("switch").await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.secret("").await, second);

    let path = format!("{}/rotate", world.path);
    let tag = world.api.get(world.path.trim_end_matches("/secret")).await.headers["etag"].clone();
    let tag = [("if-match", tag.to_str().expect("a tag"))];
    assert_eq!(world.api.send("POST", &path, "", &tag).await.status, StatusCode::OK);
    assert_eq!(world.api.send("POST", &path, "", &tag).await.json["code"], "changed_meanwhile");
    assert_eq!(world.post("call-off").await.status, StatusCode::NO_CONTENT);
    let third = world.api.post(&path, &json!({"overlap": "1h"})).await.json;
    assert_eq!(third["takesOverAt"], "2026-03-28T13:00:00Z");
    assert_eq!(world.post("call-off").await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.secret("").await, second);
    let fourth = world.api.post(&path, &json!({"overlap": "none"})).await.json["secret"].clone();
    assert_eq!(world.secret("").await, fourth);
    let wrong = world.api.post(&path, &json!({"overlap": "2h"})).await;
    assert_eq!((wrong.status, wrong.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/overlap"));
}

on_each_database!(a_step_that_cannot_be_made_is_refused_with_the_reason);
async fn a_step_that_cannot_be_made_is_refused_with_the_reason(database: TestDatabase) {
    let world = World::new(database).await;
    let next = format!("{}/next", world.path);
    assert_eq!(world.api.get(&next).await.json["code"], "no_rotation");
    for step in ["switch", "call-off"] {
        assert_eq!(world.post(step).await.json["code"], "no_rotation", "{step}");
    }
    world.post("rotate").await;
    assert_eq!(world.post("rotate").await.json["code"], "rotation_under_way");
    for step in ["rotate", "switch", "call-off"] {
        for (tag, code) in [("\"77\"", "changed_meanwhile"), ("\"1\", \"2\"", "bad_precondition")] {
            let answer = world.api.send("POST", &format!("{}/{step}", world.path), "", &[("if-match", tag)]).await;
            assert_eq!(answer.json["code"], code, "{step}");
        }
    }
    // The secrets of other places open at none of these.
    world.api.run("UPDATE endpoints SET secret = draft, next_secret = draft").await;
    assert_eq!(world.api.get(&next).await.json["code"], "unusable");
    assert_eq!(world.post("rotate").await.json["code"], "unusable");

    let path = "/v1/accounts/acme/endpoints/ep_unknown/secret".to_owned();
    let unknown = World { path, ..world };
    assert_eq!(unknown.api.get(&format!("{}/next", unknown.path)).await.json["code"], "no_such_endpoint");
    for step in ["rotate", "switch", "call-off"] {
        assert_eq!(unknown.post(step).await.json["code"], "no_such_endpoint", "{step}");
    }
    unknown.api.assert_problems("GET /v1/accounts/{account}/endpoints/{endpoint}/secret/next");
    unknown.api.assert_problems("POST /v1/accounts/{account}/endpoints/{endpoint}/secret/rotate");
    unknown.api.assert_problems("POST /v1/accounts/{account}/endpoints/{endpoint}/secret/switch");
    unknown.api.assert_problems("POST /v1/accounts/{account}/endpoints/{endpoint}/secret/call-off");
}
