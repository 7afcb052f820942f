//! The way in by a portal link.
//!
//! Opening the address uses nothing up: a preview, a scanner or a prefetch does that as well.
//! The page sends a form, by itself where scripts run, and the form uses the link up.

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::service::{portal_links::WaitingLink, sessions::Session};

use crate::{
    cookie,
    error::PageResult,
    frame::{Frame, Ids},
    methods::{AndPost, get},
    pages::kept,
    place::Place,
    redirect::{see_other, with_cookie},
    state::AppState,
};

/// The page after the end of a portal session.
pub(crate) const LEFT_PATH: &str = "/portal";

/// Sends the form once the page is shown to a person: a page that is made ahead of time waits.
const SEND: &str = "const send = () => document.forms[0].requestSubmit();\
    document.prerendering ? document.addEventListener('prerenderingchange', send, { once: true }) : send();";

mod text {
    pub(super) const TITLE: &str = "Open the settings";
    pub(super) const OPEN: &str = "Continue";
    pub(super) const OTHER_SESSION: &str = "This browser is signed in already. To go on ends that session.";
    pub(super) const LINK_TITLE: &str = "Link no longer valid";
    pub(super) const LINK_HEADING: &str = "This link is no longer valid";
    pub(super) const LINK_INVALID: &str =
        "A link works once, and for a few minutes. Go back to the page where you came from, and open it again.";
    pub(super) const FRAME_TITLE: &str = "This link is for a frame";
    pub(super) const ONLY_IN_FRAME: &str =
        "It works in the page that embeds it alone. For a link that opens a page of its own, leave out “embedded”.";
    pub(super) const ENDED_TITLE: &str = "This session has ended";
    pub(super) const ENDED: &str = "Go back to the page where you came from, and open the settings again.";
    pub(super) const ENDED_IN_FRAME: &str = "Reload the page around this one to go on. If that does not help, this \
         browser keeps no cookies in frames: allow them for this page.";

    pub(super) fn of_account(account: &str) -> String {
        format!("You are about to open the webhooks of “{account}”.")
    }
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route(LEFT_PATH, get(left)).route("/portal/{token}", get(show).and_post(open))
}

fn path(token: &str) -> String {
    format!("/portal/{token}")
}

/// Shows the form while the link can be used.
async fn show(frame: Frame, Ids(token): Ids<String>) -> PageResult {
    let waiting = frame.state.engine.portal_links().waiting(&token).await?;
    Ok(private(match waiting {
        Some(link) if link.embedded != (frame.place == Place::Frame) => wrong_place(&frame),
        Some(link) => question(&frame, &token, &link),
        None => invalid(&frame),
    }))
}

/// Uses the link up, and goes on to its page.
async fn open(frame: Frame, Ids(token): Ids<String>, headers: HeaderMap) -> PageResult {
    let links = frame.state.engine.portal_links();
    let Some(waiting) = links.waiting(&token).await? else { return Ok(private(invalid(&frame))) };
    if waiting.embedded != (frame.place == Place::Frame) {
        return Ok(private(wrong_place(&frame)));
    }
    let Some(opened) = links.open(&token, &frame.browser).await? else { return Ok(private(invalid(&frame))) };
    let cookie = cookie::keep_portal_session(&opened.token, opened.lasts.get(), frame.place);
    // What was typed before the last session ended is shown first.
    let first = kept::after_portal(&frame.state, &headers).unwrap_or(opened.landing.as_str());
    Ok(private(with_cookie(cookie, see_other(first))))
}

/// Neither the service's page nor any other learns the address with the token.
fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn question(frame: &Frame, token: &str, link: &WaitingLink) -> Response {
    // Another page could send a person here who is at work in another account. Frames are made
    // by the pages of the service alone.
    let asks = frame.place == Place::Tab && frame.session.as_ref().is_some_and(|session| is_other(session, link));
    let frame = frame.at_the_entrance(link.theme);
    frame.render_with_script(text::TITLE, (!asks).then_some(SEND), || {
        view! {
            <h1>{text::TITLE}</h1>
            <p class="lead">{text::of_account(&link.account_name)}</p>
            {asks.then(|| view! { <p>{text::OTHER_SESSION}</p> })}
            <form method="post" action=path(token) class="form">
                <button class="button primary wide" type="submit">{text::OPEN}</button>
            </form>
        }
    })
}

/// A session that nobody would miss is one of the same account from a link.
fn is_other(session: &Session, link: &WaitingLink) -> bool {
    session.portal().is_none() || session.account_id() != Some(link.account)
}

fn message(frame: &Frame, title: &'static str, heading: &'static str, advice: &'static str) -> Response {
    let frame = frame.at_the_entrance(None);
    frame.render(title, || {
        view! {
            <h1>{heading}</h1>
            <p>{advice}</p>
        }
    })
}

fn invalid(frame: &Frame) -> Response {
    let page = message(frame, text::LINK_TITLE, text::LINK_HEADING, text::LINK_INVALID);
    (StatusCode::GONE, page).into_response()
}

fn wrong_place(frame: &Frame) -> Response {
    let page = message(frame, text::FRAME_TITLE, text::FRAME_TITLE, text::ONLY_IN_FRAME);
    (StatusCode::CONFLICT, page).into_response()
}

/// The page of a frame whose session has ended, or was never kept.
pub(crate) fn ended_in_frame(frame: &Frame) -> Response {
    ended_in_frame_with(frame, || view! { <p>{text::ENDED_IN_FRAME}</p> })
}

/// The same with another advice.
pub(crate) fn ended_in_frame_with<V: IntoView>(frame: &Frame, advice: impl FnOnce() -> V) -> Response {
    let page = frame.at_the_entrance(None).render(text::ENDED_TITLE, || {
        view! {
            <h1>{text::ENDED_TITLE}</h1>
            {advice()}
        }
    });
    (StatusCode::UNAUTHORIZED, page).into_response()
}

async fn left(frame: Frame) -> Response {
    message(&frame, text::ENDED_TITLE, text::ENDED_TITLE, text::ENDED)
}

#[cfg(test)]
mod tests;
