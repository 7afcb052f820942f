//! `POST /v1/accounts/{account}/test`: sends a test event to a URL that is not saved.

use axum::Json;
use serde::Deserialize;
use signet_engine::service::deliveries::DraftTest;
use signet_model::{endpoint::EndpointUrl, event::EventType, signature::Secret};
use utoipa::ToSchema;

use crate::{
    access::{EndpointsWrite, InAccount},
    deliveries::Exchange,
    json::{Given, members},
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, BODY, POST; TooManyTests, AttemptNotMade);

/// A webhook that is not saved yet, with an event to try it with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DraftChoice {
    /// The URL.
    #[serde(deserialize_with = "members::parsed")]
    #[schema(value_type = String)]
    url: EndpointUrl,
    /// The secret that signs; without it a random one, which is then forgotten.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[schema(value_type = String, required = false)]
    secret: Option<Secret>,
    /// The type of the event.
    #[serde(deserialize_with = "members::parsed")]
    #[schema(value_type = String)]
    event_type: EventType,
    /// The members of the body; without them the sample of the type.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = Object, required = false)]
    body: Option<Box<serde_json::value::RawValue>>,
}

/// Test a webhook that is not saved.
///
/// One attempt, which is waited for and not stored. An account makes a few of these a minute.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/test", operation_id = "testDraft", tag = "Webhooks",
    security(("key" = ["endpoints:write"])),
    request_body(content = DraftChoice, example = json!({"url": "https://example.com/hooks", "eventType": "task.completed"})),
    responses((status = 200, body = Exchange, description = "The exchange."), Problems)
)]
pub async fn test_draft(
    caller: InAccount<EndpointsWrite>,
    Given(choice): Given<DraftChoice>,
) -> Result<Json<Exchange>, Problem> {
    let draft = DraftTest {
        url: choice.url,
        secret: choice.secret,
        event_type: choice.event_type,
        body: choice.body.map(|raw| raw.get().to_owned()),
    };
    Ok(Json(caller.account().test_draft(draft).await?.into()))
}
