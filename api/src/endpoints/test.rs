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
