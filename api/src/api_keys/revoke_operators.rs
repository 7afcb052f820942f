//! `DELETE /v1/api-keys/{key}`: revokes a key.

use axum::http::StatusCode;
use signet_model::ApiKeyId;

use crate::{
    access::{AccountsWrite, Operator},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(OPERATOR; NoSuchApiKey);

/// Revoke an API key of the operator.
///
/// In this process it ends at once, in others within a second. It stays in the list.
#[utoipa::path(
    delete, path = "/v1/api-keys/{key}", operation_id = "revokeOperatorKey", tag = "API keys",
    security(("key" = ["accounts:write"])),
    responses((status = 204, description = "The key is revoked."), Problems)
)]
pub async fn revoke_operator_key(
    caller: Operator<AccountsWrite>,
    InPath(id): InPath<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    caller.engine().operator_keys().revoke(&caller.actor(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
