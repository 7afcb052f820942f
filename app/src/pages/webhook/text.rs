//! The sentences of the screen.

use signet_engine::{Unusable, service::endpoints::Disabled};
use signet_model::{Throttle, endpoint::DisabledReason, event::EventType};

pub(super) const TABS: &str = "Webhook";
pub(super) const OVERVIEW: &str = "Overview";
pub(super) const TEST_TAB: &str = "Test";
pub(super) const SETTINGS: &str = "Settings";

pub(super) const DETAILS: &str = "Details";
pub(super) const URL: &str = "URL";
pub(super) const DESCRIPTION: &str = "Description";
pub(super) const NO_DESCRIPTION: &str = "None";
pub(super) const EVENTS: &str = "Events";
pub(super) const CREATED: &str = "Created";
pub(super) const EDIT: &str = "Edit";
pub(super) const RECENT: &str = "Recent deliveries";
pub(super) const RECOVER: &str = "Recover failed deliveries";
pub(super) const VIEW_ALL: &str = "View all";
pub(super) const NOTHING_SENT: &str = "Nothing was sent yet. Send a test event to try your receiver.";

pub(super) const SECRET: &str = "Signing secret";
pub(super) const VERIFY: &str = "Every request carries `X-Webhook-Signature`: the HMAC-SHA256 of the raw body, keyed with this whole secret, in \
     lower-case hex. Receivers that follow Standard Webhooks can check `webhook-signature` with the same secret instead.";

pub(super) const TEST: &str = "Send a test event";
pub(super) const TEST_HINT: &str = "A sample event goes to your receiver just as a real one would, marked with the header \
                                    `X-Webhook-Test: true`. It is sent once, without retries.";

pub(super) const HEADERS: &str = "Headers";
pub(super) const THROTTLE: &str = "Throttle";
pub(super) const CLOUD_EVENTS: &str = "CloudEvents";
pub(super) const FILTER: &str = "Filter";
pub(super) const CLOUD_EVENTS_ADDED: &str = "Headers are added";

pub(super) fn throttle(throttle: Throttle) -> String {
    match throttle.per_second() {
        1 => "At most 1 delivery a second".to_owned(),
        count => format!("At most {count} deliveries a second"),
    }
}

pub(super) const ASKED_TO_WAIT: &str = "The receiver asked to wait";
pub(super) const WAITS_UNTIL: &str = "Nothing is sent until {}, except for test events: the receiver answered 429 or 503 with Retry-After. Events wait, \
     and nothing is lost.";
pub(super) const STOP_WAITING: &str = "Stop waiting";
pub(super) const STOPPED_WAITING: &str = "Deliveries are sent again.";

pub(super) const DANGER: &str = "Pause or delete";
pub(super) const PAUSE_HINT: &str =
    "Nothing is sent while a webhook is paused. Its events are held until you re-enable it.";
pub(super) const DELETE_HINT: &str = "A deleted webhook is gone, and so is what is waiting or held for it.";
pub(super) const PAUSE: &str = "Pause";
pub(super) const PAUSED: &str = "Webhook paused. Its events are held until you re-enable it.";
pub(super) const IS_PAUSED: &str = "This webhook is paused";
pub(super) const IS_DISABLED: &str = "This webhook is disabled";
pub(super) const ENABLE: &str = "Re-enable";
pub(super) const ENABLED: &str = "Webhook re-enabled.";

/// The instant stands in the place of `{}`.
pub(super) const fn since(disabled: Disabled) -> &'static str {
    match disabled.reason {
        Some(DisabledReason::Paused) => "Since {}. It was paused here. New events are held and nothing is lost.",
        Some(DisabledReason::Gone) => {
            "Since {}. The receiver answered that it wants no more events. New events are held and nothing is lost."
        }
        Some(DisabledReason::RetriesExhausted) => {
            "Since {}. All attempts at a delivery failed, the last retry included. New events are held and nothing is \
             lost."
        }
        None => "Since {}. A newer version of the server disabled it. New events are held and nothing is lost.",
    }
}

pub(super) fn open_failed(event_type: &EventType) -> String {
    format!("Open the {event_type} delivery that failed")
}

pub(super) const ARE_HELD: &str = "Deliveries are held";
pub(super) const HELD_SINCE_DISABLED: &str =
    "They arrived while nothing could be sent to this webhook, and wait for your decision.";
pub(super) const HELD: &str = "Held deliveries";
pub(super) const HELD_HINT: &str = "What is sent goes out a few at a time, so that your receiver is not flooded.";
pub(super) const SEND: &str = "Send";
pub(super) const DISCARD: &str = "Discard";
pub(super) const KEEP: &str = "Keep held";
pub(super) const APPLY: &str = "Apply";
pub(super) const SETTLED: &str = "Held deliveries updated.";

pub(super) const IS_UNUSABLE: &str = "This webhook is unusable";
pub(super) const ENTER_URL: &str = "Enter its URL again";
pub(super) const URL_REMEDY: &str =
    "{}, or delete the webhook. Then decide here what happens to the events that are held.";
pub(super) const ENTER_HEADERS: &str = "Enter its headers again";
pub(super) const ENTER_OPTIONS: &str = "Save its options again";
pub(super) const ASK_FOR_REPAIR: &str =
    "Ask an owner, an admin or a developer of this account to repair it. Events are held meanwhile.";
pub(super) const NEW_SECRET: &str = "Make a new secret";
pub(super) const SECRET_REMEDY: &str = "Make a new secret and give it to your receiver, or delete the webhook. If this happens to every webhook, \
     the server runs with another sealing key than before: its operator can restore the old one instead.";

pub(super) fn unusable(reason: &Unusable) -> String {
    format!("Nothing is sent to it, because {reason}. Its events are held and nothing is lost.")
}
