//! `GET /v1/key`: the key of the request itself.

use axum::Json;
use serde::Serialize;
use signet_model::{AccountId, Scope};
use utoipa::ToSchema;

use crate::{
    access::Caller,
    ids::schema,
    problem::{Problem, problems},
    time::Time,
};

problems!(; Unauthenticated, TryAgain);

/// The key of a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnKey {
    /// The account that the key speaks for; `null` for a key of the operator.
    #[schema(value_type = Option<schema::AccountId>)]
    account: Option<AccountId>,
    /// The scopes of the key.
    scopes: Vec<&'static str>,
    /// The instant from which the key is refused; `null` if it does not expire.
    expires_at: Option<Time>,
}

/// Read the key of the request.
///
/// Needs no scope: a program that is given a key finds out by this what the key allows.
#[utoipa::path(
    get, path = "/v1/key", operation_id = "readOwnKey", tag = "API keys", security(("key" = [])),
    responses((status = 200, body = OwnKey, description = "The key."), Problems)
)]
pub async fn read_own_key(caller: Caller) -> Result<Json<OwnKey>, Problem> {
    let scopes = Scope::ALL.into_iter().filter(|scope| caller.scopes().contains(*scope));
    Ok(Json(OwnKey {
        account: caller.own_account(),
        scopes: scopes.map(Scope::as_str).collect(),
        expires_at: caller.expires_at().map(Time),
    }))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;

    use crate::testing::TestApi;

    #[tokio::test]
    async fn a_key_tells_its_account_and_its_scopes() {
        let api = TestApi::new().await;
        let answer = api.get("/v1/key").await;
        assert_eq!((answer.status, &answer.json["account"]), (StatusCode::OK, &json!(api.acme.to_string())));
        assert!(answer.json["scopes"].as_array().is_some_and(|scopes| scopes.contains(&json!("events:write"))));
        let answer = api.clone().with_operator_key().await.get("/v1/key").await;
        assert_eq!(answer.json["account"], json!(null));
        assert_eq!(api.with_authorization("").get("/v1/key").await.status, StatusCode::UNAUTHORIZED);
    }
}
