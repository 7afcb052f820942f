//! `PATCH /v1/accounts/{account}/endpoints/{endpoint}`: changes members of a webhook.

use serde::Deserialize;
use signet_engine::service::endpoints::EndpointChange;
use signet_model::{EndpointId, endpoint::EndpointUrl, filter::RawCondition, text::Description};
use utoipa::ToSchema;

use super::{
    Endpoint,
    options::{self, FilterCondition, NewHeader, PerSecond},
    refusal::Members,
    types,
};
use crate::{
    access::{EndpointsWrite, InAccount},
    ids::InPath,
    json::{Given, members},
    problem::{Problem, problems},
    version::{IfMatch, Versioned},
};

problems!(IN_ACCOUNT, BODY, CHANGE; NoSuchEndpoint);

/// The members of a webhook that change; those that are left out stay.
#[expect(clippy::option_option, reason = "a member can be left out, null, or there")]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointPatch {
    /// The URL that deliveries go to.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[schema(value_type = String, required = false, max_length = 2048, pattern = "^https://")]
    url: Option<EndpointUrl>,
    /// The words of a person about it.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[schema(value_type = String, required = false, max_length = 200)]
    description: Option<Description>,
    /// The types of events that it gets.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = Vec<String>, required = false, min_items = 1)]
    event_types: Option<Vec<String>>,
    /// All headers of the account's own. A value that is `null` stays as it is.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = Vec<NewHeader>, required = false, max_items = 20)]
    headers: Option<Vec<NewHeader>>,
    /// True for deliveries with the headers of CloudEvents' binary mode besides.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = bool, required = false)]
    cloud_events: Option<bool>,
    /// The deliveries that may start in a second; `null` for no limit.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = Option<u32>, required = false, minimum = 1, maximum = 1000)]
    throttle: Option<Option<PerSecond>>,
    /// Conditions on the body, all of which must hold for an event to be delivered; `null` for
    /// none.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = Option<Vec<FilterCondition>>, required = false, min_items = 1, max_items = 10)]
    filter: Option<Option<Vec<RawCondition>>>,
}

impl EndpointPatch {
    fn change(self) -> Result<EndpointChange, Problem> {
        let filter = |conditions: Option<_>| conditions.map(options::filter).transpose();
        Ok(EndpointChange {
            url: self.url,
            description: self.description,
            event_types: self.event_types.map(|names| types(Some(names))).transpose()?,
            headers: self.headers.map(|headers| headers.into_iter().map(Into::into).collect()),
            cloud_events: self.cloud_events,
            throttle: self.throttle.map(|throttle| throttle.map(|PerSecond(throttle)| throttle)),
            filter: self.filter.map(filter).transpose()?,
        })
    }
}

