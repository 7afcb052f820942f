//! `GET /v1/event-types/{event_type}`: one event type.

use axum::extract::State;

use super::{EventType, InPath, no_such};
use crate::{
    access::{Allowed, Api, EndpointsRead},
    problem::{Problem, problems},
    version::Versioned,
};

problems!(CALLER; NoSuchEventType);

/// Read an event type.
#[utoipa::path(
    get, path = "/v1/event-types/{event_type}", operation_id = "readEventType", tag = "Event types",
    security(("key" = ["endpoints:read"])), params(("event_type" = String, Path, description = "The name.")),
    responses(
        (status = 200, body = EventType, description = "The event type.", headers(
            ("ETag", description = "Its version."),
        )),
        Problems
    )
)]
pub async fn read_event_type(
    State(api): State<Api>,
    caller: Allowed<EndpointsRead>,
    InPath(name): InPath,
) -> Result<Versioned<EventType>, Problem> {
    let catalogue = api.catalogue(caller.caller()).await?;
    let entry = catalogue.get(name.as_str()).ok_or_else(no_such)?;
    Ok(Versioned(entry.revision, EventType::from(&**entry)))
}
