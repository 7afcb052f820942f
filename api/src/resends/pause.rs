//! `POST /v1/accounts/{account}/resends/{resend}/pause`: pauses a resend.

use axum::Json;
use signet_model::ResendId;

use super::Resend;
use crate::{
    access::{DeliveriesWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, POST; NoSuchResend);

/// Pause a resend.
///
/// What waits for its turn already is sent. A resend that has ended, or is paused, stays as it is.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/resends/{resend}/pause", operation_id = "pauseResend", tag = "Deliveries",
    security(("key" = ["deliveries:write"])),
    responses((status = 200, body = Resend, description = "The resend."), Problems)
)]
pub async fn pause_resend(
    caller: InAccount<DeliveriesWrite>,
    InPath(id): InPath<ResendId>,
) -> Result<Json<Resend>, Problem> {
    Ok(Json(caller.account().resend(id).pause().await?.into()))
}
