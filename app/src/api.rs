//! What forms send, one file a noun: who may, the engine call, the error beside
//! its field. What succeeds redirects to a page (303); what is invalid shows the
//! same form again (422). Functions that end in `_live` answer islands.

pub(crate) mod api_keys;
pub(crate) mod deliveries;
pub(crate) mod endpoints;
pub(crate) mod owners;
pub(crate) mod recoveries;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod test_events;
pub(crate) mod thresholds;

use axum::http::{StatusCode, request::Parts};
use leptos::prelude::{ServerFnError, expect_context};
use leptos_axum::ResponseOptions;

use crate::{
    error::PageError,
    frame::{Frame, Member},
};

/// Who calls a server function; without a session the call is refused (401).
pub(crate) fn caller() -> Result<Member, ServerFnError> {
    let frame = Frame::of(&expect_context::<Parts>(), &expect_context());
    frame.member().ok_or_else(|| refused(StatusCode::UNAUTHORIZED, "Sign in again."))
}

/// An answer to an island that asked for what is not there or cannot be done.
pub(crate) fn refused(status: StatusCode, message: &str) -> ServerFnError {
    expect_context::<ResponseOptions>().set_status(status);
    ServerFnError::new(message)
}

/// The server cannot do it now, or is at fault; what failed is in the log.
pub(crate) fn failed(error: PageError) -> ServerFnError {
    match error {
        PageError::TestsUnderWay(_) => refused(error.status(), &error.to_string()),
        _ => refused(error.status(), "That did not work. Try again in a moment."),
    }
}

/// What an id in a call of an island refers to does not exist.
pub(crate) fn not_found() -> ServerFnError {
    refused(StatusCode::NOT_FOUND, "There is no such thing.")
}
