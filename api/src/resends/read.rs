//! `GET /v1/accounts/{account}/resends/{resend}`: how far a resend has come.

use axum::Json;
use signet_model::ResendId;

use super::Resend;
use crate::{
    access::{DeliveriesRead, InAccount},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT; NoSuchResend);

/// Read a resend.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/resends/{resend}", operation_id = "readResend", tag = "Deliveries",
    security(("key" = ["deliveries:read"])),
    responses((status = 200, body = Resend, description = "The resend."), Problems)
)]
pub async fn read_resend(
    caller: InAccount<DeliveriesRead>,
    InPath(id): InPath<ResendId>,
) -> Result<Json<Resend>, Problem> {
    Ok(Json(caller.account().resend(id).get().await?.into()))
}
