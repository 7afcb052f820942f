//! Endpoints.

use signet_engine::service::endpoints::Endpoint;
use signet_model::{EndpointId, Timestamp, endpoint::DisabledReason};

use crate::{
    components::{Moment, Status, Tone},
    words::{moment, time_of_day},
};

/// The address of a webhook's page.
pub(crate) fn endpoint_path(id: EndpointId) -> String {
    format!("/settings/webhooks/{id}")
}

/// What a webhook is called: its host and path, without the scheme that all have.
pub(crate) fn endpoint_title(endpoint: &Endpoint) -> String {
    let url = &endpoint.url;
    let short = url.strip_prefix("https://").unwrap_or(url);
    let bare = short.strip_suffix('/').filter(|host| !host.contains('/'));
    bare.unwrap_or(short).to_owned()
}

/// The status of a row that cannot be read as it is stored.
pub(crate) fn unusable() -> Status {
    Status::new(Tone::Bad, "Unusable")
}

/// The state of an endpoint in a word or two.
pub(crate) fn endpoint_status(endpoint: &Endpoint, now: Timestamp) -> Status {
    if endpoint.unusable.is_some() {
        return unusable();
    }
    if let Some(until) = endpoint.rests_until(now) {
        return Status::new(Tone::Waiting, format!("Asked to wait until {}", time_of_day(until)));
    }
    match endpoint.disabled {
        Some(disabled) if disabled.reason == Some(DisabledReason::Paused) => Status::new(Tone::Paused, "Paused"),
        Some(_) => Status::new(Tone::Bad, "Disabled"),
        None if endpoint.consecutive_failures > 0 => Status::new(Tone::Warning, "Failing"),
        None => Status::new(Tone::Good, "Enabled"),
    }
}

/// The instant of the last attempt, and its outcome.
pub(crate) fn last_activity(endpoint: &Endpoint, now: Timestamp) -> Option<(Status, Moment)> {
    let success = endpoint.last_success_at.map(|at| (at, Status::new(Tone::Good, "Delivered")));
    let failure = endpoint.last_failure_at.map(|at| (at, Status::new(Tone::Bad, "Failed")));
    let (at, status) = success.into_iter().chain(failure).max_by_key(|(at, _)| *at)?;
    Some((status, moment(at, now)))
}
