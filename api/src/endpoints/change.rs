//! `PATCH /v1/accounts/{account}/endpoints/{endpoint}`: changes members of a webhook.

use serde::Deserialize;
use signet_engine::service::endpoints::EndpointChange;
use signet_model::{EndpointId, endpoint::EndpointUrl, text::Description};
use utoipa::ToSchema;

use super::{Endpoint, types};
use crate::{
    access::{EndpointsWrite, InAccount},
    ids::InPath,
    json::{Given, members},
    problem::{Problem, problems},
    version::{IfMatch, Versioned},
};

problems!(IN_ACCOUNT, BODY, CHANGE; NoSuchEndpoint);

/// The members of a webhook that change; those that are left out stay.
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
    let event_types = patch.event_types.map(|names| types(Some(names))).transpose()?;
    let change = EndpointChange { url: patch.url, description: patch.description, event_types };
    let endpoint = caller.account().endpoint(id).if_version(version).change(change).await?;
    Ok(Versioned(endpoint.version, endpoint.into()))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::TestApi;

    const OPERATION: &str = "PATCH /v1/accounts/{account}/endpoints/{endpoint}";

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
        api.assert_problems(OPERATION);
    }
}
