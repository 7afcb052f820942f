//! The types of events as the document's webhooks: the requests that receivers get.

use serde_json::{Value, json};
use signet_engine::service::event_types::{Catalogue, Entry};
use signet_model::Timestamp;

/// The instant of the samples: 2026-03-28T12:00:00Z.
const HAPPENED_AT: Timestamp = Timestamp::from_unix_seconds(1_774_699_200);

/// A webhook for each type that takes events.
pub fn of(catalogue: &Catalogue) -> Value {
    catalogue.active().map(|entry| (entry.name.to_string(), webhook(catalogue, entry))).collect()
}

/// A body of a type, with its members in the order in which they are sent.
pub fn sample(catalogue: &Catalogue, entry: &Entry) -> String {
    catalogue.sample(&entry.name, HAPPENED_AT).json.to_string()
}

fn webhook(catalogue: &Catalogue, entry: &Entry) -> Value {
    let sample: Value = serde_json::from_str(&sample(catalogue, entry)).unwrap_or_default();
    json!({"post": {
        "operationId": format!("on {}", entry.name),
        "summary": entry.description,
        "tags": ["Events"],
        "requestBody": {
            "required": true,
            "content": {"application/json": {
                "schema": entry.body_schema().unwrap_or_else(|| any(entry.name.as_str())),
                "example": sample,
            }},
        },
        "responses": {"2XX": {"description": "The event has arrived. Any other answer is tried again."}},
    }})
}

/// The members that the body of each event has.
fn any(kind: &str) -> Value {
    json!({
        "type": "object",
        "properties": {"event": {"const": kind}, "timestamp": {"type": "string", "format": "date-time"}},
        "required": ["event", "timestamp"],
    })
}
