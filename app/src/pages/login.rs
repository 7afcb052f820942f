//! Sign in.

use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;

use crate::{
    components::{ErrorSummary, TextField},
    error::PageError,
    form::Errors,
    frame::{Frame, Params},
    redirect::{HOME, local_path, see_other},
};

/// What the address of the page says.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// Where to go afterwards.
    next: String,
}

/// Shows the form, or what is asked for if it is not needed.
pub(crate) async fn get(frame: Frame, Params(Asked { next }): Params<Asked>) -> Result<Response, PageError> {
    if frame.session.is_some() {
        return Ok(see_other(local_path(&next).unwrap_or(HOME)));
    }
    let first_run = !frame.state.engine.has_users().await?;
    Ok(if first_run { not_set_up(&frame) } else { page(&frame, "", &next, &Errors::default()) })
}

/// The form, with what was entered and what is wrong with it.
pub(crate) fn page(frame: &Frame, email: &str, next: &str, errors: &Errors) -> Response {
    frame.render("Sign in", || {
        view! {
            <h1>"Sign in"</h1>
            <ErrorSummary errors=errors.clone() />
            <form method="post" action="/login" class="form">
                <input type="hidden" name="next" value=next.to_owned() />
                <TextField
                    name="email"
                    label="E-mail"
                    kind="email"
                    value=email
                    errors=errors.clone()
                    autocomplete="username"
                    autofocus=email.is_empty()
                />
                <TextField
                    name="password"
                    label="Password"
                    kind="password"
                    value=""
                    errors=errors.clone()
                    autocomplete="current-password"
                    autofocus=!email.is_empty()
                />
                <button class="button primary wide" type="submit">
                    "Sign in"
                </button>
            </form>
        }
    })
}

fn not_set_up(frame: &Frame) -> Response {
    frame.render("Set up Signet", || {
        view! {
            <h1>"Set up Signet"</h1>
            <p>
                "Nobody can sign in yet. Open the one-time link that the server printed when it started \
                 to create the owner’s account."
            </p>
            <p class="hint">"The link holds for 24 hours. Restart the server to get a new one."</p>
        }
    })
}
