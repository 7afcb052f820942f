//! `POST /v1/accounts/{account}/endpoints/{endpoint}/held/discard`: drops what is held.

use axum::{Json, http::StatusCode};
use signet_model::EndpointId;

use super::HeldChoice;
use crate::{
    access::{DeliveriesWrite, InAccount},
    endpoints::types,
    ids::InPath,
    json::GivenOrNone,
    problem::{Problem, problems},
    resends::Resend,
};

problems!(IN_ACCOUNT, BODY, POST; NoSuchEndpoint, ResendUnderWay, TooManyResends);

/// Discard what is held.
///
/// The deliveries will not be sent; their events stay readable. The work goes on without the
/// caller; read the resend for its progress. It can be paused and stopped like one that sends.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints/{endpoint}/held/discard", operation_id = "discardHeld",
    tag = "Webhooks", security(("key" = ["deliveries:write"])),
    request_body(content = Option<HeldChoice>, example = json!({"eventTypes": ["task.completed"]})),
    responses((status = 202, body = Resend, description = "The resend, whose action is `discard`."), Problems)
)]
pub async fn discard_held(
    caller: InAccount<DeliveriesWrite>,
    InPath(id): InPath<EndpointId>,
    GivenOrNone(choice): GivenOrNone<HeldChoice>,
) -> Result<(StatusCode, Json<Resend>), Problem> {
    let types = types(choice.event_types)?;
    let resend = caller.account().endpoint(id).start_discard(&types).await?;
    Ok((StatusCode::ACCEPTED, Json(resend.into())))
}
