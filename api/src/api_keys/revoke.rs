//! `DELETE /v1/accounts/{account}/api-keys/{key}`: revokes a key.

use axum::http::StatusCode;
use signet_model::ApiKeyId;

use crate::{
    access::{AccountsWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT; NoSuchApiKey);

/// Revoke an API key.
///
/// In this process it ends at once, in others within a second. It stays in the list.
#[utoipa::path(
    delete, path = "/v1/accounts/{account}/api-keys/{key}", operation_id = "revokeApiKey", tag = "API keys",
    security(("key" = ["accounts:write"])),
    responses((status = 204, description = "The key is revoked."), Problems)
)]
pub async fn revoke_api_key(
    caller: InAccount<AccountsWrite>,
    InPath(id): InPath<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    caller.account().api_keys().revoke(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
