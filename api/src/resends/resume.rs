//! `POST /v1/accounts/{account}/resends/{resend}/resume`: has a resend go on.

use axum::Json;
use signet_model::ResendId;

use super::Resend;
use crate::{
    access::{DeliveriesWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, POST; NoSuchResend);

/// Resume a resend.
///
/// It goes on from where it was paused. A resend that is not paused stays as it is.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/resends/{resend}/resume", operation_id = "resumeResend", tag = "Deliveries",
    security(("key" = ["deliveries:write"])),
    responses((status = 200, body = Resend, description = "The resend."), Problems)
)]
pub async fn resume_resend(
    caller: InAccount<DeliveriesWrite>,
    InPath(id): InPath<ResendId>,
) -> Result<Json<Resend>, Problem> {
    Ok(Json(caller.account().resend(id).resume().await?.into()))
}
