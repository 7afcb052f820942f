//! The sentences of the tab.

use signet_engine::service::statistics::{CAUSES_FROM, Window};

use crate::words::number;

pub(super) const DELIVERIES: &str = "Deliveries";
pub(super) const RANGE: &str = "Range";
pub(super) const EVENT_TYPE: &str = "Event type";
pub(super) const ALL_TYPES: &str = "All types";
pub(super) const SHOW: &str = "Show";

/// The name of a range.
pub(super) const fn range(window: Window) -> &'static str {
    match window {
        Window::Day => "24 hours",
        Window::Week => "7 days",
        Window::Month => "30 days",
    }
}

/// The title of the chart, with the span of a bar and the zone of its hours and days.
pub(super) fn chart(window: Window, zone: &str) -> String {
    let step = match window {
        Window::Day => "By hour",
        Window::Week => "By 6 hours",
        Window::Month => "By day",
    };
    format!("{step}, {zone}")
}

/// The name of the spans.
pub(super) const fn span(window: Window) -> &'static str {
    match window {
        Window::Day => "Hour",
        Window::Week => "6 hours from",
        Window::Month => "Day",
    }
}

/// The chart in a sentence.
pub(super) fn summary(window: Window, delivered: u64, retried: u64, failed: u64) -> String {
    format!(
        "In {}: {} delivered, {} attempts failed without ending their delivery, {} deliveries failed after all retries.",
        range(window),
        number(delivered),
        number(retried),
        number(failed)
    )
}

pub(super) const DELIVERED: &str = "Delivered";
pub(super) const RETRIED: &str = "Failed attempts";
pub(super) const FAILED: &str = "Failed for good";
pub(super) const SUCCESS: &str = "Success rate";
pub(super) const OF_ATTEMPTS: &str = "of all attempts";
pub(super) const MEDIAN: &str = "Half within";
pub(super) const MEDIAN_HINT: &str = "p50 of your receiver's answers";
pub(super) const SLOW: &str = "95% within";
pub(super) const SLOW_HINT: &str = "p95 of your receiver's answers";
pub(super) const NO_ATTEMPTS: &str = "–";
pub(super) const AFTER_RETRIES: &str = "after all retries";

/// Not all of the range was added up. The instant stands in the place of `{}`.
pub(super) const REST: &str = "The webhook gets so many event types that only what happened before {} is added up.";

pub(super) const CAUSES: &str = "Why deliveries fail";
pub(super) const REASON: &str = "Last attempt";

/// What is counted.
pub(super) fn causes_hint() -> String {
    format!(
        "Deliveries of this range whose last attempt failed: of those that failed for good, wait for a retry or are \
         held, {} each are looked at. What arrived at a later attempt is not among them.",
        number(CAUSES_FROM)
    )
}
