//! There is no page to show.

use axum::response::{IntoResponse, Response};
use leptos::prelude::*;

use crate::{error::PageError, frame::Frame, redirect::HOME};

/// Says what went wrong and what to do.
pub(crate) fn page(frame: &Frame, error: PageError) -> Response {
    let error_text = error.to_string();
    let (title, advice) = match error {
        PageError::NotFound => ("Page not found", "It may have been deleted, or the address has a typing error in it."),
        PageError::MethodNotAllowed => ("This address cannot be opened", "Go back and use the button on the page."),
        PageError::Unreadable => ("The form could not be read", "Go back, reload the page and try again."),
        PageError::Unusable => (
            "This cannot be used",
            "What is stored of it cannot be read. Its webhook’s page says why, and what to do about it.",
        ),
        PageError::Busy => ("The server is busy", "Nothing was changed. Try again in a moment."),
        PageError::TestsUnderWay(_) => ("The test was not sent", error_text.as_str()),
        PageError::TooSlow => (
            "This took too long",
            "The database was too busy to read all that this page shows, and was stopped. Try again in a moment, or choose \
             fewer: another state, or one event type.",
        ),
        PageError::Internal => {
            ("Something went wrong", "The server could not answer. Nothing was changed. Try again in a moment.")
        }
    };
    let page = frame.render(title, || {
        view! {
            <div class="empty">
                <h1>{title}</h1>
                <p>{advice.to_owned()}</p>
                <p>
                    <a class="button primary" href=HOME>
                        "Go to webhooks"
                    </a>
                </p>
            </div>
        }
    });
    (error.status(), page).into_response()
}
