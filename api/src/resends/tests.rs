//! Each operation on resends, and each reason for which it is refused.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use signet_engine::{
    service::{deliveries::Filter, resends::RUNNING_MAX},
    testing::{Backlog, TestDatabase, on_each_database},
};
use signet_model::EndpointId;

use crate::testing::TestApi;

const RESENDS: &str = "/v1/accounts/acme/resends";

/// The ways to begin a resend at one webhook.
async fn begin_each(api: &TestApi, endpoint: EndpointId) -> [(StatusCode, Value); 2] {
    let recover = format!("/v1/accounts/acme/endpoints/{endpoint}/recover");
    let by_filter = api.post(RESENDS, &json!({"endpoint": endpoint.to_string(), "task": "none"})).await;
    let recovery = api.post(&recover, &json!({"since": "2026-03-28T00:00:00Z"})).await;
    [by_filter, recovery].map(|answer| (answer.status, answer.json))
}

on_each_database!(a_resend_is_begun_read_and_stopped);
async fn a_resend_is_begun_read_and_stopped(database: TestDatabase) {
    let api = TestApi::on(database).await;
    let endpoint = api.subscribe(api.acme).await;
    api.database().store_backlog(api.acme, endpoint, Backlog::Failed, 1..3).await;
    let begun = api.post(RESENDS, &json!({"endpoint": endpoint.to_string(), "state": "failed"})).await;
    assert_eq!((begun.status, &begun.json["endpoint"]), (StatusCode::ACCEPTED, &json!(endpoint.to_string())));
    let id = begun.json["id"].as_str().expect("an id");
    let handle = api.engine().as_operator_in(api.acme).resend(id.parse().expect("an id"));
    handle.await_end(Duration::from_mins(1)).await.expect("ended");
    let path = format!("{RESENDS}/{id}");
    let ended = api.get(&path).await.json;
    assert_eq!((&ended["state"], &ended["found"], &ended["sent"]), (&json!("finished"), &json!(2), &json!(2)));
    assert_eq!(api.get(RESENDS).await.json["data"], json!([ended]));
    let stopped = api.send("POST", &format!("{path}/stop"), "", &[]).await;
    assert_eq!((stopped.status, &stopped.json), (StatusCode::OK, &ended), "a resend that has ended stays as it is");

    for action in ["pause", "resume"] {
        let answer = api.send("POST", &format!("{path}/{action}"), "", &[]).await;
        assert_eq!((answer.status, &answer.json), (StatusCode::OK, &ended), "{action}: it has ended");
    }

    let unknown = format!("{RESENDS}/rsd_unknown");
    assert_eq!(api.get(&unknown).await.json["code"], "no_such_resend");
    assert_eq!(api.send("POST", &format!("{unknown}/stop"), "", &[]).await.json["code"], "no_such_resend");
    api.assert_problems("GET /v1/accounts/{account}/resends/{resend}");
    for action in ["pause", "resume"] {
        let answer = api.send("POST", &format!("{unknown}/{action}"), "", &[]).await;
        assert_eq!(answer.json["code"], "no_such_resend", "{action}");
    }
    api.assert_problems("POST /v1/accounts/{account}/resends/{resend}/stop");
    api.assert_problems("POST /v1/accounts/{account}/resends/{resend}/pause");
    api.assert_problems("POST /v1/accounts/{account}/resends/{resend}/resume");
}

on_each_database!(a_resend_has_a_pace_if_the_request_chooses_one);
async fn a_resend_has_a_pace_if_the_request_chooses_one(database: TestDatabase) {
    let api = TestApi::on(database).await;
    let endpoint = api.subscribe(api.acme).await;
    let recover = format!("/v1/accounts/acme/endpoints/{endpoint}/recover");
    let fastest = api.engine().release_rate() * 60;
    for (path, mut body) in [
        (RESENDS, json!({"endpoint": endpoint.to_string(), "state": "failed"})),
        (&*recover, json!({"since": "2026-03-28T00:00:00Z"})),
    ] {
        for wrong in [json!(0), json!(fastest + 1), json!(-1), json!("60"), json!(1.5), json!(null)] {
            body["perMinute"] = wrong;
            let refused = api.post(path, &body).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body} {refused:?}");
            assert_eq!(refused.pointer(), "/perMinute", "{body} {refused:?}");
        }
        for right in [1, fastest] {
            body["perMinute"] = json!(right);
            let begun = api.post(path, &body).await;
            assert_eq!((begun.status, &begun.json["perMinute"]), (StatusCode::ACCEPTED, &json!(right)), "{begun:?}");
            let id = begun.json["id"].as_str().expect("an id").parse().expect("an id");
            let resend = api.engine().as_operator_in(api.acme).resend(id);
            resend.await_end(Duration::from_mins(1)).await.expect("ended");
        }
    }
}

