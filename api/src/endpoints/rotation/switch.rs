//! `POST /v1/accounts/{account}/endpoints/{endpoint}/secret/switch`: switches to the next secret.

use axum::http::StatusCode;
use signet_model::EndpointId;

use crate::{
    access::{EndpointsWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
    version::IfMatch,
};

problems!(IN_ACCOUNT, POST, CHANGE; NoSuchEndpoint, NoRotation);

/// Switch to the next secret.
///
/// It signs alone from now on.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints/{endpoint}/secret/switch", operation_id = "switchSecret",
    tag = "Webhooks", security(("key" = ["endpoints:write"])),
    responses((status = 204, description = "Done."), Problems)
)]
pub async fn switch_secret(
    caller: InAccount<EndpointsWrite>,
    InPath(id): InPath<EndpointId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Problem> {
    caller.account().endpoint(id).if_version(version).switch_secret().await?;
    Ok(StatusCode::NO_CONTENT)
}
