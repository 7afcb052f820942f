//! `POST /v1/accounts/{account}/filter-preview`: tries a filter on the latest events.

use axum::Json;
use serde::{Deserialize, Serialize};
use signet_engine::service::endpoints::{FilterPreview, PreviewedEvent};
use signet_model::{EventId, filter::RawCondition};
use utoipa::ToSchema;

use super::{options, options::FilterCondition, types};
use crate::{
    access::{DeliveriesRead, InAccount},
    ids::schema,
    json::{Given, members},
    problem::{Problem, problems},
    time::Time,
};

problems!(IN_ACCOUNT, BODY, POST);

/// A filter to be tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FilterTrial {
    /// The conditions, all of which must hold.
    #[schema(value_type = Vec<FilterCondition>, min_items = 1, max_items = 10)]
    filter: Vec<RawCondition>,
    /// The types of events that the webhook would get. Without them all.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = Vec<String>, required = false, min_items = 1)]
    event_types: Option<Vec<String>>,
}

/// The judgement of a filter.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FilterJudgement {
    /// The events that were judged: the last 100 of these types among the last 1,000, or fewer
    /// if they are large.
    judged: usize,
    /// Those of them that match.
    matching: usize,
    /// Those of them that do not, newest first.
    others: Vec<FilteredEvent>,
}

/// An event that a filter would leave out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FilteredEvent {
    /// The event's id.
    #[schema(value_type = schema::EventId)]
    id: EventId,
    /// Its type.
    event_type: String,
    /// The instant at which it was accepted.
    accepted_at: Time,
}

impl From<FilterPreview> for FilterJudgement {
    fn from(preview: FilterPreview) -> Self {
        let shown = |event: PreviewedEvent| FilteredEvent {
            id: event.id,
            event_type: event.event_type.to_string(),
            accepted_at: event.accepted_at.into(),
        };
        Self {
            judged: preview.judged(),
            matching: preview.matching,
            others: preview.others.into_iter().map(shown).collect(),
        }
    }
}

/// Preview a filter.
///
/// Tells how many of the account's latest events would reach a webhook with this filter. Nothing is changed.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/filter-preview", operation_id = "previewFilter", tag = "Webhooks",
    security(("key" = ["deliveries:read"])),
    request_body(content = FilterTrial, example = json!({"filter": [{"pointer": "/total", "gte": 100}]})),
    responses((status = 200, body = FilterJudgement, description = "The judgement."), Problems)
)]
pub async fn preview_filter(
    caller: InAccount<DeliveriesRead>,
    Given(trial): Given<FilterTrial>,
) -> Result<Json<FilterJudgement>, Problem> {
    let (filter, types) = (options::filter(trial.filter)?, types(trial.event_types)?);
    Ok(Json(caller.account().endpoints().preview_filter(&filter, &types).await?.into()))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::{TestApi, event};

    const PATH: &str = "/v1/accounts/acme/filter-preview";

    on_each_database!(a_filter_is_tried_on_the_latest_events_of_the_account_alone);
    async fn a_filter_is_tried_on_the_latest_events_of_the_account_alone(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let other = api.with_key_of(api.other).await;
        for task in ["a", "b", "c"] {
            let mut event = event();
            event["taskId"] = json!(task);
            assert_eq!(api.post("/v1/events", &event).await.status, StatusCode::ACCEPTED);
            other.post("/v1/events", &event).await;
        }
        let trial = json!({"filter": [{"pointer": "/taskId", "oneOf": ["a", "b"]}]});
        let tried = api.post(PATH, &trial).await;
        assert_eq!((&tried.json["judged"], &tried.json["matching"]), (&json!(3), &json!(2)), "{tried:?}");
        assert_eq!(tried.json["others"].as_array().map(Vec::len), Some(1));
        let left_out = tried.json["others"][0]["id"].as_str().expect("an id");
        let left_out = api.get(&format!("/v1/accounts/acme/events/{left_out}")).await;
        assert!(left_out.json["body"].as_str().expect("a body").contains(r#""taskId":"c""#));
        let none = api.post(PATH, &json!({"filter": trial["filter"], "eventTypes": ["balance.low"]})).await;
        assert_eq!(none.json, json!({"judged": 0, "matching": 0, "others": []}));
        for (body, pointer) in [
            (json!({}), "/filter"),
            (json!({"filter": []}), "/filter"),
            (json!({"filter": [{"pointer": "total", "gt": 1}]}), "/filter/0/pointer"),
            (json!({"filter": trial["filter"], "eventTypes": ["a..b"]}), "/eventTypes/0"),
        ] {
            assert_eq!(api.post(PATH, &body).await.pointer(), pointer, "{body}");
        }
        api.assert_problems("POST /v1/accounts/{account}/filter-preview");
    }
}
