//! `GET /v1/accounts/{account}/endpoints/{endpoint}/held`: counts what is held, by type.

use axum::Json;
use serde::Serialize;
use signet_engine::service::backlog::Count;
use signet_model::{EndpointId, event::EventType};
use utoipa::ToSchema;

use crate::{
    access::{DeliveriesRead, InAccount},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT; NoSuchEndpoint);

/// What is held for a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct Held {
    /// The types of events of which any are held.
    data: Vec<HeldOfType>,
}

/// The deliveries of one type that are held.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldOfType {
    /// The type of the events.
    event_type: String,
    /// Their number, counted up to 10,000.
    count: u64,
    /// True if there are more.
    more: bool,
}

/// Count what is held.
///
/// Deliveries are held while their webhook is disabled or paused.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/endpoints/{endpoint}/held", operation_id = "countHeld", tag = "Webhooks",
    security(("key" = ["deliveries:read"])),
    responses((status = 200, body = Held, description = "The numbers."), Problems)
)]
pub async fn count_held(
    caller: InAccount<DeliveriesRead>,
    InPath(id): InPath<EndpointId>,
) -> Result<Json<Held>, Problem> {
    let endpoint = caller.account().endpoint(id);
    endpoint.get().await?;
    let of_type = |(kind, count): (EventType, Count)| HeldOfType {
        event_type: kind.to_string(),
        count: count.counted,
        more: count.more,
    };
    Ok(Json(Held { data: endpoint.held_counts().await?.into_iter().map(of_type).collect() }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::{Answer, TestApi, event};

    on_each_database!(what_is_held_is_counted_by_type_and_sent_or_dropped);
    async fn what_is_held_is_counted_by_type_and_sent_or_dropped(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let path = format!("/v1/accounts/acme/endpoints/{}", api.subscribe(api.acme).await);
        api.send("POST", &format!("{path}/pause"), "", &[]).await;
        let failed = json!({"event": "task.failed", "taskId": "t", "errorId": 10, "errorCode": "ERROR"});
        for event in [event(), event(), failed] {
            api.post("/v1/events", &event).await;
        }
        let held = async || api.get(&format!("{path}/held")).await.json["data"].clone();
        let of = |kind: &str, count: u64| json!({"eventType": kind, "count": count, "more": false});
        assert_eq!(held().await, json!([of("task.completed", 2), of("task.failed", 1)]));

        let all = async |change: &str| api.send("POST", &format!("{path}/held/{change}"), "", &[]).await;
        let some = async |change: &str, kind: &str| {
            api.post(&format!("{path}/held/{change}"), &json!({ "eventTypes": [kind] })).await
        };
        assert_eq!(some("release", "task.completed").await.json["code"], "endpoint_disabled");
        let discarded = async |answer: Answer| {
            assert_eq!((answer.status, &answer.json["action"]), (StatusCode::ACCEPTED, &json!("discard")));
            let resend = api
                .engine()
                .as_operator_in(api.acme)
                .resend(answer.json["id"].as_str().expect("an id").parse().expect("an id"));
            resend.await_end(Duration::from_mins(1)).await.expect("ended");
            api.get(&format!("/v1/accounts/acme/resends/{}", answer.json["id"].as_str().expect("an id"))).await.json["sent"].clone()
        };
        assert_eq!(discarded(some("discard", "task.failed").await).await, json!(1));
        api.send("POST", &format!("{path}/enable"), "", &[]).await;
        assert_eq!(some("release", "task.failed").await.json, json!({"count": 0}));
        assert_eq!(some("release", "task..lost").await.pointer(), "/eventTypes/0");
        assert_eq!(all("release").await.json, json!({"count": 2}));
        assert_eq!(discarded(all("discard").await).await, json!(0));
        assert_eq!(held().await, json!([]));

        let unknown = "/v1/accounts/acme/endpoints/ep_unknown/held";
        api.get(unknown).await;
        api.send("POST", &format!("{unknown}/release"), "", &[]).await;
        api.send("POST", &format!("{unknown}/discard"), "", &[]).await;
        api.assert_problems("GET /v1/accounts/{account}/endpoints/{endpoint}/held");
        api.assert_problems("POST /v1/accounts/{account}/endpoints/{endpoint}/held/release");
    }
}
