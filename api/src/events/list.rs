//! `GET /v1/accounts/{account}/events`: the events of an account.

use std::collections::BTreeSet;

use serde::Deserialize;
use signet_engine::service::events::EventFilter;
use signet_model::{EventId, event::EventType};
use utoipa::IntoParams;

use super::Event;
use crate::{
    access::{DeliveriesRead, InAccount},
    json::members,
    list::{Entries, List, Page, PageParams},
    problem::{Problem, problems},
    time::Time,
};

problems!(IN_ACCOUNT, LIST);

/// A selection of events. What is left out does not restrict.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventParams {
    /// Only those of this type.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(value_type = Option<String>)]
    event_type: Option<EventType>,
    /// Only those accepted at this instant or later (RFC 3339).
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(value_type = Option<Time>, inline)]
    since: Option<Time>,
    /// Only those accepted before this instant (RFC 3339).
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(value_type = Option<Time>, inline)]
    until: Option<Time>,
    /// Only those with this reference: the `taskId`, or the value of the member that the event
    /// type names instead.
    #[serde(default, deserialize_with = "members::if_given")]
    #[param(value_type = Option<String>)]
    task: Option<String>,
}

impl From<EventParams> for EventFilter {
    fn from(params: EventParams) -> Self {
        Self {
            event_types: params.event_type.map(|kind| BTreeSet::from([kind])),
            since: params.since.map(|time| time.0),
            until: params.until.map(|time| time.0),
            task: params.task,
        }
    }
}

/// List events.
///
/// Newest first. A page of one type can have few entries, or none, and a `nextCursor`, with which
/// the search goes on.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/events", operation_id = "listEvents", tag = "Events",
    security(("key" = ["deliveries:read"])), params(PageParams, EventParams),
    responses((status = 200, body = Entries<Event>, description = "A page of events."), Problems)
)]
pub async fn list_events(
    caller: InAccount<DeliveriesRead>,
    list: List<EventId, EventParams>,
) -> Result<Page<Event>, Problem> {
    let page = caller.account().events(&list.filter.clone().into(), list.after, list.rows() - 1).await?;
    Ok(list.page_until(page.events.into_iter().map(Event::from).collect(), page.next.as_ref()))
}
