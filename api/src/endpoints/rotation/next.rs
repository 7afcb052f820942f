//! `GET /v1/accounts/{account}/endpoints/{endpoint}/secret/next`: the next secret.

use axum::{Json, http::header, response::IntoResponse};
use signet_model::EndpointId;

use super::NextSecret;
use crate::{
    access::{EndpointsWrite, InAccount},
    ids::InPath,
    problem::{Code, Problem, problems},
};

problems!(IN_ACCOUNT; NoSuchEndpoint, Unusable, NoRotation);

/// Read the next secret.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/endpoints/{endpoint}/secret/next", operation_id = "readNextSecret",
    tag = "Webhooks", security(("key" = ["endpoints:write"])),
    responses((status = 200, body = NextSecret, description = "The next secret."), Problems)
)]
pub async fn read_next_secret(
    caller: InAccount<EndpointsWrite>,
    InPath(id): InPath<EndpointId>,
) -> Result<impl IntoResponse, Problem> {
    let rotation = caller.account().endpoint(id).reveal_rotation().await?;
    let rotation = rotation.ok_or_else(|| Problem::new(Code::NoRotation, "This webhook has no next secret."))?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(NextSecret::from(rotation))))
}
