//! `POST /v1/accounts/{account}/endpoints/{endpoint}/test`: sends a test event.

use axum::{
    Json,
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use serde::{Deserialize, Serialize};
use signet_engine::service::deliveries::{DraftTestError, TestError};
use signet_model::{DeliveryId, EndpointId, event::EventType};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{Api, EndpointsWrite, InAccount},
    deliveries::Exchange,
    ids::{InPath, schema},
    json::{Given, members},
    problem::{Code, Problem, problems},
};

problems!(IN_ACCOUNT, BODY, POST, LIST; NoSuchEndpoint, Unusable, NoRotation, TooManyTests, AttemptNotMade);

/// A test event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestChoice {
    /// The type of the event.
    #[serde(deserialize_with = "members::parsed")]
    #[schema(value_type = String)]
    event_type: EventType,
    /// The members of the body; without them the sample of the type. `event` and `timestamp` may
    /// be left out.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = Object, required = false)]
    body: Option<Box<serde_json::value::RawValue>>,
    /// The secret that signs: `current`, or `next` alone, which proves that the receiver knows it.
    #[serde(default)]
    secret: WhichSecret,
}

/// The secret that signs a test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum WhichSecret {
    /// As deliveries are signed.
    #[default]
    Current,
    /// The next secret alone.
    Next,
}

/// The parameters of a test.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TestParams {
    /// True to wait for the outcome, some seconds at most.
    #[serde(default)]
    wait: bool,
}

impl FromRequestParts<Api> for TestParams {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let params = Query::try_from_uri(&parts.uri);
        let Query(params) = params.map_err(|_| Problem::parameter("wait", "must be true or false, and stand alone"))?;
        Ok(params)
    }
}

/// A test that was sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestSent {
    /// The delivery, to be read for its outcome; `null` for a test that is not stored.
    #[schema(value_type = Option<schema::DeliveryId>)]
    delivery: Option<DeliveryId>,
    /// The exchange, if it was waited for and has ended.
    exchange: Option<Exchange>,
}

/// Test a webhook.
///
/// One attempt, also while the webhook is disabled; whatever it meets changes nothing in the
/// webhook's state. A test with the next secret is always waited for, and not stored.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints/{endpoint}/test", operation_id = "testEndpoint",
    tag = "Webhooks", security(("key" = ["endpoints:write"])), params(TestParams),
    request_body(content = TestChoice, example = json!({"eventType": "task.completed"})),
    responses((status = 200, body = TestSent, description = "The test."), Problems)
)]
pub async fn test_endpoint(
    caller: InAccount<EndpointsWrite>,
    InPath(id): InPath<EndpointId>,
    params: TestParams,
    Given(choice): Given<TestChoice>,
) -> Result<Json<TestSent>, Problem> {
    let account = caller.account();
    let body = choice.body.as_ref().map(|raw| raw.get());
    if choice.secret == WhichSecret::Next {
        let attempt = account.endpoint(id).test_next_secret(&choice.event_type, body).await?;
        return Ok(Json(TestSent { delivery: None, exchange: Some(attempt.into()) }));
    }
    let delivery = account.endpoint(id).send_edited_test(&choice.event_type, body).await?;
    let exchange = if params.wait {
        let detail = account.delivery(delivery).await_test().await?;
        detail.attempts.into_iter().next_back().map(Exchange::from)
    } else {
        None
    };
    Ok(Json(TestSent { delivery: Some(delivery), exchange }))
}

impl From<TestError> for Problem {
    fn from(error: TestError) -> Self {
        let text = error.to_string();
        match error {
            TestError::UnknownType => Self::member("/eventType", "names no event type"),
            TestError::Body(fault) => Self::from(fault).within("/body"),
            TestError::TooMany => Self::new(Code::TooManyTests, text),
            TestError::Unusable(_) => Self::new(Code::Unusable, text),
            TestError::Ingest(signet_engine::deliver::ingest::IngestError::TestsUnderWay(_)) => {
                Self::new(Code::TooManyTests, text)
            }
            TestError::Ingest(error) => error.into(),
            TestError::Store(error) => error.into(),
        }
    }
}

