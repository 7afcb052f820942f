//! The sentences of the list of deliveries.

use signet_engine::service::deliveries::{AtLeast, Rest, ResultClass};
use signet_model::delivery::State;

use crate::words::number;

pub(crate) const TITLE: &str = "Deliveries";
pub(super) const LEAD: &str = "What was sent, and what came back: across all webhooks, newest first.";
pub(super) const SEARCH: &str = "Id or reference";
pub(super) const SEARCH_PLACEHOLDER: &str = "msg_…, evt_…, or a task or order id";
pub(super) const STATE: &str = "State";
pub(super) const ALL: &str = "All";
pub(super) const RESULT: &str = "Last result";
pub(super) const ALL_RESULTS: &str = "All results";
pub(super) const STATUS: &str = "HTTP status";
pub(super) const STATUS_PLACEHOLDER: &str = "503";
pub(super) const STATUS_INVALID: &str = "Enter a status of three digits, such as 503.";
pub(super) const WEBHOOK: &str = "Webhook";
pub(super) const ALL_WEBHOOKS: &str = "All webhooks";
pub(super) const DELETED: &str = "deleted";
pub(super) const TYPE: &str = "Event type";
pub(super) const ALL_TYPES: &str = "All types";
pub(super) const FROM: &str = "From";
pub(super) const TO: &str = "Before";
pub(super) const MORE_FILTERS: &str = "Status, time";
pub(super) const FILTER: &str = "Filter";
pub(super) const CLEAR: &str = "Clear";

pub(super) const EVENT: &str = "Event";
pub(super) const ATTEMPTS: &str = "Attempts";
pub(super) const ACCEPTED: &str = "Accepted";
pub(super) const NEXT: &str = "Next attempt";
pub(super) const TEST: &str = "Test";
pub(super) const NONE: &str = "–";
pub(super) const UNREADABLE: &str = "cannot be read";
pub(super) const NO_ATTEMPT: &str = "No attempt yet";
pub(super) const NONE_YET: &str = "No deliveries yet";
pub(super) const NONE_YET_ADVICE: &str = "They appear here as soon as an event is sent.";
pub(super) const NO_MATCH: &str = "No deliveries match";
pub(super) const NO_MATCH_ADVICE: &str = "Leave a part of the filter out, or clear it.";
pub(super) const NO_MATCH_SO_FAR: &str = "None so far";
pub(super) const GO_ON: &str = "Search older ones";

pub(super) const CLOSE: &str = "Close";
pub(super) const OPEN: &str = "Open delivery";
pub(super) const RESEND: &str = "Resend";
pub(super) const DELIVERY: &str = "Delivery";
pub(super) const MESSAGE_ID: &str = "Message id";
pub(super) const TASK: &str = "Reference";
pub(super) const LAST_ATTEMPT: &str = "Last attempt";
pub(super) const BODY: &str = "Request body";
pub(super) const BODY_GONE: &str = "The body is no longer stored.";

pub(super) const CSV: &str = "Export CSV";
pub(super) const NDJSON: &str = "Export NDJSON";

/// Says how much an export has.
pub(super) fn export_hint(rows: usize, looked_at: u64) -> String {
    format!(
        "An export has what matches, newest first: {} deliveries at most, out of the newest {} or so.",
        number(rows as u64),
        number(looked_at)
    )
}

/// Says that not all deliveries were searched.
pub(crate) fn rest(rest: Rest) -> String {
    match rest {
        Rest::Pending => {
            "Many deliveries are waiting. Some of them, those that are due first, were searched; clear the \
                          filter to see all."
                .to_owned()
        }
        Rest::Searched(searched) => format!(
            "About {} deliveries were searched up to here. Choose Older to search on.",
            number(u64::from(searched))
        ),
        Rest::Task => "More than 100 events have the reference. Some of them were searched.".to_owned(),
    }
}

/// `12`, or `1,000+` where there can be more.
pub(super) fn at_least(count: AtLeast) -> String {
    format!("{}{}", number(u64::from(count.counted)), if count.more { "+" } else { "" })
}

/// The button that leads to sending all that match again.
pub(super) fn resend_all(count: AtLeast) -> String {
    match count {
        AtLeast { counted: 1, more: false } => "Resend the one that matches".to_owned(),
        AtLeast { counted: 0, .. } => "Resend those that match".to_owned(),
        AtLeast { counted, more: false } => format!("Resend the {} that match", number(counted)),
        AtLeast { counted, more: true } => format!("Resend at least {} that match", number(counted)),
    }
}

/// A state as the name of a part of the list.
pub(super) const fn state(state: State) -> &'static str {
    match state {
        State::Pending => "Pending",
        State::Delivered => "Delivered",
        State::Failed => "Failed",
        State::Held => "Held",
        State::Discarded => "Discarded",
    }
}

/// A class of results.
pub(super) const fn result(class: ResultClass) -> &'static str {
    match class {
        ResultClass::Success => "2xx: success",
        ResultClass::Redirect => "3xx: redirect",
        ResultClass::ClientError => "4xx: refused",
        ResultClass::ServerError => "5xx: receiver’s error",
        ResultClass::Timeout => "Timeout",
        ResultClass::Tls => "TLS failed",
        ResultClass::Dns => "Host not found or not allowed",
        ResultClass::Refused => "No connection",
    }
}

/// The attempts in words.
pub(super) fn attempts(made: u32, last_succeeded: bool) -> String {
    let failed = made - u32::from(last_succeeded && made > 0);
    match (made, failed) {
        (0, _) => NO_ATTEMPT.to_owned(),
        (1, 0) => "1 attempt, which succeeded".to_owned(),
        (1, _) => "1 attempt, which failed".to_owned(),
        (made, failed) => format!("{failed} of {made} attempts failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_says_if_there_can_be_more() {
        let count = |counted, more| AtLeast { counted, more };
        assert_eq!(at_least(count(1_000, true)), "1,000+");
        assert_eq!(at_least(count(0, false)), "0");
        assert_eq!(resend_all(count(214, false)), "Resend the 214 that match");
        assert_eq!(resend_all(count(1_000, true)), "Resend at least 1,000 that match");
        assert_eq!(resend_all(count(1, false)), "Resend the one that matches");
    }

    #[test]
    fn attempts_are_counted_in_words() {
        for (made, succeeded, words) in [
            (0, false, "No attempt yet"),
            (1, true, "1 attempt, which succeeded"),
            (1, false, "1 attempt, which failed"),
            (3, true, "2 of 3 attempts failed"),
            (6, false, "6 of 6 attempts failed"),
        ] {
            assert_eq!(attempts(made, succeeded), words);
        }
    }
}
