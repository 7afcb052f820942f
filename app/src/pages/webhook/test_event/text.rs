//! The sentences of the tab.

pub(super) const TITLE: &str = "Send a test event";
pub(super) const HINT: &str = "It goes to your receiver just as a real one would, marked with the header \
                               `X-Webhook-Test: true`. It is sent once, without retries, and changes nothing here.";
pub(super) const EVENT_TYPE: &str = "Event type";
pub(super) const LOAD: &str = "Load its sample";
pub(super) const BODY: &str = "Body";
pub(super) const BODY_HINT: &str = "Change what you like. Without `timestamp` the body gets the present time.";
pub(super) const SCHEMA: &str = "Schema";
pub(super) const SEND: &str = "Send test event";
pub(super) const IS_EMPTY: &str = "is empty: enter a JSON object, or load the sample";

pub(super) const WAITING: &str = "Waiting for the receiver’s answer…";
pub(super) const REFRESH: &str = "Refresh";
pub(super) const FIRST_BYTE: &str = "First byte";
pub(super) const TOTAL: &str = "Total";

pub(super) const LAST_TESTS: &str = "Last tests";
pub(super) const NO_TESTS: &str = "No tests yet.";
pub(super) const STATUS: &str = "Status";
pub(super) const RESULT: &str = "Result";
pub(super) const SENT: &str = "Sent";
pub(super) const NONE: &str = "–";

pub(super) fn open(event_type: &str) -> String {
    format!("Open this {event_type} delivery")
}

/// Where the body is not one of the type, and why.
pub(super) fn fault(pointer: &str, message: &str) -> String {
    match pointer {
        "" => format!("The body {message}."),
        pointer => format!("{pointer} {message}."),
    }
}
