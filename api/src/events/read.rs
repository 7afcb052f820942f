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
