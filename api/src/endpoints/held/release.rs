//! `POST /v1/accounts/{account}/endpoints/{endpoint}/held/release`: sends what is held.

use axum::Json;
use signet_model::EndpointId;

use super::{DeliveryCount, HeldChoice};
use crate::{
    access::{DeliveriesWrite, InAccount},
    endpoints::types,
    ids::InPath,
    json::GivenOrNone,
    problem::{Code, Problem, problems},
};

problems!(IN_ACCOUNT, BODY, POST; NoSuchEndpoint, EndpointDisabled);

/// Release what is held.
///
/// The deliveries go out paced, in the order of acceptance, with a new round of retries. The
/// work goes on if the caller does not wait for the answer.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints/{endpoint}/held/release", operation_id = "releaseHeld",
    tag = "Webhooks", security(("key" = ["deliveries:write"])),
    request_body(content = Option<HeldChoice>, example = json!({"eventTypes": ["task.completed"]})),
    responses((status = 200, body = DeliveryCount, description = "The number of deliveries that go out."), Problems)
)]
pub async fn release_held(
    caller: InAccount<DeliveriesWrite>,
    InPath(id): InPath<EndpointId>,
    GivenOrNone(choice): GivenOrNone<HeldChoice>,
) -> Result<Json<DeliveryCount>, Problem> {
    let types = types(choice.event_types)?;
    let endpoint = caller.account().endpoint(id);
    if endpoint.get().await?.disabled.is_some() {
        return Err(Problem::new(Code::EndpointDisabled, "This webhook is disabled. Enable it first."));
    }
    Ok(Json(DeliveryCount { count: endpoint.release(&types).await? }))
}
