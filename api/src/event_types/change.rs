//! `PUT /v1/event-types/{event_type}`: gives an event type another content.

use super::{Content, EventType, InPath, problem};
use crate::{
    access::{AccountsWrite, Operator},
    json::Given,
    problem::{Problem, problems},
    version::{IfMatch, Versioned},
};

problems!(OPERATOR, BODY, CHANGE; NoSuchEventType, EventTypeBuiltIn);

/// Change an event type.
///
/// The content is replaced: a member that is left out is empty from then on. Events that were
/// accepted before stay as they are.
#[utoipa::path(
    put, path = "/v1/event-types/{event_type}", operation_id = "changeEventType", tag = "Event types",
    security(("key" = ["accounts:write"])), params(("event_type" = String, Path, description = "The name.")),
    request_body(content = Content, example = json!({"description": "An order was paid.", "sample": {"orderId": "o_1"}})),
    responses(
        (status = 200, body = EventType, description = "The event type.", headers(
            ("ETag", description = "Its version."),
        )),
        Problems
    )
)]
pub async fn change_event_type(
    caller: Operator<AccountsWrite>,
    InPath(name): InPath,
    IfMatch(version): IfMatch,
    Given(content): Given<Content>,
) -> Result<Versioned<EventType>, Problem> {
    let changed =
        caller.engine().event_types().change(&caller.actor(), &name, content.into(), version).await.map_err(problem)?;
    Ok(Versioned(changed.revision, EventType::from(&*changed)))
}
