//! Operations on endpoints, which customers call webhooks.

mod change;
mod create;
mod delete;
mod enable;
mod end_rest;
mod held;
mod list;
mod options;
mod pause;
mod preview_filter;
mod read;
mod recover;
mod refusal;
mod rotation;
mod secret;
mod stream_deliveries;
mod test;
mod test_draft;

use serde::Serialize;
use signet_engine::service::endpoints;
use signet_model::{
    DeliveryId, EndpointId, Filter, Subscriptions, Throttle, Timestamp,
    subscriptions::{InvalidSubscriptions, Selector},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use options::{FilterCondition, Header};

use crate::{access::Api, ids::schema, problem::Problem, time::Time, version::Versioned};

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_endpoints, create::create_endpoint))
        .routes(routes!(read::read_endpoint, change::change_endpoint, delete::delete_endpoint))
        .routes(routes!(pause::pause_endpoint))
        .routes(routes!(enable::enable_endpoint))
        .routes(routes!(end_rest::end_rest))
        .routes(routes!(preview_filter::preview_filter))
        .routes(routes!(secret::read_secret))
        .routes(routes!(stream_deliveries::stream_deliveries))
        .routes(routes!(held::count::count_held))
        .routes(routes!(held::release::release_held))
        .routes(routes!(held::discard::discard_held))
        .routes(routes!(recover::count::count_recoverable, recover::start::recover_endpoint))
        .routes(routes!(rotation::next::read_next_secret))
        .routes(routes!(rotation::rotate::rotate_secret))
        .routes(routes!(rotation::switch::switch_secret))
        .routes(routes!(rotation::call_off::call_off_rotation))
        .routes(routes!(test::test_endpoint))
        .routes(routes!(test_draft::test_draft))
}

/// The types that these selectors choose; without any choice all.
fn types(selectors: Option<Vec<String>>) -> Result<Subscriptions, Problem> {
    let Some(selectors) = selectors else { return Ok(Subscriptions::all()) };
    let read = |(place, text): (usize, &String)| {
        text.parse::<Selector>().map_err(|error| Problem::member(format!("/eventTypes/{place}"), &error.to_string()))
    };
    let selectors = selectors.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    Subscriptions::new(selectors).map_err(|error| match error {
        InvalidSubscriptions::TooMany => Problem::member("/eventTypes", "has too many entries; choose groups, or all"),
        InvalidSubscriptions::Empty => Problem::member("/eventTypes", "must have one entry or more"),
    })
}

/// A webhook, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// The webhook's id.
    #[schema(value_type = schema::EndpointId)]
    id: EndpointId,
    /// The URL that deliveries go to.
    url: String,
    /// The words of a person about it.
    description: String,
    /// The types of events that it gets: `*` for all, a group such as `task.*`, or a name.
    event_types: Vec<String>,
    /// The reason for which it gets test events alone; `null` while it is enabled.
    disabled: Option<Disabled>,
    /// The reason for which it cannot be used, and its events are held; `null` if it can.
    unusable: Option<String>,
    /// The instant of its creation.
    created_at: Time,
    /// The last change by a person.
    updated_at: Time,
    /// The last delivery that arrived.
    last_success_at: Option<Time>,
    /// The last attempt that failed.
    last_failure_at: Option<Time>,
    /// The attempts that have failed since the last success.
    consecutive_failures: u32,
    /// Its receiver asked to be left alone until then, and no delivery is attempted before;
    /// `null` if it did not, or that instant has passed.
    resting_until: Option<Time>,
    /// The headers of the account's own, which every delivery carries.
    headers: Vec<Header>,
    /// True if deliveries carry the headers of CloudEvents' binary mode besides.
    cloud_events: bool,
    /// The deliveries that may start in a second; `null` for no limit.
    throttle: Option<u32>,
    /// Conditions on the body, all of which must hold for an event to be delivered; `null` for
    /// none.
    #[schema(value_type = Option<Vec<FilterCondition>>)]
    filter: Option<Filter>,
}

/// The reason for which a webhook gets test events alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndpointDisabled)]
struct Disabled {
    /// The instant from which on it is disabled.
    at: Time,
    /// `paused` by a person, `retries_exhausted` after the last retry, `gone` by a status 410.
    /// `null` for a reason of another version.
    reason: Option<&'static str>,
    /// The failed delivery that caused it.
    #[schema(value_type = Option<schema::DeliveryId>)]
    delivery: Option<DeliveryId>,
}

impl Endpoint {
    /// The webhook as it is at this instant, with its version.
    fn versioned(endpoint: endpoints::Endpoint, now: Timestamp) -> Versioned<Self> {
        Versioned(endpoint.version, Self::shown(endpoint, now))
    }

    /// The webhook as it is at this instant.
    fn shown(endpoint: endpoints::Endpoint, now: Timestamp) -> Self {
        let resting_until = endpoint.rests_until(now).map(Time);
        let disabled = endpoint.disabled.map(|disabled| Disabled {
            at: disabled.at.into(),
            reason: disabled.reason.map(signet_model::endpoint::DisabledReason::as_str),
            delivery: disabled.by,
        });
        Self {
            id: endpoint.id,
            url: endpoint.url,
            description: endpoint.description,
            event_types: endpoint.event_types.to_string().split_whitespace().map(str::to_owned).collect(),
            disabled,
            unusable: endpoint.unusable.map(|reason| reason.to_string()),
            created_at: endpoint.created_at.into(),
            updated_at: endpoint.updated_at.into(),
            last_success_at: endpoint.last_success_at.map(Time),
            last_failure_at: endpoint.last_failure_at.map(Time),
            consecutive_failures: endpoint.consecutive_failures,
            resting_until,
            headers: endpoint.headers.into_iter().map(Header::from).collect(),
            cloud_events: endpoint.cloud_events,
            throttle: endpoint.throttle.map(Throttle::per_second),
            filter: endpoint.filter,
        }
    }
}
