//! Operations on events.

mod entries;
mod idempotency;
mod send;
mod send_batch;
mod stream;

use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{AdditionalProperties, Type},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::access::Api;

pub use send::MAX_LEN as MAX_EVENT_LEN;

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(send::send_event))
        .routes(routes!(send_batch::send_events))
        .routes(routes!(stream::stream_events))
}

/// An event as a producer sends it: the members of the body to be delivered, and `account`.
pub enum SubmittedEvent {}

/// An entry of a batch: an event, which can have an idempotency key of its own.
pub enum BatchEntry {}

/// An event of a documented type.
fn example() -> Value {
    json!({"event": "task.completed", "taskId": "task_abc123", "status": "ready", "solution": {"token": "0.mF7gg2"}})
}

fn submitted() -> ObjectBuilder {
    let text = |description: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    ObjectBuilder::new()
        .description(Some("The members of the body to be delivered, by the rules of the event's type, and `account`."))
        .property("event", text("The name of the event's type."))
        .required("event")
        .property("account", text("The id or the name of the account; a key of one account may leave it out."))
        .property("timestamp", text("The instant of the event (RFC 3339). Without it: that of acceptance."))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

impl PartialSchema for SubmittedEvent {
    fn schema() -> RefOr<Schema> {
        submitted().into()
    }
}

impl ToSchema for SubmittedEvent {}

impl PartialSchema for BatchEntry {
    fn schema() -> RefOr<Schema> {
        let key = ObjectBuilder::new().schema_type(Type::String).max_length(Some(255));
        let key = key.description(Some("A key by which a repetition of this entry is recognised."));
        submitted().property("idempotencyKey", key).into()
    }
}

impl ToSchema for BatchEntry {}
