//! The one-time link with which the owner signs up.

use axum::response::{IntoResponse, Response};
use leptos::prelude::*;

use crate::{
    components::{ErrorSummary, TextField},
    error::PageError,
    form::Errors,
    frame::{Frame, Ids},
};

/// Shows the form while the link is good.
pub(crate) async fn get(frame: Frame, Ids(token): Ids<String>) -> Result<Response, PageError> {
    let valid = frame.state.engine.setup_link_valid(&token).await?;
    Ok(if valid { page(&frame, &token, "", &Errors::default()) } else { invalid(&frame) })
}

/// The form, with what was entered and what is wrong with it.
pub(crate) fn page(frame: &Frame, token: &str, email: &str, errors: &Errors) -> Response {
    frame.render("Create your account", || {
        view! {
            <h1>"Create your account"</h1>
            <p class="lead">"You will be the owner of this Signet server."</p>
            <ErrorSummary errors=errors.clone() />
            <form method="post" action=format!("/setup/{token}") class="form" novalidate>
                <TextField
                    name="email"
                    label="E-mail"
                    kind="email"
                    value=email
                    errors=errors.clone()
                    autocomplete="username"
                    autofocus=true
                />
                <TextField
                    name="password"
                    label="Password"
                    kind="password"
                    value=""
                    hint="At least 12 characters. A few random words are easy to remember."
                    errors=errors.clone()
                    autocomplete="new-password"
                />
                <button class="button primary wide" type="submit">
                    "Create account"
                </button>
            </form>
        }
    })
}

/// The link cannot be used.
pub(crate) fn invalid(frame: &Frame) -> Response {
    let page = frame.render("Link no longer valid", || {
        view! {
            <h1>"This link is no longer valid"</h1>
            <p>
                "It was used already, or is older than 24 hours. If nobody has an account yet, \
                 restart the server to get a new one."
            </p>
            <p>
                <a class="button wide" href="/login">
                    "Sign in"
                </a>
            </p>
        }
    });
    (axum::http::StatusCode::GONE, page).into_response()
}
