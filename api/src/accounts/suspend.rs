//! `POST /v1/accounts/{account}/suspend`: suspends an account.

use super::Account;
use crate::{
    access::{AccountsWrite, OperatorIn},
    problem::{Problem, problems},
    version::{IfMatch, Versioned},
};

problems!(OPERATOR, POST, CHANGE; NoSuchAccount);

/// Suspend an account.
///
/// It takes no events, none of its deliveries is sent, and nothing is lost: what waits goes on waiting until the account is resumed.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/suspend", operation_id = "suspendAccount", tag = "Accounts",
    security(("key" = ["accounts:write"])),
    responses(
        (status = 200, body = Account, description = "The account.", headers(("ETag", description = "Its version."))),
        Problems
    )
)]
pub async fn suspend_account(
    caller: OperatorIn<AccountsWrite>,
    IfMatch(version): IfMatch,
) -> Result<Versioned<Account>, Problem> {
    let account = caller.account();
    account.if_version(version).suspend().await?;
    let account = account.get().await?;
    Ok(Versioned(account.version, account.into()))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::{TestApi, event};

    on_each_database!(a_suspended_account_takes_no_events_until_it_is_resumed);
    async fn a_suspended_account_takes_no_events_until_it_is_resumed(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let operator = api.clone().with_operator_key().await;
        let post = async |change: &str, tag: &str| {
            operator.send("POST", &format!("/v1/accounts/acme/{change}"), "", &[("if-match", tag)]).await
        };
        assert_eq!(api.post("/v1/events", &event()).await.status, StatusCode::ACCEPTED);
        let suspended = post("suspend", "*").await;
        assert_eq!(
            (suspended.status, suspended.json["suspendedAt"].is_string()),
            (StatusCode::OK, true),
            "{suspended:?}"
        );
        assert_eq!(api.get("/v1/accounts/acme").await.json, suspended.json, "its people see it");
        let refused = api.post("/v1/events", &event()).await;
        assert_eq!((refused.status, &refused.json["code"]), (StatusCode::FORBIDDEN, &json!("account_suspended")));
        let refused = api.post("/v1/events/batch", &json!([event()])).await;
        assert_eq!(refused.json["results"][0]["error"]["code"], "account_suspended");
        let neighbour = api.with_key_of(api.other).await;
        assert_eq!(neighbour.post("/v1/events", &event()).await.status, StatusCode::ACCEPTED);
        let resumed = post("resume", "*").await;
        assert_eq!((resumed.status, &resumed.json["suspendedAt"]), (StatusCode::OK, &json!(null)));
        assert_eq!(api.post("/v1/events", &event()).await.status, StatusCode::ACCEPTED);
        for change in ["suspend", "resume"] {
            for (tag, code) in [("\"1\"", "changed_meanwhile"), ("\"1\", \"2\"", "bad_precondition")] {
                assert_eq!(post(change, tag).await.json["code"], code);
            }
        }
        operator.assert_problems("POST /v1/accounts/{account}/suspend");
        operator.assert_problems("POST /v1/accounts/{account}/resume");
    }
}
