//! The sentences of the screen.

use signet_engine::service::backlog::Count;
use signet_model::endpoint::DisabledReason;

use crate::{components::Moment, words};

pub(super) const TITLE: &str = "Recover failed deliveries";
pub(super) const RECOVER: &str = "Recover";
pub(super) const LEAD: &str = "Send again what this webhook missed because its receiver failed.";
pub(super) const SINCE: &str = "Since";
pub(super) const SINCE_HINT: &str =
    "What counts is when the event was accepted; its last retry can have failed hours later.";
pub(super) const SINCE_INVALID: &str = "Enter a date and a time, such as 28 March 2026, 12:00.";
pub(super) const EVENTS: &str = "Events";
pub(super) const EVENTS_HINT: &str = "Choose what to send again.";
pub(super) const FIND: &str = "Find failed deliveries";
pub(super) const CANCEL: &str = "Cancel";

pub(super) const UNUSABLE: &str = "This webhook is unusable. {} first; then its failed deliveries can be sent again.";
pub(super) const MAKE_USABLE: &str = "Make it usable";
pub(super) const ENABLE: &str = "Re-enable it";

/// The link stands in the place of `{}`.
pub(super) const fn disabled(reason: Option<DisabledReason>) -> &'static str {
    match reason {
        Some(DisabledReason::Paused) => {
            "This webhook is paused. {} first; then its failed deliveries can be sent again."
        }
        _ => "This webhook is disabled. {} first; then its failed deliveries can be sent again.",
    }
}

/// Readers who think in another time zone see by the present time how far they are off.
pub(super) fn since_future(now: &Moment) -> String {
    format!("Choose a time that has passed. It is {} now.", now.full)
}

pub(super) const NOTHING: &str = "Nothing to send again";
pub(super) const NOTHING_SINCE: &str = "No failed deliveries of the chosen events, accepted since {}.";
pub(super) const ACCEPTED_SINCE: &str = "Accepted since {}.";
pub(super) const NOTHING_ADVICE: &str = "Choose an earlier time or more events. Test events are not sent again, nor is what was accepted so long ago \
     that its body is no longer stored.";
pub(super) const ENABLE_FIRST: &str = "{} first.";
pub(super) const ENABLE_THIS: &str = "Re-enable this webhook";
pub(super) const SAME_ID: &str =
    "The `webhook-id` stays the same, so that your receiver can recognise what it has seen already.";

pub(super) fn found(count: Count) -> String {
    if count == Count::from(1) { "1 failed delivery".to_owned() } else { format!("{count} failed deliveries") }
}

pub(super) fn order(rate: u32) -> String {
    format!("What failed is sent again in the order of acceptance, {rate} a second, with a new round of retries. ")
}

pub(super) fn send(count: Count) -> String {
    format!("Send {} again", words::deliveries(count))
}

pub(super) const UNDER_WAY: &str = "Failed deliveries are being sent again, one after the other.";

pub(super) fn sent(count: u64) -> String {
    match count {
        0 => "There was nothing left to send again.".to_owned(),
        1 => "1 failed delivery is being sent again.".to_owned(),
        count => format!("{count} failed deliveries are being sent again."),
    }
}
