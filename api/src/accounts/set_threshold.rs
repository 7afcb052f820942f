//! `PUT /v1/accounts/{account}/balance/threshold`: the threshold of the balance.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use signet_engine::{deliver::ingest::IngestError, service::accounts::ThresholdError};
use signet_model::Amount;
use utoipa::ToSchema;

use crate::{
    access::{Api, BalanceWrite, InAccount},
    json::Given,
    problem::{Code, Problem, problems},
};

problems!(IN_ACCOUNT, BODY; TooManyEvents);

/// A threshold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewThreshold {
    /// The balance below which `balance.low` is sent; `null` for none.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<f64>, required = true)]
    threshold: Option<Amount>,
}

/// Set the threshold of the balance.
///
/// If the balance is below it, that is a crossing, and `balance.low` is sent.
#[utoipa::path(
    put, path = "/v1/accounts/{account}/balance/threshold", operation_id = "setThreshold", tag = "Accounts",
    security(("key" = ["balance:write"])),
    request_body(content = NewThreshold, example = json!({"threshold": 50})),
    responses((status = 204, description = "The threshold is stored."), Problems)
)]
pub async fn set_threshold(
    State(api): State<Api>,
    caller: InAccount<BalanceWrite>,
    Given(new): Given<NewThreshold>,
) -> Result<StatusCode, Problem> {
    api.intake().count(caller.id())?;
    caller.account().set_balance_threshold(new.threshold).await.map_err(|error| match error {
        ThresholdError::Ingest(IngestError::UnknownAccount) => {
            Problem::new(Code::NoSuchAccount, "There is no such account.")
        }
        ThresholdError::Ingest(error) => error.into(),
        ThresholdError::Operation(error) => error.into(),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use signet_engine::{
        limits::Rate,
        testing::{TestDatabase, on_each_database},
    };

    use super::*;
    use crate::testing::TestApi;

    const PATH: &str = "/v1/accounts/acme/balance";

    on_each_database!(a_threshold_is_set_read_and_cleared);
    async fn a_threshold_is_set_read_and_cleared(database: TestDatabase) {
        let api = TestApi::on(database).await;
        api.subscribe(api.acme).await;
        assert_eq!(api.get(PATH).await.json, json!({"balance": null, "threshold": null}));
        api.put(PATH, &json!({"balance": 45.5})).await;
        let set = async |threshold| api.put(&format!("{PATH}/threshold"), &json!({ "threshold": threshold })).await;
        assert_eq!(set(json!(50)).await.status, StatusCode::NO_CONTENT);
        assert_eq!(api.get(PATH).await.json.to_string(), r#"{"balance":45.5,"threshold":50}"#);
        assert_eq!(api.delivery_count(api.acme).await, 1, "it was a crossing");
        assert_eq!(set(json!(null)).await.status, StatusCode::NO_CONTENT);
        assert_eq!(api.get(PATH).await.json["threshold"], json!(null));
        for body in [json!({}), json!({"threshold": "50"})] {
            assert_eq!(api.put(&format!("{PATH}/threshold"), &body).await.pointer(), "/threshold", "{body}");
        }
    }

    #[tokio::test]
    async fn a_threshold_counts_as_an_event() {
        let api = TestApi::with_event_rate(Rate::new(1, Duration::from_hours(1))).await;
        for _ in 0..2 {
            api.put(&format!("{PATH}/threshold"), &json!({"threshold": 1})).await;
        }
        api.assert_problems("PUT /v1/accounts/{account}/balance/threshold");
    }
}
