//! The accounts of a person.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use leptos::prelude::*;

use crate::{
    error::PageResult,
    frame::Frame,
    pages::{login, operator},
    redirect::{HOME, see_other},
    state::AppState,
};

pub(crate) const PATH: &str = "/accounts";

mod text {
    pub(super) const NONE_TITLE: &str = "No account";
    pub(super) const NONE: &str = "You belong to no account";
    pub(super) const ADVICE: &str =
        "Ask an owner or an admin of the account that you want to work in for an invitation, and open its link.";
    pub(super) const SIGN_OUT: &str = "Sign out";
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route(PATH, get(show))
}

async fn show(frame: Frame) -> PageResult {
    Ok(match &frame.session {
        None => see_other(login::PATH),
        Some(session) if session.account.is_some() => see_other(HOME),
        Some(session) if session.operator => see_other(operator::PATH),
        Some(_) => none(&frame).into_response(),
    })
}

fn none(frame: &Frame) -> Response {
    frame.render(text::NONE_TITLE, || {
        view! {
            <h1>{text::NONE}</h1>
            <p>{text::ADVICE}</p>
            <form method="post" action=login::SIGN_OUT_PATH>
                <button class="button wide" type="submit">{text::SIGN_OUT}</button>
            </form>
        }
    })
}