/// Change a webhook.
///
/// Members that are left out stay as they are.
#[utoipa::path(
    patch, path = "/v1/accounts/{account}/endpoints/{endpoint}", operation_id = "changeEndpoint", tag = "Webhooks",
    security(("key" = ["endpoints:write"])),
    request_body(content = EndpointPatch, example = json!({"description": "Orders, production"})),
    responses(
        (status = 200, body = Endpoint, description = "The webhook.", headers(("ETag", description = "Its version."))),
        Problems
    )
)]
pub async fn change_endpoint(
    caller: InAccount<EndpointsWrite>,
    InPath(id): InPath<EndpointId>,
    IfMatch(version): IfMatch,
    Given(patch): Given<EndpointPatch>,
) -> Result<Versioned<Endpoint>, Problem> {
    let members = Members::of(patch.event_types.as_ref(), patch.headers.as_ref());
    let endpoint = caller.account().endpoint(id).if_version(version).change(patch.change()?).await;
    let endpoint = endpoint.map_err(|error| members.refused(error))?;
    Ok(Endpoint::versioned(endpoint, caller.now()))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::{Answer, TestApi};

    on_each_database!(a_change_leaves_the_other_members_as_they_are);
    async fn a_change_leaves_the_other_members_as_they_are(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let path = format!("/v1/accounts/acme/endpoints/{}", api.subscribe(api.acme).await);
        let before = api.get(&path).await;
        let after = api.patch(&path, &json!({"description": "Orders"})).await;
        assert_eq!((after.status, &after.json["description"]), (StatusCode::OK, &json!("Orders")));
        assert_eq!((&after.json["url"], &after.json["eventTypes"]), (&before.json["url"], &before.json["eventTypes"]));
        let moved = api.patch(&path, &json!({"url": "https://127.0.0.1/b", "eventTypes": ["task.failed"]})).await;
        assert_eq!(
            (&moved.json["url"], &moved.json["eventTypes"]),
            (&json!("https://127.0.0.1/b"), &json!(["task.failed"]))
        );
        assert_eq!(moved.json["description"], "Orders");
        for (body, pointer) in
            [(json!({"url": null}), "/url"), (json!({"url": "https://10.0.0.1/"}), "/url"), (json!({"id": "x"}), "/id")]
        {
            let refused = api.patch(&path, &body).await;
            assert_eq!((refused.status, refused.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, pointer), "{refused:?}");
        }
    }

    on_each_database!(options_change_one_by_one_and_values_of_headers_can_be_kept);
    async fn options_change_one_by_one_and_values_of_headers_can_be_kept(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let path = format!("/v1/accounts/acme/endpoints/{}", api.subscribe(api.acme).await);
        let options = |answer: &Answer| {
            ["headers", "cloudEvents", "throttle", "filter"].map(|member| answer.json[member].clone())
        };
        let shown = |name: &str| json!({ "name": name, "value": null });
        let filter = json!([{"pointer": "/status", "oneOf": ["ready", 1, true]}]);
        let (none, key) = (json!(null), json!([shown("X-Api-Key")]));
        for (patch, expected) in [
            (json!({"headers": [{"name": "X-Api-Key", "value": "a"}]}), [&key, &json!(false), &none, &none]),
            (json!({"throttle": 5}), [&key, &json!(false), &json!(5), &none]),
            (json!({"cloudEvents": true}), [&key, &json!(true), &json!(5), &none]),
            (json!({"filter": filter}), [&key, &json!(true), &json!(5), &filter]),
            (json!({"description": "Orders"}), [&key, &json!(true), &json!(5), &filter]),
            (json!({"throttle": null, "cloudEvents": false}), [&key, &json!(false), &none, &filter]),
            (json!({"filter": null}), [&key, &json!(false), &none, &none]),
        ] {
            let answer = api.patch(&path, &patch).await;
            assert_eq!(options(&answer).each_ref(), expected, "{patch} {answer:?}");
        }
        // What was read can be written back.
        let headers = json!([shown("x-api-key"), {"name": "X-New", "value": "b"}]);
        let kept = api.patch(&path, &json!({ "headers": headers })).await;
        assert_eq!(kept.json["headers"], json!([shown("X-Api-Key"), shown("X-New")]), "{kept:?}");
        let refused = api.patch(&path, &json!({"headers": [shown("X-New"), shown("X-Other")]})).await;
        assert_eq!(refused.pointer(), "/headers/1/value", "{refused:?}");
        assert_eq!(api.patch(&path, &json!({"headers": []})).await.json["headers"], json!([]));
        let refused = api.patch(&path, &json!({"eventTypes": ["task.failed", "task.fialed"]})).await;
        assert_eq!(refused.pointer(), "/eventTypes/1", "{refused:?}");
    }

    on_each_database!(a_type_that_another_version_knew_can_stay);
    async fn a_type_that_another_version_knew_can_stay(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let path = format!("/v1/accounts/acme/endpoints/{}", api.subscribe(api.acme).await);
        api.run("UPDATE endpoints SET event_types = 'task.failed task.lost'").await;
        let kept = api.patch(&path, &json!({"eventTypes": ["task.lost", "balance.low"]})).await;
        assert_eq!(kept.json["eventTypes"], json!(["balance.low", "task.lost"]), "{kept:?}");
        let other = api.with_key_of(api.other).await;
        let theirs = format!("/v1/accounts/other/endpoints/{}", api.subscribe(api.other).await);
        let refused = other.patch(&theirs, &json!({"eventTypes": ["task.lost"]})).await;
        assert_eq!(refused.pointer(), "/eventTypes/0", "{refused:?}");
    }

    on_each_database!(a_change_of_an_older_version_is_refused);
    async fn a_change_of_an_older_version_is_refused(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let path = format!("/v1/accounts/acme/endpoints/{}", api.subscribe(api.acme).await);
        let tag = api.get(&path).await.headers["etag"].to_str().expect("a tag").to_owned();
        let change = async |text: &str, tag: &str| {
            api.send("PATCH", &path, json!({ "description": text }).to_string(), &[("if-match", tag)]).await
        };
        let first = change("first", &tag).await;
        assert_eq!(first.status, StatusCode::OK, "{first:?}");
        let second = change("second", &tag).await;
        assert_eq!(
            (second.status, &second.json["code"]),
            (StatusCode::PRECONDITION_FAILED, &json!("changed_meanwhile"))
        );
        assert_eq!(api.get(&path).await.json["description"], "first");
        assert_eq!(change("third", first.headers["etag"].to_str().expect("a tag")).await.status, StatusCode::OK);
        assert_eq!(change("fourth", "*").await.status, StatusCode::OK);
        assert_eq!(change("fifth", "\"1\", \"2\"").await.json["code"], "bad_precondition");
        let unknown = "/v1/accounts/acme/endpoints/ep_unknown";
        assert_eq!(api.patch(unknown, &json!({})).await.json["code"], "no_such_endpoint");
        api.assert_problems("PATCH /v1/accounts/{account}/endpoints/{endpoint}");
    }
}
