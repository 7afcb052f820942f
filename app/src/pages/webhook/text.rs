//! The sentences of the screen.

use signet_engine::{Unusable, service::endpoints::Disabled};
use signet_model::{Throttle, delivery::Outcome, endpoint::DisabledReason, event::EventType};

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
pub(super) const STEP_BY_STEP: &str = "Come back step by step";
pub(super) const TIMELINE: &str = "What happened";
pub(super) const DISABLED_THEN: &str = "Disabled";

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

/// An attempt in a line of the timeline.
pub(super) fn attempt(number: u32, outcome: Outcome) -> String {
    format!("Attempt {number}: {}", in_short(outcome))
}

/// The end of an attempt, as part of a sentence.
fn in_short(outcome: Outcome) -> String {
    match outcome {
        Outcome::Answered(status) => format!("the receiver answered {status}"),
        Outcome::Failed(failure) => format!("no answer ({})", failure.as_str().replace('_', " ")),
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
pub(super) const SETTLED: &str = "Held deliveries updated. What takes longer is shown here until it is done.";

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

/// The rotation of the secret.
pub(super) mod rotation {
    use signet_model::delivery::Outcome;

    pub(in super::super) const TITLE: &str = "Rotation";
    pub(in super::super) const ABOUT: &str = "Make the next secret while the current one goes on signing. `webhook-signature` carries both until you \
         switch, or until the overlap ends; `X-Webhook-Signature` is made with the current one until then.";
    pub(in super::super) const OVERLAP: &str = "Overlap";
    pub(in super::super) const DAY: &str = "24 hours";
    pub(in super::super) const HOUR: &str = "1 hour";
    pub(in super::super) const WEEK: &str = "7 days";
    pub(in super::super) const NONE: &str = "None: replace the secret at once";
    pub(in super::super) const BEGIN: &str = "Make the next secret";
    pub(in super::super) const BEGUN: &str = "The next secret is made. Reveal it, and give it to your receiver.";
    pub(in super::super) const REPLACED: &str = "The secret was replaced. Reveal it, and give it to your receiver now.";
    pub(in super::super) const UNTIL: &str = "The next secret takes over on {}, or when you switch.";
    pub(in super::super) const NEXT: &str = "Next signing secret";
    pub(in super::super) const GIVE: &str = "Give it to your receiver";
    pub(in super::super) const GIVE_HINT: &str = "The receiver should accept both secrets until the switch.";
    pub(in super::super) const REVEAL: &str = "Reveal the next secret";
    pub(in super::super) const PROVE: &str = "Prove it";
    pub(in super::super) const PROVE_HINT: &str =
        "A test that the next secret alone signs shows that the receiver knows it. It is not in the log.";
    pub(in super::super) const SEND_TEST: &str = "Send a test with the next secret";
    pub(in super::super) const PROVED: &str = "The receiver accepted a test that the next secret alone had signed.";
    pub(in super::super) const END: &str = "Switch";
    pub(in super::super) const END_HINT: &str =
        "From the switch on the next secret signs alone, and the current one is gone.";
    pub(in super::super) const SWITCH: &str = "Switch now";
    pub(in super::super) const SWITCHED: &str = "The next secret signs alone now.";
    pub(in super::super) const CALL_OFF: &str = "Call it off";
    pub(in super::super) const CALLED_OFF: &str = "The rotation was called off. The current secret signs alone.";

    pub(in super::super) fn not_proved(outcome: Outcome) -> String {
        let outcome = super::in_short(outcome);
        format!("The test with the next secret failed: {outcome}. Check that the receiver knows it before you switch.")
    }
}

/// What is being sent again.
pub(super) mod resends {
    use signet_engine::service::resends::Resend;

    pub(in super::super) const TITLE: &str = "Under way";
    pub(in super::super) const REFRESH: &str = "Refresh";
    pub(in super::super) const SENDING: &str = "Sending";
    pub(in super::super) const DISCARDING: &str = "Discarding";
    pub(in super::super) const DISCARDED: &str = "Discarded";
    pub(in super::super) const DISCARD_PAUSED: &str = "Paused. What is not discarded yet stays held.";
    pub(in super::super) const IS_PAUSED: &str = "Paused";
    pub(in super::super) const FINISHED: &str = "Finished";
    pub(in super::super) const IS_STOPPED: &str = "Stopped";
    pub(in super::super) const HAS_FAILED: &str = "Failed";
    pub(in super::super) const HELD: &str = "What was held";
    pub(in super::super) const FAILED: &str = "What had failed";
    pub(in super::super) const ANY: &str = "What a filter selects";
    pub(in super::super) const PAUSE: &str = "Pause";
    pub(in super::super) const RESUME: &str = "Go on";
    pub(in super::super) const STOP: &str = "Stop";
    pub(in super::super) const PAUSED: &str = "Paused. What waits for its turn already is still sent.";
    pub(in super::super) const RESUMED: &str = "It goes on.";

    /// How far it has come, and at which pace.
    pub(in super::super) fn progress(resend: &Resend) -> String {
        let of = resend.expected.map(|count| format!(" of {}", count.max(resend.found))).unwrap_or_default();
        let pace = resend.pace.map(|pace| format!(", {pace}")).unwrap_or_default();
        let skipped = if resend.skipped > 0 { format!(", {} skipped", resend.skipped) } else { String::new() };
        format!("{}{of}{skipped}{pace}", resend.found)
    }

    pub(in super::super) fn stopped(sent: u64) -> String {
        match sent {
            1 => "Stopped after 1 delivery. The rest stays as it is.".to_owned(),
            sent => format!("Stopped after {sent} deliveries. The rest stays as it is."),
        }
    }
}
