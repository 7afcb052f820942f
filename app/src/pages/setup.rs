//! The one-time link with which the owner signs up.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;

use crate::{
    components::{ErrorSummary, TextField},
    error::PageError,
    form::Errors,
    frame::{Frame, Ids},
};

/// Shows the form while the link is good.
pub(crate) async fn get(frame: Frame, Ids(token): Ids<String>) -> Result<Response, PageError> {
    page(&frame, &token, "", &Errors::default()).await
}

/// The form, with what was entered and what is wrong with it, while the link is good.
pub(crate) async fn page(frame: &Frame, token: &str, email: &str, errors: &Errors) -> Result<Response, PageError> {
    match frame.state.engine.setup_account(token).await? {
        Some(account) => Ok(form(frame, &account, token, email, errors)),
        None => invalid(frame).await,
    }
}

fn form(frame: &Frame, account: &str, token: &str, email: &str, errors: &Errors) -> Response {
    frame.render("Create your account", || {
        view! {
            <h1>"Create your account"</h1>
            <p class="lead">{format!("You will be the owner of “{account}”.")}</p>
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
pub(crate) async fn invalid(frame: &Frame) -> Result<Response, PageError> {
    let advice = if frame.state.engine.has_users().await? {
        "Ask the service that gave it to you for a new one."
    } else {
        "Restart the server to get a new one."
    };
    let page = frame.render("Link no longer valid", || {
        view! {
            <h1>"This link is no longer valid"</h1>
            <p>"It was used already, or is older than 24 hours. " {advice}</p>
            <p>
                <a class="button wide" href="/login">
                    "Sign in"
                </a>
            </p>
        }
    });
    Ok((StatusCode::GONE, page).into_response())
}
