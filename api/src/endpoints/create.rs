//! `POST /v1/accounts/{account}/endpoints`: a new webhook.

use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use signet_engine::service::endpoints::{EndpointDraft, EndpointOptions, Start};
use signet_model::{endpoint::EndpointUrl, filter::RawCondition, text::Description};
use utoipa::ToSchema;

use super::{
    Endpoint,
    options::{self, FilterCondition, NewHeader, PerSecond},
    refusal::Members,
    types,
};
use crate::{
    access::{EndpointsWrite, InAccount},
    json::{Given, members},
    problem::{Problem, problems},
    version::Versioned,
};

problems!(IN_ACCOUNT, BODY, POST; TooManyEndpoints);

/// A webhook to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEndpoint {
    /// The URL that deliveries go to: `https`, a public address.
    #[serde(deserialize_with = "members::parsed")]
    #[schema(value_type = String, max_length = 2048, pattern = "^https://")]
    url: EndpointUrl,
    /// The words of a person about it.
    #[serde(default, deserialize_with = "members::parsed")]
    #[schema(value_type = Option<String>, max_length = 200)]
    description: Description,
    /// The types of events that it gets: `*`, groups such as `task.*`, which may be yet to come,
    /// and names that the catalogue has. Without them all.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(min_items = 1)]
    event_types: Option<Vec<String>>,
    /// True for a webhook that gets test events alone until it is enabled.
    #[serde(default)]
    paused: bool,
    /// Headers of the account's own, in this order: at most 20, with at most 6,144 characters.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = Vec<NewHeader>, required = false, max_items = 20)]
    headers: Option<Vec<NewHeader>>,
    /// True for deliveries with the headers of CloudEvents' binary mode besides.
    #[serde(default)]
    cloud_events: bool,
    /// The deliveries that may start in a second; `null` for no limit.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    throttle: Option<PerSecond>,
    /// Conditions on the body, all of which must hold for an event to be delivered; `null` for
    /// none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<FilterCondition>>, min_items = 1, max_items = 10)]
    filter: Option<Vec<RawCondition>>,
}

impl NewEndpoint {
    fn draft(self) -> Result<EndpointDraft, Problem> {
        let options = EndpointOptions {
            headers: self.headers.into_iter().flatten().map(Into::into).collect(),
            cloud_events: self.cloud_events,
            throttle: self.throttle.map(|PerSecond(throttle)| throttle),
            filter: self.filter.map(options::filter).transpose()?,
        };
        let event_types = types(self.event_types)?;
        Ok(EndpointDraft { url: self.url, description: self.description, event_types, options })
    }
}

/// A webhook that was created.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedEndpoint {
    /// The webhook.
    #[serde(flatten)]
    endpoint: Endpoint,
    /// The secret that signs its deliveries. It can be read again.
    secret: String,
}

