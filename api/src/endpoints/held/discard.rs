//! `POST /v1/accounts/{account}/endpoints/{endpoint}/held/discard`: drops what is held.

use axum::Json;
use signet_model::EndpointId;

use super::{DeliveryCount, HeldChoice};
use crate::{
    access::{DeliveriesWrite, InAccount},
    endpoints::types,
    ids::InPath,
    json::GivenOrNone,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, BODY, POST; NoSuchEndpoint);

/// Discard what is held.
///
/// The deliveries will not be sent; their events stay readable.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints/{endpoint}/held/discard", operation_id = "discardHeld",
    tag = "Webhooks", security(("key" = ["deliveries:write"])),
    request_body(content = Option<HeldChoice>, example = json!({"eventTypes": ["task.completed"]})),
    responses((status = 200, body = DeliveryCount, description = "The number of deliveries that were dropped."), Problems)
)]
pub async fn discard_held(
    caller: InAccount<DeliveriesWrite>,
    InPath(id): InPath<EndpointId>,
    GivenOrNone(choice): GivenOrNone<HeldChoice>,
) -> Result<Json<DeliveryCount>, Problem> {
    let types = types(choice.event_types)?;
    let endpoint = caller.account().endpoint(id);
    endpoint.get().await?;
    Ok(Json(DeliveryCount { count: endpoint.discard(&types).await? }))
}