impl From<DraftTestError> for Problem {
    fn from(error: DraftTestError) -> Self {
        let text = error.to_string();
        match error {
            DraftTestError::Address(_) => Self::member("/url", &text),
            DraftTestError::TooMany => Self::new(Code::TooManyTests, text),
            DraftTestError::NoNextSecret => Self::new(Code::NoRotation, text),
            DraftTestError::NotMade => Self::new(Code::AttemptNotMade, text),
            DraftTestError::Test(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::{
        limits::DRAFT_TESTS_PER_MINUTE,
        testing::{TestDatabase, WITHOUT_DESCRIPTOR, on_each_database},
    };

    use crate::testing::TestApi;

    const DRAFT: &str = "/v1/accounts/acme/test";

    /// A test of a webhook that is not saved.
    fn draft() -> serde_json::Value {
        json!({"url": "https://127.0.0.1/webhooks", "eventType": "task.completed"})
    }

    on_each_database!(a_test_is_made_with_either_secret_or_of_a_url_that_is_not_saved);
    async fn a_test_is_made_with_either_secret_or_of_a_url_that_is_not_saved(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let endpoint = format!("/v1/accounts/acme/endpoints/{}", api.subscribe(api.acme).await);
        let path = format!("{endpoint}/test");
        let sent = api.post(&path, &json!({"eventType": "task.failed"})).await;
        assert_eq!((sent.status, &sent.json["exchange"]), (StatusCode::OK, &json!(null)), "{sent:?}");
        let waited = api.post(&format!("{path}?wait=true"), &json!({"eventType": "task.failed"})).await;
        assert_eq!((&waited.json["exchange"]["number"], &waited.json["exchange"]["status"]), (&json!(1), &json!(null)));
        api.send("POST", &format!("{endpoint}/secret/rotate"), "", &[]).await;
        let next = api.post(&path, &json!({"eventType": "task.failed", "secret": "next"})).await;
        assert_eq!((&next.json["delivery"], &next.json["exchange"]["number"]), (&json!(null), &json!(1)), "{next:?}");
        let tried = api.post(DRAFT, &draft()).await;
        assert_eq!((tried.status, &tried.json["number"]), (StatusCode::OK, &json!(1)), "{tried:?}");
        for (body, pointer) in [
            (json!({"eventType": "task.lost"}), "/eventType"),
            (json!({"eventType": "task.failed", "body": {"taskId": 7}}), "/body/taskId"),
            (json!({"eventType": "task.failed", "secret": "last"}), "/secret"),
        ] {
            assert_eq!(api.post(&path, &body).await.pointer(), pointer);
        }
        let wrong = api.post(&format!("{path}?wait=maybe"), &json!({"eventType": "task.failed"})).await;
        assert_eq!(wrong.json["errors"][0]["parameter"], "wait");
    }

    on_each_database!(a_test_that_cannot_be_made_is_refused_with_the_reason);
    async fn a_test_that_cannot_be_made_is_refused_with_the_reason(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let endpoint = format!("/v1/accounts/acme/endpoints/{}", api.subscribe(api.acme).await);
        let path = format!("{endpoint}/test");
        let next = json!({"eventType": "task.completed", "secret": "next"});
        assert_eq!(api.post(&path, &next).await.json["code"], "no_rotation");
        api.send("POST", &format!("{endpoint}/secret/rotate"), "", &[]).await;
        let elsewhere = format!("https://{WITHOUT_DESCRIPTOR}/");
        api.patch(&endpoint, &json!({"url": elsewhere})).await;
        assert_eq!(api.post(&path, &next).await.json["code"], "attempt_not_made");
        let mut there = draft();
        there["url"] = json!(elsewhere);
        assert_eq!(api.post(DRAFT, &there).await.json["code"], "attempt_not_made");
        for _ in 0..DRAFT_TESTS_PER_MINUTE {
            api.post(DRAFT, &draft()).await;
        }
        let refused = api.post(DRAFT, &draft()).await;
        assert_eq!((refused.status, &refused.json["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_tests")));
        assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
        assert_eq!(api.post(&path, &next).await.json["code"], "too_many_tests");
        let neighbour = api.with_key_of(api.other).await;
        assert_eq!(neighbour.post("/v1/accounts/other/test", &draft()).await.status, StatusCode::OK);

        api.run("UPDATE endpoints SET secret = draft").await;
        api.run("UPDATE accounts SET revision = revision + 1").await;
        assert_eq!(api.post(&path, &json!({"eventType": "task.completed"})).await.json["code"], "unusable");
        let unknown = "/v1/accounts/acme/endpoints/ep_unknown/test";
        assert_eq!(api.post(unknown, &next).await.json["code"], "no_such_endpoint");
        api.assert_problems("POST /v1/accounts/{account}/endpoints/{endpoint}/test");
        api.assert_problems("POST /v1/accounts/{account}/test");
    }
}
