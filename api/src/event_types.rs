//! Operations on the catalogue of event types. Each key reads it; the operator changes it.

mod archive;
mod change;
mod create;
mod list;
mod read;
mod restore;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use signet_engine::service::event_types::{Entry, EventTypeContent, Origin, SaveTypeError};
use signet_model::{
    event::{EventType as Name, Reference},
    text::Description,
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{Api, path_text},
    json::members,
    problem::{Code, Problem},
    time::Time,
};

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_event_types, create::create_event_type))
        .routes(routes!(read::read_event_type, change::change_event_type))
        .routes(routes!(archive::archive_event_type))
        .routes(routes!(restore::restore_event_type))
}

/// An event type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventType {
    /// The name, which events have as `event`.
    #[schema(example = "order.paid")]
    name: String,
    /// The part of the name before the last dot; `null` if there is none.
    group: Option<String>,
    /// The sentence that describes the type to people; may be empty.
    description: String,
    /// The JSON Schema (2020-12) of a body; `null` if any members are taken.
    #[schema(value_type = Option<serde_json::Value>)]
    schema: Option<Box<RawValue>>,
    /// The members of a sample body; `null` if there is no sample.
    #[schema(value_type = Option<Object>)]
    sample: Option<Box<RawValue>>,
    /// The member of a body by which people look for its events: they are found by its value.
    #[schema(example = "orderId")]
    reference: String,
    /// The way in which the type came into the catalogue.
    origin: OriginName,
    /// The instant from which on no new events are taken; `null` if they are.
    archived_at: Option<Time>,
    /// The instant of its creation; `null` for a type that is built in.
    created_at: Option<Time>,
    /// The instant of its last change; `null` for a type that is built in.
    updated_at: Option<Time>,
    /// The reason for which its stored schema cannot be used, and its events are refused;
    /// `null` if the type is usable.
    unusable: Option<String>,
}

/// The way in which a type came into the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginName {
    /// It is built in, and closed.
    BuiltIn,
    /// A person or a program made it.
    Person,
    /// A file names it.
    File,
}

impl From<&Entry> for EventType {
    fn from(entry: &Entry) -> Self {
        Self {
            name: entry.name.to_string(),
            group: entry.name.group().map(ToOwned::to_owned),
            description: entry.description.clone(),
            schema: json(entry.schema.as_deref()),
            sample: json(entry.sample.as_deref()),
            reference: entry.reference.as_ref().map_or(Reference::DEFAULT, Reference::as_str).to_owned(),
            origin: match entry.origin {
                Origin::BuiltIn => OriginName::BuiltIn,
                Origin::Person => OriginName::Person,
                Origin::File => OriginName::File,
            },
            archived_at: entry.archived_at.map(Time),
            created_at: entry.created_at.map(Time),
            updated_at: entry.updated_at.map(Time),
            unusable: entry.unusable.as_ref().map(ToString::to_string),
        }
    }
}

/// The stored text, as far as it is JSON.
fn json(text: Option<&str>) -> Option<Box<RawValue>> {
    RawValue::from_string(text?.to_owned()).ok()
}

/// The parts of an event type that can be changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Content {
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

impl From<Content> for EventTypeContent {
    fn from(content: Content) -> Self {
        let text = |json: Option<Box<RawValue>>| json.map(|it| it.get().to_owned());
        let Content { description, schema, sample, reference } = content;
        Self { description, schema: text(schema), sample: text(sample), reference }
    }
}

/// The name in the path. A text that is none is answered as a type that does not exist.
#[derive(Debug)]
pub struct InPath(Name);

impl FromRequestParts<Api> for InPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let name = path_text(parts, "event_type").await.and_then(|text| text.parse().ok());
        name.map(Self).ok_or_else(no_such)
    }
}

fn no_such() -> Problem {
    Problem::new(Code::NoSuchEventType, "There is no such event type.")
}

fn problem(error: SaveTypeError) -> Problem {
    match error {
        SaveTypeError::Invalid(fault) => fault.into(),
        SaveTypeError::Exists => Problem::new(Code::EventTypeExists, error.to_string()).at("/name"),
        SaveTypeError::BuiltIn => Problem::new(Code::EventTypeBuiltIn, error.to_string()),
        SaveTypeError::NotFound => no_such(),
        SaveTypeError::Changed => Problem::new(Code::ChangedMeanwhile, error.to_string()),
        SaveTypeError::TooMany => Problem::new(Code::TooManyEventTypes, error.to_string()),
        SaveTypeError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests;
