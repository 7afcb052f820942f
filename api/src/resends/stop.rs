//! `POST /v1/accounts/{account}/resends/{resend}/stop`: stops a resend.

use axum::Json;
use signet_model::ResendId;

use super::Resend;
use crate::{
    access::{DeliveriesWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, POST; NoSuchResend);

/// Stop a resend.
///
/// What waits for its turn already is sent. A resend that has ended stays as it is.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/resends/{resend}/stop", operation_id = "stopResend", tag = "Deliveries",
    security(("key" = ["deliveries:write"])),
    responses((status = 200, body = Resend, description = "The resend."), Problems)
)]
pub async fn stop_resend(
    caller: InAccount<DeliveriesWrite>,
    InPath(id): InPath<ResendId>,
) -> Result<Json<Resend>, Problem> {
    Ok(Json(caller.account().resend(id).stop().await?.into()))
}
