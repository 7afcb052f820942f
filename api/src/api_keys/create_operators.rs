//! `POST /v1/api-keys`: a new key of the operator.

use axum::{
    Json,
    http::{StatusCode, header},
    response::IntoResponse,
};

use super::{CreatedApiKey, KeyDraft, refusal};
use crate::{
    access::{AccountsWrite, Operator},
    json::Given,
    problem::{Problem, problems},
};

problems!(OPERATOR, BODY, POST);

/// Create an API key of the operator.
///
/// It names any account. The answer has its text, this once.
#[utoipa::path(
    post, path = "/v1/api-keys", operation_id = "createOperatorKey", tag = "API keys",
    security(("key" = ["accounts:write"])),
    request_body(content = KeyDraft, example = json!({"name": "shop", "scopes": ["events:write"]})),
    responses((status = 201, body = CreatedApiKey, description = "The key."), Problems)
)]
pub async fn create_operator_key(
    caller: Operator<AccountsWrite>,
    Given(draft): Given<KeyDraft>,
) -> Result<impl IntoResponse, Problem> {
    let draft = draft.read(caller.caller())?;
    let made = caller.engine().operator_keys().create(&caller.actor(), &draft).await.map_err(refusal)?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(CreatedApiKey::from(made))))
}
