//! `POST /v1/accounts/{account}/endpoints/{endpoint}/secret/call-off`: drops the next secret.

use axum::http::StatusCode;
use signet_model::EndpointId;

use crate::{
    access::{EndpointsWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
    version::IfMatch,
};

problems!(IN_ACCOUNT, POST, CHANGE; NoSuchEndpoint, NoRotation);

/// Call a rotation off.
///
/// The next secret is dropped, and the current one goes on signing.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints/{endpoint}/secret/call-off", operation_id = "callOffRotation",
    tag = "Webhooks", security(("key" = ["endpoints:write"])),
    responses((status = 204, description = "Done."), Problems)
)]
pub async fn call_off_rotation(
    caller: InAccount<EndpointsWrite>,
    InPath(id): InPath<EndpointId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Problem> {
    caller.account().endpoint(id).if_version(version).call_off_rotation().await?;
    Ok(StatusCode::NO_CONTENT)
}
