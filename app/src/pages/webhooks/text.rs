//! The sentences of the screen.

use signet_engine::service::{
    backlog::Count,
    endpoints::{Attention, ListedStatus},
};
use signet_model::endpoint::DisabledReason;

use crate::{
    present::in_short,
    words::{deliveries, number},
};

pub(crate) const TITLE: &str = "Webhooks";
pub(super) const LEAD: &str = "Events are sent to these URLs as they happen, signed and retried.";
pub(super) const ADD: &str = "Add webhook";
pub(super) const NO_WEBHOOKS: &str = "No webhooks yet";
pub(super) const NO_WEBHOOKS_ADVICE: &str = "Add the URL of your receiver and choose the events it wants. You get a signing secret, \
     and can send a test event before anything real happens.";

pub(super) const BY_STATUS: &str = "Webhooks by status";
pub(super) const SEARCH: &str = "Search";
pub(super) const SEARCH_LABEL: &str = "URL or description";
pub(super) const CLEAR: &str = "Clear";

/// The name of a status, or of all of them.
pub(super) const fn status(status: Option<ListedStatus>) -> &'static str {
    match status {
        None => "All",
        Some(ListedStatus::Failing) => "Failing",
        Some(ListedStatus::Disabled) => "Disabled",
        Some(ListedStatus::Paused) => "Paused",
    }
}

/// Nothing is listed.
pub(super) fn no_match(status: Option<ListedStatus>, text: &str) -> String {
    let which = match status {
        None => "No webhook",
        Some(ListedStatus::Failing) => "No failing webhook",
        Some(ListedStatus::Disabled) => "No disabled webhook",
        Some(ListedStatus::Paused) => "No paused webhook",
    };
    match (text.is_empty(), status) {
        (false, _) => format!("{which} has “{text}” in its URL or description."),
        (true, Some(_)) => format!("{which}."),
        (true, None) => "No older webhooks.".to_owned(),
    }
}

pub(super) const WEBHOOK: &str = "Webhook";
pub(super) const STATUS: &str = "Status";
pub(super) const LAST_DAY: &str = "Last 24 hours";
pub(super) const SUCCESS: &str = "Success rate";
pub(super) const LAST_DELIVERY: &str = "Last delivery";
pub(super) const ACTIONS: &str = "Actions";
pub(super) const NONE_YET: &str = "None yet";
pub(super) const EDIT: &str = "Edit";
pub(super) const SEND_TEST: &str = "Send test";
pub(super) const DELIVERIES: &str = "Deliveries";
pub(super) const PAUSE: &str = "Pause";
pub(super) const ENABLE: &str = "Enable";

/// The name of a menu.
pub(super) fn actions_for(webhook: &str) -> String {
    format!("Actions for {webhook}")
}

/// A sparkline in words.
pub(super) fn last_day(delivered: u64, failed: u64) -> String {
    format!("{} delivered, {} attempts failed in 24 hours", number(delivered), number(failed))
}

pub(super) const PARTIAL_ROWS: &str =
    "These webhooks get very many event types: not all of the last 24 hours is added up in this list.";

pub(super) const DELIVERED: &str = "Delivered";
pub(super) const FAILED: &str = "Failed";
pub(super) const IN_A_DAY: &str = "in the last 24 hours";
pub(super) const FOR_GOOD: &str = "after all retries, in the last 24 hours";
pub(super) const OF_ATTEMPTS: &str = "of all attempts";
pub(super) const LATENCY: &str = "Slowest 5%";
pub(super) const LATENCY_HINT: &str = "p95: 95 of 100 answers of your receivers come faster";
pub(super) const NO_ATTEMPTS: &str = "–";
pub(super) const PARTIAL: &str = "not all of it is added up yet; reload the page in a moment";

pub(super) const ATTENTION: &str = "Needs attention";
pub(super) const REVIEW: &str = "Review and re-enable";
pub(super) const SEE_FAILING: &str = "See the failing delivery";
pub(super) const REPAIR: &str = "Review";

/// More webhooks need attention than are named.
pub(super) fn more_in_trouble(more: u64) -> String {
    if more == 1 {
        "1 more webhook is failing or disabled.".to_owned()
    } else {
        format!("{more} more webhooks are failing or disabled.")
    }
}

/// Stands in the place of an instant.
pub(super) const SINCE: &str = "{}";

/// Why a webhook needs attention. The instant of its disabling stands in the place of [`SINCE`].
pub(super) fn reason(trouble: &Attention) -> String {
    let endpoint = &trouble.endpoint;
    if let Some(unusable) = &endpoint.unusable {
        return format!("Nothing is sent to it, because {unusable}.");
    }
    let last = trouble.failed.map(|failed| in_short(failed.outcome));
    let Some(disabled) = endpoint.disabled else {
        let attempts = match endpoint.consecutive_failures {
            1 => "The last attempt failed".to_owned(),
            failures => format!("The last {} attempts failed", number(failures)),
        };
        return last.map_or_else(|| format!("{attempts}."), |last| format!("{attempts}, lately with: {last}."));
    };
    match (disabled.reason, last) {
        (Some(DisabledReason::Gone), _) => {
            "Disabled {}: the receiver answered that it wants no more events.".to_owned()
        }
        (Some(DisabledReason::RetriesExhausted), Some(last)) => {
            format!("Disabled {{}}: all attempts at a delivery failed, the last one with: {last}.")
        }
        (Some(DisabledReason::RetriesExhausted), None) => "Disabled {}: all attempts at a delivery failed.".to_owned(),
        (Some(DisabledReason::Paused) | None, _) => "Disabled {}.".to_owned(),
    }
}

/// What is held meanwhile.
pub(super) fn held(held: Count) -> Option<String> {
    let are = if held == Count::from(1) { "is" } else { "are" };
    (held.counted > 0).then(|| format!("{} {are} held, and nothing is lost.", deliveries(held)))
}

pub(super) const FIRST_STEPS: &str = "First steps";
pub(super) const FIRST_STEPS_LEAD: &str =
    "Until the first real event has arrived, this list follows what has happened.";
pub(super) const DONE: &str = "Done:";
pub(super) const TO_DO: &str = "To do:";
pub(super) const STEP_ADD: &str = "Add a webhook";
pub(super) const STEP_ADD_HINT: &str = "The URL of your receiver, and the events it wants.";
pub(super) const STEP_VERIFY: &str = "Verify signatures in your receiver";
pub(super) const STEP_VERIFY_HINT: &str = "Ticked as soon as your receiver answers a test event with 2xx. That it refuses a wrong signature, only you can try.";
pub(super) const STEP_TEST: &str = "Send a test event";
pub(super) const STEP_TEST_HINT: &str = "It goes out once, just as a real one would.";
pub(super) const STEP_REAL: &str = "Get a real event";
pub(super) const STEP_REAL_HINT: &str = "Nothing is to be done here: it is sent as soon as it happens.";
pub(super) const STEP_REAL_UNDER_WAY: &str = "One came in, and has not arrived at your receiver yet.";
pub(super) const SEE_DELIVERIES: &str = "See deliveries";
pub(super) const CODE: &str = "Code for your receiver";