on_each_database!(a_resend_at_work_is_paused_and_resumed);
async fn a_resend_at_work_is_paused_and_resumed(database: TestDatabase) {
    let api = TestApi::on(database).await;
    let endpoint = api.subscribe(api.acme).await;
    let filter = Filter { endpoint: Some(endpoint), task: Some("none".to_owned()), ..Filter::default() };
    let id = api.engine().as_operator_in(api.acme).resends().start(filter).await.expect("begun").id;
    api.engine().as_operator_in(api.acme).resend(id).await_end(Duration::from_mins(1)).await.expect("ended");
    // As if another process worked on it, for a while yet.
    let until = api.instant_after(Duration::from_hours(1));
    api.run(&format!("UPDATE resends SET state = 'running', ended_at = NULL, lease = 7, leased_until = {until}")).await;
    let path = format!("{RESENDS}/{id}");
    let paused = api.send("POST", &format!("{path}/pause"), "", &[]).await.json;
    assert_eq!((&paused["state"], &paused["perMinute"]), (&json!("paused"), &Value::Null));
    assert_eq!(api.get(&path).await.json, paused);
    let resumed = api.send("POST", &format!("{path}/resume"), "", &[]).await.json;
    assert_ne!(resumed["state"], "paused");
}

on_each_database!(a_resend_that_cannot_be_begun_is_refused_with_the_reason);
async fn a_resend_that_cannot_be_begun_is_refused_with_the_reason(database: TestDatabase) {
    let api = TestApi::on(database).await;
    let mut endpoints = Vec::new();
    for _ in 0..=RUNNING_MAX {
        endpoints.push(api.subscribe(api.acme).await);
    }
    let idle = endpoints.pop().expect("one more than may be at work");
    let resends = api.engine().as_operator_in(api.acme).resends();
    for endpoint in &endpoints {
        let nothing = Filter { endpoint: Some(*endpoint), task: Some("none".to_owned()), ..Filter::default() };
        let begun = resends.start(nothing).await.expect("begun");
        api.engine().as_operator_in(api.acme).resend(begun.id).await_end(Duration::from_mins(1)).await.expect("ended");
    }
    // As if another process worked on them, for a while yet.
    let until = api.instant_after(Duration::from_hours(1));
    api.run(&format!("UPDATE resends SET state = 'running', ended_at = NULL, lease = 7, leased_until = {until}")).await;

    let refused = async |endpoint, code: &str| {
        for (status, problem) in begin_each(&api, endpoint).await {
            assert_eq!(problem["code"], code, "{status} {problem}");
        }
    };
    let discard = async |endpoint| {
        api.send("POST", &format!("/v1/accounts/acme/endpoints/{endpoint}/held/discard"), "", &[]).await.json["code"]
            .clone()
    };
    refused(endpoints[0], "resend_under_way").await;
    assert_eq!(discard(endpoints[0]).await, "resend_under_way");
    refused(idle, "too_many_resends").await;
    assert_eq!(discard(idle).await, "too_many_resends");
    api.send("POST", &format!("/v1/accounts/acme/endpoints/{idle}/pause"), "", &[]).await;
    refused(idle, "endpoint_disabled").await;
    let foreign = api.subscribe(api.other).await;
    refused(foreign, "no_such_endpoint").await;
    assert_eq!(discard(foreign).await, "no_such_endpoint");
    api.assert_problems("POST /v1/accounts/{account}/endpoints/{endpoint}/held/discard");
    api.assert_problems("POST /v1/accounts/{account}/resends");
    api.assert_problems("POST /v1/accounts/{account}/endpoints/{endpoint}/recover");
}
