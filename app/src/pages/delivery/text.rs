//! The sentences of the screen.

use std::time::Duration;

use signet_engine::{
    Unusable,
    service::deliveries::{Delivery, ResendError, RetryError, Surroundings},
};
use signet_model::{Timestamp, delivery::State, event::EventType};

use crate::words::moment;

pub(super) const RESEND: &str = "Resend";
pub(super) const RESENT: &str = "Delivery is being sent again.";
pub(super) const RETRY: &str = "Retry now";
pub(super) const RETRIED: &str = "The next attempt is made now.";
pub(super) const STOP: &str = "Stop retrying";
pub(super) const STOPPED: &str = "The delivery will not be tried again.";
pub(super) const PREVIOUS: &str = "Previous";
pub(super) const NEXT: &str = "Next";
pub(super) const NEIGHBOURS: &str = "Deliveries beside this one";
pub(super) const TIMELINE: &str = "Timeline";
pub(super) const UNDECIDED: &str = "Waits for your decision";
pub(super) const DUE: &str = "due";
pub(super) const VERIFY: &str = "Verify";
pub(super) const NOTHING_SIGNED: &str =
    "Nothing can be verified: no attempt was made yet, or the body is no longer stored.";
pub(super) const SECRET_SEALED: &str =
    "The signing secret of this webhook cannot be opened, so that no signature can be computed.";
pub(super) const SIGNED_TEXT: &str = "The signed text";
pub(super) const HEX_COVERS: &str = "`webhook-signature` covers this text, keyed with the decoded bytes of the secret. \
     `X-Webhook-Signature` covers the body alone, keyed with the secret as the dashboard shows it.";
pub(super) const EXPECTED: &str = "Expected with the signing secret";
pub(super) const EXPECTED_NEXT: &str = "Expected with the next secret";
pub(super) const WAS_SENT: &str = "This is what the last attempt carried. If your receiver computes another value, it has \
     another secret or another body.";
pub(super) const WAS_NOT_SENT: &str = "The last attempt did not carry this: it was signed with another secret, which was in \
     force at that time.";
pub(super) const IN_YOUR_LANGUAGE: &str = "Verify in your language";
pub(super) const CHECK_SIGNATURE: &str = "Check what your receiver got";
pub(super) const CURL: &str = "Copy as curl";
pub(super) const CURL_HINT: &str = "The request of the last attempt, as it was signed. A receiver that compares the time \
     refuses it after five minutes. The values of your own headers are masked.";
pub(super) const CURL_FILE: &str = "Save the request body, in one line, as `body.json` first. A receiver that compares the \
     time refuses the request after five minutes. The values of your own headers are masked.";
pub(super) const DIFFERENCE: &str = "What differs from the last one that worked";
pub(super) const COMPARED_WITH: &str = "Compared with {}, the last delivery of this type before it that arrived. Lines with a \
     minus are those of the one that worked.";
pub(super) const ANSWER: &str = "Answer";
pub(super) const NO_ANSWER: &str = "no answer";
pub(super) const NO_DIFFERENCE: &str = "They are equal.";
pub(super) const TOO_LONG: &str = "They are too long to be compared.";
pub(super) const REFRESH: &str = "Refresh";
pub(super) const TEST: &str = "Test";
pub(super) const MESSAGE_ID: &str = "Message id";
pub(super) const EVENT_ID: &str = "Event id";
pub(super) const HAPPENED: &str = "Happened";
pub(super) const ACCEPTED: &str = "Accepted";
pub(super) const NEXT_ATTEMPT: &str = "Next attempt";
pub(super) const COMPLETED: &str = "Completed";
pub(super) const BODY: &str = "Request body";
pub(super) const BODY_GONE: &str = "The body is no longer stored.";
pub(super) const ATTEMPTS: &str = "Attempts";
pub(super) const NO_ATTEMPT: &str = "No attempt was made yet.";
pub(super) const UNUSABLE: &str = "Unusable delivery";
pub(super) const UNUSABLE_ADVICE: &str = "It is not sent as long as that is so; other deliveries are not affected. A newer version of the server \
     may have stored it: then that version can send it. The server’s operator finds it with `signet check`.";

pub(super) fn title(event_type: &EventType) -> String {
    format!("{event_type} delivery")
}

/// The name of an attempt.
pub(super) fn attempt(number: u32) -> String {
    format!("Attempt {number}")
}

pub(super) fn under_way(number: u32) -> String {
    format!("Attempt {number} is under way")
}

pub(super) fn signed(attempt: u32) -> String {
    format!("What was signed at attempt {attempt}: the message id, the time and the body, with a dot between them.")
}

