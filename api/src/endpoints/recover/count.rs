//! `GET /v1/accounts/{account}/endpoints/{endpoint}/recover`: counts what can be recovered.

use axum::{Json, extract::FromRequestParts, http::request::Parts};
use serde::{Deserialize, Serialize};
use signet_model::{EndpointId, Subscriptions, Timestamp};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{Api, DeliveriesRead, InAccount},
    endpoints::types,
    ids::InPath,
    json::members,
    list::query,
    problem::{Problem, problems},
    time::Time,
};

problems!(IN_ACCOUNT, LIST; NoSuchEndpoint);

/// The failed deliveries to count.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecoverParams {
    /// Only those of events accepted at this instant or later (RFC 3339).
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(value_type = Option<Time>, inline)]
    since: Option<Time>,
    /// The types of events: names, groups such as `task.*`, or `*`, with commas between; without
    /// them all.
    #[serde(default, deserialize_with = "members::if_given")]
    #[param(value_type = Option<Vec<String>>, style = Form, explode = false, min_items = 1)]
    event_types: Option<String>,
}

impl RecoverParams {
    fn types(&self) -> Result<Subscriptions, Problem> {
        let names = self.event_types.as_deref().map(|names| names.split(',').map(str::to_owned).collect());
        types(names).map_err(|problem| problem.of_parameter("eventTypes"))
    }
}

impl FromRequestParts<Api> for RecoverParams {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        query(&parts.uri)
    }
}

/// The number of deliveries that can be recovered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Recoverable {
    /// The number, counted up to 10,000.
    count: u64,
    /// True if there are more.
    more: bool,
}

/// Count failed deliveries.
///
/// Those that a recovery would send again.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/endpoints/{endpoint}/recover", operation_id = "countRecoverable",
    tag = "Webhooks", security(("key" = ["deliveries:read"])), params(RecoverParams),
    responses((status = 200, body = Recoverable, description = "The number."), Problems)
)]
pub async fn count_recoverable(
    caller: InAccount<DeliveriesRead>,
    InPath(id): InPath<EndpointId>,
    params: RecoverParams,
) -> Result<Json<Recoverable>, Problem> {
    let (since, types) = (params.since.map_or(Timestamp::from_unix_micros(0), |time| time.0), params.types()?);
    let endpoint = caller.account().endpoint(id);
    endpoint.get().await?;
    let count = endpoint.recoverable(since, &types).await?;
    Ok(Json(Recoverable { count: count.counted, more: count.more }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::testing::{Backlog, TestDatabase, on_each_database};

    use crate::testing::TestApi;

    on_each_database!(failed_deliveries_are_counted_and_recovered_by_type);
    async fn failed_deliveries_are_counted_and_recovered_by_type(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let endpoint = api.subscribe(api.acme).await;
        api.database().store_backlog(api.acme, endpoint, Backlog::Failed, 1..4).await;
        api.run("UPDATE deliveries SET event_type = 'task.failed' WHERE id IN (SELECT id FROM deliveries ORDER BY id LIMIT 1)").await;
        let path = format!("/v1/accounts/acme/endpoints/{endpoint}/recover");
        for (query, count) in [
            ("", 3),
            ("?eventTypes=task.failed", 1),
            ("?eventTypes=task.failed,balance.low", 1),
            ("?eventTypes=balance.low,task.*", 3),
            ("?eventTypes=*&since=2026-03-28T00:00:00Z", 3),
            ("?eventTypes=balance.low", 0),
            ("?since=2026-03-28T12:00:00Z", 0),
        ] {
            let answer = api.get(&format!("{path}{query}")).await;
            assert_eq!(answer.json, json!({"count": count, "more": false}), "{query}");
        }
        for (query, parameter) in [
            ("?eventTypes=", "eventTypes"),
            ("?eventTypes=task.failed,Task", "eventTypes"),
            ("?eventTypes=task.*&eventTypes=task.*", "eventTypes"),
            ("?since=yesterday", "since"),
            ("?types=task.failed", "types"),
        ] {
            let answer = api.get(&format!("{path}{query}")).await;
            assert_eq!(answer.json["errors"][0]["parameter"], parameter, "{query} {answer:?}");
        }

        let begun = api.post(&path, &json!({"since": "2026-03-28T00:00:00Z", "eventTypes": ["task.failed"]})).await;
        assert_eq!(begun.status, StatusCode::ACCEPTED, "{begun:?}");
        let id = begun.json["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let resend = api.engine().as_operator_in(api.acme).resend(id).await_end(Duration::from_mins(1)).await;
        assert_eq!(resend.expect("the resend").sent, 1);
        let wrong = json!({"since": "2026-03-28T00:00:00Z", "eventTypes": ["task.failed", "Task"]});
        assert_eq!(api.post(&path, &wrong).await.pointer(), "/eventTypes/1");

        let unknown = "/v1/accounts/acme/endpoints/ep_unknown/recover";
        assert_eq!(api.get(unknown).await.json["code"], "no_such_endpoint");
        api.assert_problems("GET /v1/accounts/{account}/endpoints/{endpoint}/recover");
    }
}