/// Create a webhook.
///
/// Its deliveries are signed with a new secret, which the answer has.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints", operation_id = "createEndpoint", tag = "Webhooks",
    security(("key" = ["endpoints:write"])),
    request_body(content = NewEndpoint, example = json!({
        "url": "https://example.com/hooks", "description": "Orders", "eventTypes": ["task.completed"],
    })),
    responses(
        (status = 201, body = CreatedEndpoint, description = "The webhook.", headers(
            ("ETag", description = "Its version."), ("Location", description = "Its path."),
        )),
        Problems
    )
)]
pub async fn create_endpoint(
    caller: InAccount<EndpointsWrite>,
    Given(new): Given<NewEndpoint>,
) -> Result<impl IntoResponse, Problem> {
    let secret = caller.engine().new_secret();
    let members = Members::of(new.event_types.as_ref(), new.headers.as_ref());
    let start = if new.paused { Start::Paused } else { Start::Enabled };
    let created = caller.account().endpoints().create_as(new.draft()?, &secret, start).await;
    let created = created.map_err(|error| members.refused(error))?;
    let path = format!("/v1/accounts/{}/endpoints/{}", caller.id(), created.id);
    let version = created.version;
    let answer =
        CreatedEndpoint { endpoint: Endpoint::shown(created, caller.now()), secret: secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, [(header::LOCATION, path)], Versioned(version, answer)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use signet_engine::{
        Settings,
        testing::{TestDatabase, on_each_database, sqlite},
    };

    use super::*;
    use crate::testing::{TestApi, event};

    const PATH: &str = "/v1/accounts/acme/endpoints";
    on_each_database!(a_webhook_is_created_with_a_secret_and_gets_events);
    async fn a_webhook_is_created_with_a_secret_and_gets_events(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let answer = api.post(PATH, &json!({"url": "https://127.0.0.1/a", "eventTypes": ["task.completed"]})).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        assert_eq!(answer.json["eventTypes"], json!(["task.completed"]));
        assert!(answer.json["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")));
        let location = answer.headers["location"].to_str().expect("a path");
        assert_eq!(api.get(location).await.json["id"], answer.json["id"]);
        let secret = api.get(&format!("{location}/secret")).await;
        assert_eq!(secret.json["secret"], answer.json["secret"]);
        api.post("/v1/events", &event()).await;
        assert_eq!(api.delivery_count(api.acme).await, 1);
    }

    on_each_database!(a_webhook_can_be_created_paused_and_misses_nothing);
    async fn a_webhook_can_be_created_paused_and_misses_nothing(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let answer = api.post(PATH, &json!({"url": "https://127.0.0.1/a", "paused": true})).await;
        assert_eq!(answer.json["disabled"]["reason"], "paused", "{answer:?}");
        api.post("/v1/events", &event()).await;
        let held = format!("{PATH}/{}/held", answer.json["id"].as_str().expect("an id"));
        assert_eq!(
            api.get(&held).await.json["data"],
            json!([{"eventType": "task.completed", "count": 1, "more": false}])
        );
    }

    on_each_database!(a_repeated_request_makes_one_webhook_and_gets_its_secret_again);
    async fn a_repeated_request_makes_one_webhook_and_gets_its_secret_again(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let send = async |url: &str, key: &str| {
            api.send("POST", PATH, json!({ "url": url }).to_string(), &[("idempotency-key", key)]).await
        };
        let first = send("https://127.0.0.1/a", "k").await;
        let again = send("https://127.0.0.1/a", "\"k\"").await;
        assert_eq!((again.status, &again.json), (StatusCode::CREATED, &first.json));
        assert_eq!(
            (&again.headers["etag"], &again.headers["location"]),
            (&first.headers["etag"], &first.headers["location"])
        );
        assert_eq!(again.headers["idempotency-replayed"], "true");
        let other = send("https://127.0.0.1/b", "k").await;
        assert_eq!((other.status, &other.json["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("key_reused")));
        assert_eq!(api.get(PATH).await.json["data"].as_array().map(Vec::len), Some(1));
        // A refused request leaves its key free.
        assert_eq!(send("http://127.0.0.1/", "l").await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(send("https://127.0.0.1/b", "l").await.status, StatusCode::CREATED);
        // One whose answer is not known is not done again.
        api.run("UPDATE stored_answers SET answer = NULL WHERE key = 'l'").await;
        let unknown = send("https://127.0.0.1/b", "l").await;
        assert_eq!((unknown.status, &unknown.json["code"]), (StatusCode::CONFLICT, &json!("answer_unknown")));
    }

    on_each_database!(a_member_that_is_not_valid_is_named);
    async fn a_member_that_is_not_valid_is_named(database: TestDatabase) {
        let api = TestApi::on(database).await;
        for (body, pointer) in [
            (json!({}), "/url"),
            (json!({"url": "http://127.0.0.1/"}), "/url"),
            (json!({"url": "https://10.0.0.1/"}), "/url"),
            (json!({"url": "https://127.0.0.1/", "eventTypes": []}), "/eventTypes"),
            (json!({"url": "https://127.0.0.1/", "eventTypes": ["task.completed", "task..lost"]}), "/eventTypes/1"),
            (json!({"url": "https://127.0.0.1/", "description": "x".repeat(201)}), "/description"),
            (json!({"url": "https://127.0.0.1/", "secret": "whsec_"}), "/secret"),
        ] {
            let answer = api.post(PATH, &body).await;
            assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, pointer), "{answer:?}");
        }
        assert_eq!(api.get(PATH).await.json["data"], json!([]));
    }

    on_each_database!(a_webhook_is_created_with_its_options_and_values_of_headers_are_never_answered);
    async fn a_webhook_is_created_with_its_options_and_values_of_headers_are_never_answered(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let plain = api.post(PATH, &json!({"url": "https://127.0.0.1/"})).await;
        assert_eq!(plain.json["headers"], json!([]));
        assert_eq!(
            (&plain.json["cloudEvents"], &plain.json["throttle"], &plain.json["filter"]),
            (&json!(false), &json!(null), &json!(null))
        );
        let filter = json!([{"pointer": "/status", "equals": "ready"}, {"pointer": "/cost", "gte": 0.5}]);
        let answer = api
            .post(
                PATH,
                &json!({
                    "url": "https://127.0.0.1/a", "cloudEvents": true, "throttle": 25, "filter": filter,
                    "headers": [{"name": "x-api-key", "value": "hunter2"}, {"name": "Authorization", "value": "Basic x"}],
                }),
            )
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let location = answer.headers["location"].to_str().expect("a path");
        let list = api.get(PATH).await.json["data"].clone();
        let listed = list.as_array().expect("a list").iter().find(|one| one["id"] == answer.json["id"]);
        for shown in [&answer.json, &api.get(location).await.json, listed.expect("the webhook")] {
            assert_eq!(
                shown["headers"],
                json!([{"name": "X-Api-Key", "value": null}, {"name": "Authorization", "value": null}])
            );
            assert_eq!(
                (&shown["cloudEvents"], &shown["throttle"], &shown["filter"]),
                (&json!(true), &json!(25), &filter)
            );
        }
    }

    on_each_database!(options_that_are_not_valid_are_named);
    async fn options_that_are_not_valid_are_named(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let header = |name: &str, value: Value| json!({ "name": name, "value": value });
        let many: Vec<_> = (0..21).map(|number| header(&format!("X-{number}"), json!("a"))).collect();
        for (member, value, pointer) in [
            ("headers", json!([header("Host", json!("a"))]), "/headers/0/name"),
            ("headers", json!([header("X-A", json!("a")), header("X-B", json!("é"))]), "/headers/1/value"),
            ("headers", json!([header("X-A", json!("a")), {"name": "X-B"}]), "/headers/1/value"),
            ("headers", json!([header("X-A", json!("a")), header("x-a", json!("b"))]), "/headers/1/name"),
            ("headers", json!(many), "/headers"),
            (
                "headers",
                json!([header("X-A", json!("a".repeat(4_000))), header("X-B", json!("a".repeat(4_000)))]),
                "/headers",
            ),
            ("headers", json!([{"name": "X-A", "secret": "a"}]), "/headers/0/secret"),
            ("headers", json!(null), "/headers"),
            ("throttle", json!(0), "/throttle"),
            ("throttle", json!(1_001), "/throttle"),
            ("throttle", json!("25"), "/throttle"),
            ("throttle", json!(2.5), "/throttle"),
            ("cloudEvents", json!(null), "/cloudEvents"),
            ("filter", json!([]), "/filter"),
            ("filter", json!([{"pointer": "total", "gt": 1}]), "/filter/0/pointer"),
            ("filter", json!([{"pointer": "/a", "gt": 1}, {"pointer": "/a"}]), "/filter/1"),
            ("filter", json!([{"pointer": "/a", "gt": 1, "lt": 2}]), "/filter/0"),
            ("filter", json!([{"pointer": "/a", "gt": "1"}]), "/filter/0/gt"),
            ("filter", json!([{"pointer": "/a", "equals": null}]), "/filter/0/equals"),
            ("filter", json!([{"pointer": "/a", "like": "b"}]), "/filter/0/like"),
            ("filter", json!([{"gt": 1}]), "/filter/0/pointer"),
            ("restingUntil", json!(null), "/restingUntil"),
        ] {
            let mut body = json!({"url": "https://127.0.0.1/"});
            body[member] = value;
            let answer = api.post(PATH, &body).await;
            assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, pointer), "{answer:?}");
        }
        assert_eq!(api.get(PATH).await.json["data"], json!([]));
    }

    on_each_database!(a_type_that_there_is_not_is_refused_with_the_nearest_ones_and_a_group_is_taken);
    async fn a_type_that_there_is_not_is_refused_with_the_nearest_ones_and_a_group_is_taken(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let create =
            async |types: Value| api.post(PATH, &json!({"url": "https://127.0.0.1/", "eventTypes": types})).await;
        let refused = create(json!(["task.*", "task.complete"])).await;
        assert_eq!((refused.status, refused.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/eventTypes/1"));
        let detail = refused.json["detail"].as_str().expect("a sentence");
        assert!(detail.contains("is not an event type: the nearest are task.completed"), "{detail}");
        for types in [json!(["order.*"]), json!(["*"]), json!(["balance.low", "signet.endpoint.disabled"])] {
            let taken = create(types).await;
            assert_eq!(taken.status, StatusCode::CREATED, "{taken:?}");
        }
    }

    #[tokio::test]
    async fn an_account_has_so_many_webhooks() {
        let settings = Settings { max_endpoints_per_account: 1, ..Settings::default() };
        let api = TestApi::with_settings(sqlite().await, settings).await;
        assert_eq!(api.post(PATH, &json!({"url": "https://127.0.0.1/"})).await.status, StatusCode::CREATED);
        let refused = api.post(PATH, &json!({"url": "https://127.0.0.1/"})).await;
        assert_eq!((refused.status, &refused.json["code"]), (StatusCode::CONFLICT, &json!("too_many_endpoints")));
        api.assert_problems("POST /v1/accounts/{account}/endpoints");
    }
}
