//! `GET /v1/event-types`: the catalogue.

use axum::extract::State;
use signet_model::event::EventType as Name;

use super::EventType;
use crate::{
    access::{Allowed, Api, EndpointsRead},
    list::{Entries, List, Page, PageParams},
    problem::{Problem, problems},
};

problems!(CALLER, LIST);

/// List event types.
///
/// By name, with those that are built in, and archived ones.
#[utoipa::path(
    get, path = "/v1/event-types", operation_id = "listEventTypes", tag = "Event types",
    security(("key" = ["endpoints:read"])), params(PageParams),
    responses((status = 200, body = Entries<EventType>, description = "A page of event types."), Problems)
)]
pub async fn list_event_types(
    State(api): State<Api>,
    caller: Allowed<EndpointsRead>,
    list: List<Name>,
) -> Result<Page<EventType>, Problem> {
    let catalogue = api.catalogue(caller.caller()).await?;
    let rest = catalogue.all().filter(|entry| list.after.as_ref().is_none_or(|after| entry.name > *after));
    let rows = rest.take(list.rows() as usize).collect();
    Ok(list.page(rows, |entry| entry.name.clone(), |entry| EventType::from(&**entry)))
}
