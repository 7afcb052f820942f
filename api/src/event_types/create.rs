//! `POST /v1/event-types`: a new event type.

use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use signet_engine::service::event_types::EventTypeDraft;
use signet_model::{
    event::{EventType as Name, Reference},
    text::Description,
};
use utoipa::ToSchema;

use super::{Content, EventType, problem};
use crate::{
    access::{AccountsWrite, Operator},
    json::{Given, members},
    problem::{Problem, problems},
    version::Versioned,
};

problems!(OPERATOR, BODY, POST; EventTypeExists, EventTypeBuiltIn, TooManyEventTypes);

/// An event type to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEventType {
    /// The name: parts of lower-case letters, digits and `_`, with dots between.
    #[serde(deserialize_with = "members::parsed")]
    #[schema(value_type = String, pattern = "^[a-z0-9_]+(\\.[a-z0-9_]+)*$", max_length = 128)]
    name: Name,
    /// The sentence that describes the type to people.
    #[serde(default, deserialize_with = "members::parsed")]
    #[schema(value_type = String, required = false, max_length = 200)]
    description: Description,
    /// The JSON Schema (2020-12) of a body. It need not name `event` and `timestamp`, and may
    /// not refer to another document. Without one, any members are taken.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    schema: Option<Box<RawValue>>,
    /// The members of a sample body, which the schema must take.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    sample: Option<Box<RawValue>>,
    /// The member of a body by which people look for its events, from the next event on: its value,
    /// a text or a whole number, is kept beside the body, and searched. Without it, `taskId`.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[schema(value_type = String, required = false, max_length = 128, example = "orderId")]
    reference: Option<Reference>,
}

/// Make an event type.
///
/// Webhooks that want all types, or all of its group, get its events from then on.
#[utoipa::path(
    post, path = "/v1/event-types", operation_id = "createEventType", tag = "Event types",
    security(("key" = ["accounts:write"])),
    request_body(content = NewEventType, example = json!({
        "name": "order.paid", "description": "An order was paid.",
        "schema": {"type": "object", "properties": {"orderId": {"type": "string"}}, "required": ["orderId"]},
        "sample": {"orderId": "o_1"}, "reference": "orderId",
    })),
    responses(
        (status = 201, body = EventType, description = "The event type.", headers(
            ("ETag", description = "Its version."), ("Location", description = "Its path."),
        )),
        Problems
    )
)]
pub async fn create_event_type(
    caller: Operator<AccountsWrite>,
    Given(new): Given<NewEventType>,
) -> Result<impl IntoResponse, Problem> {
    let NewEventType { name, description, schema, sample, reference } = new;
    let content = Content { description, schema, sample, reference }.into();
    let made = caller
        .engine()
        .event_types()
        .create(&caller.actor(), EventTypeDraft { name, content })
        .await
        .map_err(problem)?;
    let path = format!("/v1/event-types/{}", made.name);
    Ok((StatusCode::CREATED, [(header::LOCATION, path)], Versioned(made.revision, EventType::from(&*made))))
}
