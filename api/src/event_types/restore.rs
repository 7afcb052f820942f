//! `POST /v1/event-types/{event_type}/restore`: takes events of an archived event type again.

use super::{EventType, InPath, problem};
use crate::{
    access::{AccountsWrite, Operator},
    problem::{Problem, problems},
    version::{IfMatch, Versioned},
};

problems!(OPERATOR, POST, CHANGE; NoSuchEventType, EventTypeBuiltIn);

/// Restore an archived event type.
///
/// New events of the type are taken again.
#[utoipa::path(
    post, path = "/v1/event-types/{event_type}/restore", operation_id = "restoreEventType", tag = "Event types",
    security(("key" = ["accounts:write"])), params(("event_type" = String, Path, description = "The name.")),
    responses(
        (status = 200, body = EventType, description = "The event type.", headers(
            ("ETag", description = "Its version."),
        )),
        Problems
    )
)]
pub async fn restore_event_type(
    caller: Operator<AccountsWrite>,
    InPath(name): InPath,
    IfMatch(version): IfMatch,
) -> Result<Versioned<EventType>, Problem> {
    let changed = caller.engine().event_types().restore(&caller.actor(), &name, version).await.map_err(problem)?;
    Ok(Versioned(changed.revision, EventType::from(&*changed)))
}
