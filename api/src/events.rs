//! Operations on events.

mod entries;
mod idempotency;
mod list;
mod read;
mod send;
mod send_batch;
mod stream;
mod trace;

use serde::Serialize;
use serde_json::{Value, json};
use signet_engine::service::events;
use signet_model::EventId;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{AdditionalProperties, Type},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{access::Api, ids::schema, time::Time};

pub use send::MAX_LEN as MAX_EVENT_LEN;

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(send::send_event))
        .routes(routes!(send_batch::send_events))
        .routes(routes!(stream::stream_events))
}

/// The operations that read events.
pub fn reading() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list::list_events)).routes(routes!(read::read_event))
}

/// An event, without its body.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the members")]
pub struct Event {
    /// Its id.
    #[schema(value_type = schema::EventId)]
    id: EventId,
    /// The name of its type.
    event_type: String,
    /// Its reference: the `taskId`, or the value of the member that its type names instead.
    task: Option<String>,
    /// The instant at which it happened.
    occurred_at: Time,
    /// The instant of its acceptance.
    accepted_at: Time,
    /// The number of webhooks that it went to.
    deliveries: u32,
    /// True if it was sent as a test.
    is_test: bool,
}

impl From<events::Event> for Event {
    fn from(event: events::Event) -> Self {
        Self {
            id: event.id,
            event_type: event.event_type,
            task: event.task,
            occurred_at: event.occurred_at.into(),
            accepted_at: event.accepted_at.into(),
            deliveries: event.deliveries,
            is_test: event.is_test,
        }
    }
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
