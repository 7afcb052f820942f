//! `POST /v1/accounts/{account}/api-keys`: a new key.

use axum::{
    Json,
    http::{StatusCode, header},
    response::IntoResponse,
};
use signet_engine::service::{self, api_keys::CreateKeyError};

use super::{CreatedApiKey, KeyDraft};
use crate::{
    access::{AccountsWrite, InAccount},
    json::Given,
    problem::{Code, Problem, problems},
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
    let (name, scopes) = draft.read(caller.caller())?;
    let made = caller.account().api_keys().create(&name, scopes).await.map_err(|error| match error {
        CreateKeyError::TooMany(_) => Problem::new(Code::TooManyApiKeys, error.to_string()),
        CreateKeyError::Store(error) => service::Error::from(error).into(),
    })?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(CreatedApiKey::from(made))))
}
