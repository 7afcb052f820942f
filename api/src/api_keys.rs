//! Operations on API keys, of an account and of the operator.

mod create;
mod create_operators;
mod list;
mod list_operators;
mod read_own;
mod revoke;
mod revoke_operators;

use serde::{Deserialize, Serialize};
use signet_engine::service::api_keys::{self, ApiKeyDraft, CreateKeyError, NewApiKey};
use signet_model::{ApiKeyId, Scope, Scopes, scope::NoScope, text::KeyName};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{Api, Caller},
    ids::schema,
    json::members,
    problem::{Code, Problem},
    time::Time,
};

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_api_keys, create::create_api_key))
        .routes(routes!(revoke::revoke_api_key))
        .routes(routes!(read_own::read_own_key))
        .routes(routes!(list_operators::list_operator_keys, create_operators::create_operator_key))
        .routes(routes!(revoke_operators::revoke_operator_key))
}

/// An API key, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// The key's id.
    #[schema(value_type = schema::ApiKeyId)]
    id: ApiKeyId,
    /// The name that a person gave it.
    name: String,
    /// Its last four characters.
    hint: String,
    /// The scopes that it has.
    scopes: Vec<&'static str>,
    /// The instant of its creation.
    created_at: Time,
    /// Its last use, to the minute.
    last_used_at: Option<Time>,
    /// The instant from which it is refused; `null` if it does not expire.
    expires_at: Option<Time>,
    /// The instant of its revocation; `null` if it was not revoked.
    revoked_at: Option<Time>,
}

impl From<api_keys::ApiKey> for ApiKey {
    fn from(key: api_keys::ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name.0,
            hint: key.hint.0,
            scopes: key.scopes.iter().map(Scope::as_str).collect(),
            created_at: key.created_at.into(),
            last_used_at: key.last_used_at.map(Time),
            expires_at: key.expires_at.map(Time),
            revoked_at: key.revoked_at.map(Time),
        }
    }
}

/// A key that was created.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedApiKey {
    /// The key.
    #[serde(flatten)]
    described: ApiKey,
    /// Its text, `signet_sk_…`, which is not kept and cannot be read again.
    key: String,
}

impl From<NewApiKey> for CreatedApiKey {
    fn from(new: NewApiKey) -> Self {
        Self { described: new.key.into(), key: new.text }
    }
}

/// An API key to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub struct KeyDraft {
    /// The name by which a person recognises it.
    #[serde(deserialize_with = "members::parsed")]
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    name: KeyName,
    /// The scopes that it is to have, none beyond those of the key that creates it.
    #[schema(min_items = 1)]
    scopes: Vec<ScopeName>,
    /// The instant from which it is to be refused, in the future; without it, the key does
    /// not expire.
    expires_at: Option<Time>,
}

/// The name of a scope.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = Scope)]
enum ScopeName {
    #[serde(rename = "events:write")]
    EventsWrite,
    #[serde(rename = "endpoints:read")]
    EndpointsRead,
    #[serde(rename = "endpoints:write")]
    EndpointsWrite,
    #[serde(rename = "deliveries:read")]
    DeliveriesRead,
    #[serde(rename = "deliveries:write")]
    DeliveriesWrite,
    #[serde(rename = "balance:write")]
    BalanceWrite,
    #[serde(rename = "portal:write")]
    PortalWrite,
    #[serde(rename = "accounts:write")]
    AccountsWrite,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::EventsWrite => Self::EventsWrite,
            ScopeName::EndpointsRead => Self::EndpointsRead,
            ScopeName::EndpointsWrite => Self::EndpointsWrite,
            ScopeName::DeliveriesRead => Self::DeliveriesRead,
            ScopeName::DeliveriesWrite => Self::DeliveriesWrite,
            ScopeName::BalanceWrite => Self::BalanceWrite,
            ScopeName::PortalWrite => Self::PortalWrite,
            ScopeName::AccountsWrite => Self::AccountsWrite,
        }
    }
}

impl KeyDraft {
    /// The key, whose scopes the caller may give on.
    fn read(self, caller: Caller) -> Result<ApiKeyDraft, Problem> {
        let scopes = Scopes::new(self.scopes.into_iter().map(Scope::from))
            .map_err(|NoScope| Problem::member("/scopes", "must name one scope or more"))?;
        match scopes.beyond(caller.scopes()) {
            Some(scope) => {
                Err(caller.check(scope).err().unwrap_or_else(|| Problem::member("/scopes", "cannot be given")))
            }
            None => Ok(ApiKeyDraft { name: self.name, scopes, expires_at: self.expires_at.map(|at| at.0) }),
        }
    }
}

