//! `PUT /v1/accounts/{account}/balance`: stores the balance of an account, and answers 204
//! once it is durable, with the `balance.low` that it makes below the threshold.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;
use signet_model::{
    Amount,
    event::MemberFault,
    payload::{self, Value, push_pointer},
};

use utoipa::ToSchema;

use crate::{
    access::{Allowed, Api, BalanceWrite},
    body::JsonBody,
    problem::{Code, Problem, problems},
};

problems!(CALLER, BODY; NoSuchAccount, TooManyEvents);

/// The largest body, in bytes.
const MAX_LEN: usize = 4 * 1024;

/// A balance, as the operator's backend reports it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBalance {
    /// A decimal.
    #[schema(example = 45.5)]
    #[expect(dead_code, reason = "read from the text, so that no digit is lost")]
    balance: f64,
}

/// Set the balance.
///
/// Answers once the balance is durable, with the `balance.low` that it makes below the threshold.
#[utoipa::path(
    put, path = "/v1/accounts/{account}/balance", operation_id = "setBalance", tag = "Accounts",
    security(("key" = ["balance:write"])),
    request_body(content = NewBalance, example = json!({"balance": 45.5})),
    responses((status = 204, description = "The balance is stored."), Problems)
)]
pub async fn set_balance(
    State(api): State<Api>,
    allowed: Allowed<BalanceWrite>,
    Path(account): Path<String>,
    body: JsonBody<MAX_LEN>,
) -> Result<StatusCode, Problem> {
    let balance = read(body.text()?)?;
    let stored = async { api.intake().account(allowed.caller(), Some(&account)).await?.set_balance(balance).await };
    stored.await.map_err(hide_account)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account stands in the path: another account than the caller's does not exist there.
fn hide_account(problem: Problem) -> Problem {
    if problem.code().is_temporary() { problem } else { Problem::new(Code::NoSuchAccount, "There is no such account.") }
}

fn read(text: &str) -> Result<Amount, Problem> {
    let Value::Object(mut members) = payload::parse(text).map_err(MemberFault::from)? else {
        return Err(Problem::member("", "must be an object such as {\"balance\":45.5}"));
    };
    let balance = match members.take("balance") {
        Some(Value::Number(number)) => Amount::try_from(number).ok(),
        _ => None,
    };
    if let Some((name, _)) = members.iter().next() {
        let mut pointer = String::new();
        push_pointer(&mut pointer, name);
        return Err(Problem::member(pointer, "is not a member of this request; remove it"));
    }
    balance.ok_or_else(|| Problem::member("/balance", "must be a number such as 45.5"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use insta::assert_snapshot;
    use serde_json::json;
    use signet_engine::{
        limits::Rate,
        testing::{TestDatabase, on_each_database},
    };

    use super::*;
    use crate::testing::TestApi;

    on_each_database!(a_balance_below_the_threshold_is_told_once);
    async fn a_balance_below_the_threshold_is_told_once(database: TestDatabase) {
        let api = TestApi::on(database).await;
        api.subscribe(api.acme).await;
        api.set_threshold(api.acme, "50").await;
        for (balance, deliveries) in [(50.0, 0), (45.5, 1), (45.0, 1), (60.0, 1), (1.0, 2)] {
            let answer = api.put("/v1/accounts/acme/balance", &json!({ "balance": balance })).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
            assert_eq!(api.delivery_count(api.acme).await, deliveries, "after {balance}");
        }
    }

    on_each_database!(another_account_does_not_exist);
    async fn another_account_does_not_exist(database: TestDatabase) {
        let api = TestApi::on(database).await;
        for account in ["other".to_owned(), api.other.to_string(), "nobody".to_owned()] {
            let answer = api.put(&format!("/v1/accounts/{account}/balance"), &json!({"balance": 1})).await;
            assert_eq!((answer.status, &answer.json["code"]), (StatusCode::NOT_FOUND, &json!("no_such_account")));
        }
        assert_eq!(api.balance(api.other).await, None);
        let own = format!("/v1/accounts/{}/balance", api.acme);
        assert_eq!(api.put(&own, &json!({"balance": 1})).await.status, StatusCode::NO_CONTENT);
    }

    on_each_database!(a_member_that_is_not_valid_is_named);
    async fn a_member_that_is_not_valid_is_named(database: TestDatabase) {
        let api = TestApi::on(database).await;
        for (body, pointer) in [
            ("45.5", ""),
            ("{}", "/balance"),
            (r#"{"balance":"45.5"}"#, "/balance"),
            (r#"{"balance":1e999}"#, "/balance"),
            (r#"{"balance":1,"currency":"EUR"}"#, "/currency"),
        ] {
            let answer = api.send("PUT", "/v1/accounts/acme/balance", body, &[]).await;
            assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, pointer), "{body}");
        }
    }

    on_each_database!(the_operator_may_set_any_balance);
    async fn the_operator_may_set_any_balance(database: TestDatabase) {
        let api = TestApi::on(database).await.with_operator_key().await;
        assert_eq!(api.put("/v1/accounts/other/balance", &json!({"balance": 7})).await.status, StatusCode::NO_CONTENT);
        assert_eq!(api.balance(api.other).await.as_deref(), Some("7"));
    }

    #[tokio::test]
    async fn the_declared_problems_are_answered() {
        let api = TestApi::with_event_rate(Rate::new(1, Duration::from_hours(1))).await;
        let path = "/v1/accounts/acme/balance";
        api.provoke_problems_of_a_body("PUT", path, MAX_LEN).await;
        api.put("/v1/accounts/other/balance", &json!({"balance": 1})).await;
        api.put(path, &json!({"balance": 1})).await;
        api.put(path, &json!({"balance": 1})).await;
        api.close_database().await;
        api.with_authorization("Bearer sk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            .put(path, &json!({"balance": 1}))
            .await;
        assert_snapshot!(api.provoked.documents("PUT /v1/accounts/{account}/balance"));
    }

    #[tokio::test]
    async fn a_balance_that_cannot_be_stored_now_is_to_come_back() {
        let api = TestApi::new().await;
        let put = async || api.put("/v1/accounts/acme/balance", &json!({"balance": 1})).await;
        assert_eq!(put().await.status, StatusCode::NO_CONTENT);
        api.close_database().await;
        let answer = put().await;
        assert_eq!((answer.status, &answer.json["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("try_again")));
        assert_eq!(answer.headers[axum::http::header::RETRY_AFTER], "1");
    }
}
