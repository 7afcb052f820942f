//! `POST /v1/accounts`: a new account.

use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Deserialize;
use signet_engine::service::{self, accounts::NameError};
use signet_model::text::AccountName;
use utoipa::ToSchema;

use super::Account;
use crate::{
    access::{AccountsWrite, Operator},
    json::{Given, members},
    problem::{Code, Problem, problems},
    version::Versioned,
};

problems!(OPERATOR, BODY, POST; NameTaken);

/// An account to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAccount {
    /// The name by which producers call it. It means this account for as long as that exists.
    #[serde(deserialize_with = "members::parsed")]
    #[schema(value_type = String, min_length = 1, max_length = 255)]
    name: AccountName,
}

/// Create an account.
#[utoipa::path(
    post, path = "/v1/accounts", operation_id = "createAccount", tag = "Accounts",
    security(("key" = ["accounts:write"])),
    request_body(content = NewAccount, example = json!({"name": "shop"})),
    responses(
        (status = 201, body = Account, description = "The account.", headers(
            ("ETag", description = "Its version."), ("Location", description = "Its path."),
        )),
        Problems
    )
)]
pub async fn create_account(
    caller: Operator<AccountsWrite>,
    Given(new): Given<NewAccount>,
) -> Result<impl IntoResponse, Problem> {
    let account = caller.engine().accounts().create(&caller.actor(), &new.name).await.map_err(name_problem)?;
    let path = format!("/v1/accounts/{}", account.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, path)], Versioned(account.version, Account::from(account))))
}

/// The problem of a name that was not given.
pub(super) fn name_problem(error: NameError) -> Problem {
    match error {
        NameError::Taken => Problem::new(Code::NameTaken, "Another account has this name.").at("/name"),
        NameError::Store(error) => service::Error::into(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use super::*;
    use crate::testing::{TestApi, event};

    on_each_database!(an_account_is_created_found_renamed_and_erased);
    async fn an_account_is_created_found_renamed_and_erased(database: TestDatabase) {
        let api = TestApi::on(database).await.with_operator_key().await;
        let made = api.post("/v1/accounts", &json!({"name": "shop"})).await;
        assert_eq!(
            (made.status, &made.headers["etag"]),
            (StatusCode::CREATED, &"\"1\"".parse().expect("a value")),
            "{made:?}"
        );
        let id = made.json["id"].as_str().expect("an id");
        assert_eq!(made.headers["location"], format!("/v1/accounts/{id}"));
        let taken = api.post("/v1/accounts", &json!({"name": "shop"})).await;
        assert_eq!(
            (taken.status, &taken.json["code"], taken.pointer()),
            (StatusCode::CONFLICT, &json!("name_taken"), "/name")
        );
        api.assert_problems("POST /v1/accounts");

        let listed = api.get("/v1/accounts?limit=2").await;
        assert_eq!(listed.json["data"].as_array().map(Vec::len), Some(2));
        let next = format!("/v1/accounts?limit=2&cursor={}", listed.json["nextCursor"].as_str().expect("a cursor"));
        let rest = api.get(&next).await.json;
        assert_eq!(rest["data"].as_array().map(Vec::len), Some(1));
        // Accounts of one instant are in no order.
        let pages = [&listed.json["data"], &rest["data"]].map(|page| page.as_array().expect("a page"));
        assert!(pages.into_iter().flatten().any(|account| *account == made.json), "{listed:?} {rest}");

        let path = "/v1/accounts/shop";
        assert_eq!(api.patch(path, &json!({"name": "acme"})).await.json["code"], "name_taken");
        let renamed = api.patch(path, &json!({"name": "market"})).await;
        assert_eq!((renamed.status, &renamed.json["name"]), (StatusCode::OK, &json!("market")), "{renamed:?}");
        for (tag, code) in [("\"1\"", "changed_meanwhile"), ("\"1\", \"2\"", "bad_precondition")] {
            let refused = api.send("PATCH", path, json!({"name": "late"}).to_string(), &[("if-match", tag)]).await;
            assert_eq!(refused.json["code"], code);
        }
        api.assert_problems("PATCH /v1/accounts/{account}");

        // A former name goes on meaning the account, and no other one.
        assert_eq!(api.post("/v1/accounts", &json!({"name": "shop"})).await.json["code"], "name_taken");
        for name in ["shop", "market", id] {
            assert_eq!(api.get(&format!("/v1/accounts/{name}")).await.json, renamed.json, "{name}");
            let mut event = event();
            event["account"] = json!(name);
            assert_eq!(api.post("/v1/events", &event).await.status, StatusCode::ACCEPTED, "{name}");
        }
        let back = api.patch(path, &json!({"name": "shop"})).await;
        assert_eq!((back.status, &back.json["name"]), (StatusCode::OK, &json!("shop")));

        let erased = api.delete("/v1/accounts/market").await;
        assert_eq!((erased.status, &erased.json["events"]), (StatusCode::OK, &json!(3)));
        assert_eq!(api.get(path).await.json["code"], "no_such_account");
        assert_eq!(api.post("/v1/accounts", &json!({"name": "market"})).await.status, StatusCode::CREATED);
    }
}
