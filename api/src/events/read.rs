//! `GET /v1/accounts/{account}/events/{event}`: one event with its deliveries.

use axum::Json;
use serde::Serialize;
use signet_model::EventId;
use utoipa::ToSchema;

use super::Event;
use crate::{
    access::{DeliveriesRead, InAccount},
    deliveries::{Delivery, line},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT; NoSuchEvent);

/// An event with its deliveries.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventDetail {
    /// The event.
    event: Event,
    /// The body; `null` once retention removed it.
    body: Option<String>,
    /// Its deliveries.
    deliveries: Vec<Delivery>,
}

/// Read an event.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/events/{event}", operation_id = "readEvent", tag = "Events",
    security(("key" = ["deliveries:read"])),
    responses((status = 200, body = EventDetail, description = "The event with its deliveries."), Problems)
)]
pub async fn read_event(
    caller: InAccount<DeliveriesRead>,
    InPath(id): InPath<EventId>,
) -> Result<Json<EventDetail>, Problem> {
    let detail = caller.account().event(id).await?;
    Ok(Json(EventDetail {
        event: detail.event.into(),
        body: detail.body,
        deliveries: detail.deliveries.deliveries.into_iter().map(line).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::{TestApi, event};

    on_each_database!(an_event_is_read_with_its_body_and_its_deliveries);
    async fn an_event_is_read_with_its_body_and_its_deliveries(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let endpoint = api.subscribe(api.acme).await;
        let id = api.post("/v1/events", &event()).await.json["id"].clone();
        let path = format!("/v1/accounts/acme/events/{}", id.as_str().expect("an id"));
        let read = api.get(&path).await;
        assert_eq!((read.status, &read.json["event"]["id"]), (StatusCode::OK, &id), "{read:?}");
        assert!(read.json["body"].as_str().is_some_and(|body| body.contains("task_1")), "{read:?}");
        assert_eq!(read.json["deliveries"][0]["endpoint"], json!(endpoint.to_string()));
        let unknown = api.get("/v1/accounts/acme/events/evt_unknown").await;
        assert_eq!((unknown.status, &unknown.json["code"]), (StatusCode::NOT_FOUND, &json!("no_such_event")));
        api.assert_problems("GET /v1/accounts/{account}/events/{event}");
    }
}