pub(super) fn cut(bytes: usize) -> String {
    format!("{bytes} more bytes of the body are left out here.")
}

pub(super) fn omitted(lines: usize) -> String {
    if lines == 1 { "  … 1 equal line\n".to_owned() } else { format!("  … {lines} equal lines\n") }
}

pub(super) fn waited(span: Duration) -> String {
    format!("Waited {}", wait(span))
}

/// A wait as people say it.
fn wait(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds if seconds % 3_600 < 60 => format!("{} h", seconds / 3_600),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// What comes after the next attempt, should it fail.
pub(super) fn afterwards(around: &Surroundings, delivery: &Delivery) -> String {
    if delivery.is_test {
        return "A test is one attempt. It is not retried, whatever comes.".to_owned();
    }
    let waits: Vec<_> = around.retries_left.iter().map(|&span| wait(span)).collect();
    let Some((last, others)) = waits.split_last() else {
        return "It is the last attempt. If it fails too, the delivery has failed, and the webhook is disabled."
            .to_owned();
    };
    let waits = if others.is_empty() { last.clone() } else { format!("{} and {last}", others.join(", ")) };
    format!("If it fails too, it is tried again after {waits}. If all fail, the webhook is disabled.")
}

pub(super) fn body_length(bytes: usize) -> String {
    format!("The same for every attempt. Sent in one line of {bytes} bytes; shown with line breaks.")
}

pub(super) fn unusable(reason: &Unusable) -> String {
    format!("This delivery cannot be read, because {reason}.")
}

/// The state of a delivery in a sentence.
pub(super) fn state(delivery: &Delivery, now: Timestamp) -> String {
    let done = delivery.completed_at.map(|at| moment(at, now).relative).unwrap_or_default();
    match delivery.state {
        State::Pending if delivery.in_flight => "An attempt is under way.".to_owned(),
        State::Pending => {
            let due = delivery.due_at.filter(|&due| due > now).map(|due| moment(due, now).relative);
            let due = due.unwrap_or_else(|| "any moment now".to_owned());
            if delivery.attempts == 0 {
                format!("The first attempt is due {due}.")
            } else {
                format!("The last attempt failed. The next one is due {due}.")
            }
        }
        State::Delivered => format!("Delivered {done}."),
        State::Failed if delivery.is_test => format!("The test failed {done}. Test events are not retried."),
        State::Failed => format!("Given up {done}. No attempt follows by itself."),
        State::Held => {
            "Held, because the webhook was disabled or unusable. Decide on the webhook’s page what happens to it."
                .to_owned()
        }
        State::Discarded => format!("Discarded {done}. It will not be sent."),
    }
}

/// What a restore from a backup leaves open.
pub(super) fn restored(at: Timestamp, now: Timestamp) -> String {
    format!(
        "It may have been sent already: the database was restored from a backup {}, and what happened to this delivery \
         shortly before is not known. Its requests since then carry `X-Webhook-Possible-Repeat: true`, and the \
         `webhook-id` of before, by which a receiver recognises a repeat.",
        moment(at, now).relative
    )
}

/// The reason for which a delivery is not sent again; `Err` if it is a fault of the store.
pub(super) fn not_resent(error: ResendError) -> Result<&'static str, signet_engine::service::Error> {
    Ok(match error {
        ResendError::Pending => "This delivery is already waiting to be sent.",
        ResendError::Disabled => "This webhook is disabled. Re-enable it first.",
        ResendError::Settling => {
            "This webhook was just re-enabled, and its held deliveries are still being sorted. Try again in a minute."
        }
        ResendError::BodyGone => "The body of this event is no longer stored, so it cannot be sent again.",
        ResendError::Store(error) => return Err(error),
    })
}

/// The reason for which the retries were left as they are; `Err` if it is a fault of the store.
pub(super) fn not_changed(error: RetryError) -> Result<&'static str, signet_engine::service::Error> {
    Ok(match error {
        RetryError::NotPending(_) => "This delivery waits for no attempt any more. Resend it instead.",
        RetryError::InFlight => "This delivery is being attempted. Wait until the attempt has ended.",
        RetryError::Settling => {
            "This webhook was just re-enabled, and its held deliveries are still being sorted. Try again in a minute."
        }
        RetryError::Store(error) => return Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_said_as_people_say_them() {
        for (seconds, words) in [(30, "30 s"), (120, "2 min"), (3_600, "1 h"), (14_430, "4 h"), (5_400, "1 h 30 min")] {
            assert_eq!(wait(Duration::from_secs(seconds)), words);
        }
    }
}