/// The reason for which no key was made.
fn refusal(error: CreateKeyError) -> Problem {
    match error {
        CreateKeyError::TooMany(_) => Problem::new(Code::TooManyApiKeys, error.to_string()),
        CreateKeyError::Expired => Problem::member("/expiresAt", "must be in the future"),
        CreateKeyError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::{
        Settings,
        testing::{TestDatabase, on_each_database, sqlite},
    };
    use signet_model::{Scope, Scopes, time::Clock};

    use crate::testing::{TestApi, event};

    const PATHS: [&str; 2] = ["/v1/accounts/acme/api-keys", "/v1/api-keys"];

    on_each_database!(a_key_is_created_with_its_scopes_and_works_until_it_is_revoked);
    async fn a_key_is_created_with_its_scopes_and_works_until_it_is_revoked(database: TestDatabase) {
        let api = TestApi::on(database).await.with_operator_key().await;
        for path in PATHS {
            let made = api.post(path, &json!({"name": "shop", "scopes": ["events:write"]})).await;
            assert_eq!(
                (made.status, &made.json["scopes"]),
                (StatusCode::CREATED, &json!(["events:write"])),
                "{made:?}"
            );
            let key = api.with_authorization(&format!("Bearer {}", made.json["key"].as_str().expect("a key")));
            let mut named = event();
            named["account"] = json!("acme");
            assert_eq!(key.post("/v1/events", &named).await.status, StatusCode::ACCEPTED);
            assert_eq!(key.get("/v1/accounts/acme/endpoints").await.json["code"], "missing_scope");

            let id = made.json["id"].as_str().expect("an id");
            // Keys of one instant are in no order.
            let listed = async || {
                let keys = api.get(path).await.json["data"].as_array().expect("a page").clone();
                keys.into_iter().find(|key| key["id"] == id).expect("it is listed")
            };
            assert_eq!(listed().await["revokedAt"], json!(null));
            let page = api.get(&format!("{path}?limit=1")).await;
            assert!(page.json["nextCursor"].is_string(), "there is another key");
            assert_eq!(api.delete(&format!("{path}/{id}")).await.status, StatusCode::NO_CONTENT);
            assert_eq!(key.post("/v1/events", &named).await.status, StatusCode::UNAUTHORIZED);
            assert!(listed().await["revokedAt"].is_string());
            assert_eq!(api.delete(&format!("{path}/key_unknown")).await.json["code"], "no_such_api_key");
        }
        api.assert_problems("DELETE /v1/accounts/{account}/api-keys/{key}");
        api.assert_problems("DELETE /v1/api-keys/{key}");
    }

    on_each_database!(a_key_gives_on_no_scope_that_it_has_not);
    async fn a_key_gives_on_no_scope_that_it_has_not(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let scopes = Scopes::new([Scope::AccountsWrite, Scope::EventsWrite]).expect("scopes");
        for (account, path) in [(Some(api.acme), PATHS[0]), (None, PATHS[1])] {
            let api = api.with_scopes(account, scopes).await;
            let before = api.rows().await;
            let refused = api.post(path, &json!({"name": "more", "scopes": ["events:write", "endpoints:write"]})).await;
            assert_eq!((refused.status, &refused.json["code"]), (StatusCode::FORBIDDEN, &json!("missing_scope")));
            assert!(refused.json["detail"].as_str().is_some_and(|it| it.contains("endpoints:write")), "{refused:?}");
            assert_eq!(api.rows().await, before);
            assert_eq!(
                api.post(path, &json!({"name": "less", "scopes": ["events:write"]})).await.status,
                StatusCode::CREATED
            );
        }
    }

    on_each_database!(a_member_that_is_not_valid_is_named);
    async fn a_member_that_is_not_valid_is_named(database: TestDatabase) {
        let api = TestApi::on(database).await.with_operator_key().await;
        for path in PATHS {
            for (body, pointer) in [
                (json!({"scopes": ["events:write"]}), "/name"),
                (json!({"name": "", "scopes": ["events:write"]}), "/name"),
                (json!({"name": "shop"}), "/scopes"),
                (json!({"name": "shop", "scopes": []}), "/scopes"),
                (json!({"name": "shop", "scopes": ["events:write", "all"]}), "/scopes/1"),
                (json!({"name": "shop", "scopes": ["events:write"], "expiresAt": "tomorrow"}), "/expiresAt"),
                (
                    json!({"name": "shop", "scopes": ["events:write"], "expiresAt": "2026-03-28T12:00:00Z"}),
                    "/expiresAt",
                ),
            ] {
                let answer = api.post(path, &body).await;
                assert_eq!(
                    (answer.status, answer.pointer()),
                    (StatusCode::UNPROCESSABLE_ENTITY, pointer),
                    "{answer:?}"
                );
            }
        }
    }

    on_each_database!(a_key_with_an_end_is_refused_from_then_on);
    async fn a_key_with_an_end_is_refused_from_then_on(database: TestDatabase) {
        let api = TestApi::on(database).await.with_operator_key().await;
        for path in PATHS {
            let end = api.clock.now() + Duration::from_hours(1);
            let draft = json!({"name": "shop", "scopes": ["events:write"], "expiresAt": end.to_string()});
            let made = api.post(path, &draft).await;
            assert_eq!((made.status, &made.json["expiresAt"]), (StatusCode::CREATED, &json!(end.to_string())));
            let key = api.with_authorization(&format!("Bearer {}", made.json["key"].as_str().expect("a key")));
            let own = key.get("/v1/key").await;
            assert_eq!((own.status, &own.json["expiresAt"]), (StatusCode::OK, &json!(end.to_string())));
            api.clock.advance(Duration::from_hours(1));
            assert_eq!(key.get("/v1/key").await.status, StatusCode::UNAUTHORIZED);
            let listed = api.get(path).await.json;
            let mut keys = listed["data"].as_array().expect("a page").iter();
            let listed = keys.find(|key| key["id"] == made.json["id"]).expect("it is listed");
            assert_eq!(listed["expiresAt"], json!(end.to_string()));
        }
    }

    #[tokio::test]
    async fn an_account_has_so_many_keys_and_the_operator_any_number() {
        let settings = Settings { max_api_keys_per_account: 1, ..Settings::default() };
        let api = TestApi::with_settings(sqlite().await, settings).await.with_operator_key().await;
        let refused = api.post(PATHS[0], &json!({"name": "more", "scopes": ["events:write"]})).await;
        assert_eq!((refused.status, &refused.json["code"]), (StatusCode::CONFLICT, &json!("too_many_api_keys")));
        for _ in 0..2 {
            let made = api.post(PATHS[1], &json!({"name": "more", "scopes": ["events:write"]})).await;
            assert_eq!(made.status, StatusCode::CREATED);
        }
        api.assert_problems("POST /v1/accounts/{account}/api-keys");
    }
}
