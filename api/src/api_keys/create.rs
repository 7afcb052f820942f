//! `POST /v1/accounts/{account}/api-keys`: a new key.

use axum::{
    Json,
    http::{StatusCode, header},
    response::IntoResponse,
};

use super::{CreatedApiKey, KeyDraft, refusal};
use crate::{
    access::{AccountsWrite, InAccount},
    json::Given,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, BODY, POST; TooManyApiKeys);

/// Create an API key.
///
/// The answer has its text, this once.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/api-keys", operation_id = "createApiKey", tag = "API keys",
    security(("key" = ["accounts:write"])),
    request_body(content = KeyDraft, example = json!({"name": "shop", "scopes": ["events:write"]})),
    responses((status = 201, body = CreatedApiKey, description = "The key."), Problems)
)]
pub async fn create_api_key(
    caller: InAccount<AccountsWrite>,
    Given(draft): Given<KeyDraft>,
) -> Result<impl IntoResponse, Problem> {
    let draft = draft.read(caller.caller())?;
    let made = caller.account().api_keys().create(&draft).await.map_err(refusal)?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(CreatedApiKey::from(made))))
}
