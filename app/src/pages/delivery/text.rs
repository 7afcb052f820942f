//! The sentences of the screen.

use signet_engine::{
    Unusable,
    service::deliveries::{Delivery, ResendError},
};
use signet_model::{Timestamp, delivery::State, event::EventType};

use crate::words::moment;

pub(super) const RESEND: &str = "Resend";
pub(super) const RESENT: &str = "Delivery is being sent again.";
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
