//! The page for a request that has no page of its own.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::request::RequestId;

use crate::{error::PageError, frame::Frame, redirect::HOME, refusal::Refusal};

pub(crate) mod text {
    use super::{PageError, Refusal};

    pub(super) const GO_HOME: &str = "Go to webhooks";

    const TESTS_UNDER_WAY: &str = "test events are under way. Wait until one of them has ended, and send another.";

    const TOO_MANY_TESTS: &str = "Many tests were sent in a short time. Wait a minute, and send another.";

    /// The number of a request, for those who look for it in the log.
    pub(crate) fn request(id: impl std::fmt::Display) -> String {
        format!("Request {id}")
    }

    fn too_many_attempts(seconds: u64) -> String {
        let wait = match seconds {
            0..=1 => "a second".to_owned(),
            2..120 => format!("{seconds} seconds"),
            _ => format!("{} minutes", seconds.div_ceil(60)),
        };
        format!(
            "Too many attempts came from here, or for this person, in a short time. Wait {wait}, go back and try again. \
             A device on which you have signed in before is let through sooner."
        )
    }

    /// The title of the page, and the remedy.
    pub(crate) fn page(error: PageError) -> (&'static str, String) {
        let (title, advice) = match error {
            PageError::NotFound => {
                ("Page not found", "It may have been deleted, or the address has a typing error in it.")
            }
            PageError::MethodNotAllowed => ("This address cannot be opened", "Go back and use the button on the page."),
            PageError::SignedOut => ("You are signed out", "Sign in again."),
            PageError::ProofNeeded => ("Confirm that it is you", "Prove again that you are the one who signed in."),
            PageError::Unreadable => ("The form could not be read", "Go back, reload the page and try again."),
            PageError::Refused(Refusal::OtherOrigin) => (
                "This request was refused",
                "It did not come from a page of this server, so nothing was changed. If you run this server behind a \
                 proxy, start it with --public-url and the address in your browser.",
            ),
            PageError::Refused(Refusal::OtherHost) => (
                "This server has another address",
                "It does not answer for this host. Open it by its own address. If you run it, its address is the option \
                 --public-url, and --other-host names further ones.",
            ),
            PageError::Refused(Refusal::TooLarge) => {
                ("This form is too large", "Nothing was changed. Go back and shorten what you have entered.")
            }
            PageError::Refused(Refusal::TooLate) => {
                ("The form did not arrive in time", "Nothing was changed. Go back and send it again.")
            }
            PageError::Refused(Refusal::NoDatabase) => {
                ("The database does not answer", "Nothing was changed. Try again in a moment.")
            }
            PageError::Unusable => (
                "This cannot be used",
                "What is stored of it cannot be read. Its webhook’s page says why, and what to do about it.",
            ),
            PageError::Forbidden => (
                "Your role does not allow this",
                "Nothing was changed. Ask an owner or an admin of this account to do it, or to give you another role.",
            ),
            PageError::Suspended => {
                ("This account is suspended", "Nothing is sent until the operator of this service resumes it.")
            }
            PageError::Busy => ("The server is busy", "Nothing was changed. Try again in a moment."),
            PageError::TestsUnderWay(count) => {
                return ("The test was not sent", format!("{count} {TESTS_UNDER_WAY}"));
            }
            PageError::TooManyTests => ("The test was not sent", TOO_MANY_TESTS),
            PageError::TooManyAttempts(seconds) => return ("Too many attempts", too_many_attempts(seconds)),
            PageError::TooSlow => (
                "This took too long",
                "The database was too busy to read all that this page shows, and was stopped. Try again in a moment, or \
                 choose fewer: another state, or one event type.",
            ),
            PageError::Internal => {
                ("Something went wrong", "The server could not answer. Nothing was changed. Try again in a moment.")
            }
        };
        (title, advice.to_owned())
    }

    /// The sentence that an island shows.
    pub(crate) fn for_island(error: PageError) -> String {
        match error {
            PageError::TestsUnderWay(count) => format!("{count} {TESTS_UNDER_WAY}"),
            PageError::TooManyTests => TOO_MANY_TESTS.to_owned(),
            PageError::SignedOut => "Sign in again.".to_owned(),
            PageError::ProofNeeded => "Confirm first that it is you.".to_owned(),
            PageError::NotFound => "There is no such thing.".to_owned(),
            PageError::Forbidden => "Your role does not allow this.".to_owned(),
            _ => "That did not work. Try again in a moment.".to_owned(),
        }
    }
}

/// Names the error and the remedy.
pub(crate) fn page(frame: &Frame, error: PageError, id: Option<RequestId>) -> Response {
    let (title, advice) = text::page(error);
    let page = frame.render(title, || {
        view! {
            <div class="empty">
                <h1>{title}</h1>
                <p>{advice}</p>
                {id.map(|id| view! { <p class="hint">{text::request(id)}</p> })}
                {(error != PageError::Refused(Refusal::OtherHost))
                    .then(|| {
                        view! {
                            <p>
                                <a class="button primary" href=HOME>
                                    {text::GO_HOME}
                                </a>
                            </p>
                        }
                    })}
            </div>
        }
    });
    let retry_after = error.retry_after().map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
    (error.status(), retry_after, page).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::Visitor;

    #[tokio::test]
    async fn an_address_that_leads_nowhere_has_a_page_too() {
        let owner = Visitor::owner().await;
        for path in ["/nothing", "/settings/webhooks/ep_1", "/settings/webhooks/new/x", "/settings/api-keys/x/revoke"] {
            let answer = owner.get(path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert!(answer.html.contains("<h1>Page not found</h1>"), "{path}");
        }
        let answer = owner.post("/settings/account", "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert!(answer.html.contains("<h1>This address cannot be opened</h1>"));
    }
}
