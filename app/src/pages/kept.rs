//! A form that came after its session had ended. What was typed is kept: sealed in a cookie, or,
//! if it is too long for one, in the page that answers. Whoever signs in then, by whichever way,
//! comes to the page of the form with all values in it. Nothing has been applied by then: it is
//! for them to look at it, in the account in which they are, and to send it.

mod waiting;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{
        Extensions, HeaderMap, HeaderValue, Method, StatusCode, header,
        request::{Builder, Parts},
    },
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::{
    request::{ClientAddress, RequestId},
    service::{carried::TYPED_FORM_LIFETIME, sessions::Session},
};
use tower::ServiceExt;

use crate::{
    cookie,
    error::PageError,
    form::{Field, Form, Reviewing},
    frame::{Frame, with_next},
    methods::{AndPost, get},
    pages::{api_keys, login, people, portal, prove, webhook_form},
    place::Place,
    redirect::{HOME, done, local_path, see_other, with_cookie},
    state::AppState,
    transport::Transport,
};

pub(crate) use waiting::page as too_soon;

/// The page that shows what was kept.
pub(crate) const PATH: &str = "/kept";

/// The cookie with the form, sealed.
const COOKIE: &str = "__Host-signet-typed";
/// The longest form in a cookie, in bytes: browsers keep cookies of 4 KiB, and sealing adds a
/// third.
const MAX_LEN: usize = 2_800;
/// The largest form. The server has read it already.
const MAX_FORM: usize = 64 * 1024;

/// The address of the form.
const TO: Field = Field::named("to");
/// Stands before the name of each of its fields.
const KEPT: &str = "kept.";

/// What is never kept outside its page.
const SECRETS: &[&Field] = &[
    &login::PASSWORD,
    &crate::pages::second_step::CODE,
    &crate::pages::security::ANSWER,
    &crate::pages::security::CHALLENGE,
    &webhook_form::SECRET,
    &webhook_form::options::HEADER_VALUE,
];

/// The forms whose pages can show what was typed without applying it. A part in braces stands
/// for any id.
pub(crate) const REVIEWED: &[&str] = &[
    webhook_form::NEW_PATH,
    "/settings/webhooks/{id}/edit",
    "/settings/webhooks/{id}/recover",
    "/settings/account/threshold",
    api_keys::PATH,
    people::INVITATIONS_PATH,
    "/settings/people/{id}/role",
    "/operator/accounts",
    "/operator/accounts/{id}/name",
    "/operator/accounts/{id}/balance",
    "/operator/accounts/{id}/threshold",
    "/operator/api-keys",
    "/operator/event-types/new",
    "/operator/event-types/types/{name}",
];

pub(crate) mod text {
    pub(crate) const SIGNED_OUT: &str = "You were signed out. What you typed is kept.";
    pub(crate) const NOTHING_TYPED: &str = "You were signed out before this was done. Sign in to go on.";
    pub(crate) const REVIEW: &str = "Nothing is saved yet. Check what you had typed and send it. Passwords and secrets \
         were not kept: enter them again.";
    pub(super) const AGAIN: &str = "You were signed out before this was done. Nothing has changed: do it again here.";
    pub(super) const LONG_TITLE: &str = "You were signed out";
    pub(super) const LONG: &str = "What you typed is kept on this page, and nothing has changed. Sign in in another tab, then go on \
         here. Passwords and secrets are not kept.";
    pub(super) const SIGN_IN: &str = "Sign in in another tab";
    pub(super) const GO_ON: &str = "Go on with what I typed";
    pub(super) const ELSEWHERE_TITLE: &str = "This form cannot be shown here";
    pub(super) const ELSEWHERE: &str = "You were signed out before it was sent. It belongs to another account, your role does not \
         allow it, or what it is about is gone. Nothing has changed. This is what was typed:";
    pub(super) const HOME: &str = "Go to webhooks";
    pub(super) const FRAME_KEPT: &str = "Reload the page around this one to go on. What you typed is kept for an hour, and \
         comes back as soon as this page is open again. Passwords and secrets are not kept.";
    pub(super) const FRAME_LONG: &str = "What you typed is too long to be kept. Copy what you need, and reload the page around \
         this one to go on:";
    pub(super) const TYPED: &str = "What you typed";
}

/// The routes, over the pages that show the forms.
pub(crate) fn routes(state: &AppState, pages: &Router) -> Router {
    let state = state.clone();
    let (of_cookie, of_form) = ((state.clone(), pages.clone()), (state, pages.clone()));
    let show = async move |request: Request| {
        let (state, pages) = of_cookie;
        show_carried(&state, pages, request).await
    };
    let send = async move |request: Request| {
        let (state, pages) = of_form;
        show_sent(&state, pages, request).await
    };
    Router::new().route(PATH, get(show).and_post(send))
}

/// A form that is kept: where it goes, and its fields.
struct Typed {
    to: String,
    fields: Vec<(String, String)>,
}

impl Typed {
    fn of(path: &str, form: &Form) -> Self {
        Self { to: path.to_owned(), fields: form.prefixed("").map(without_secret).collect() }
    }

    /// The form that stands in the fields of another one.
    fn within(form: &Form) -> Option<Self> {
        let to = local_path(form.get(&TO))?.to_owned();
        Some(Self { to, fields: form.prefixed(KEPT).map(without_secret).collect() })
    }

    /// The form in one text.
    fn written(&self) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.append_pair(TO.name, &self.to);
        text.extend_pairs(self.fields.iter().map(|(name, value)| (format!("{KEPT}{name}"), value)));
        text.finish()
    }

    /// The form as its page sent it.
    fn body(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }

    /// The values that a person has typed or chosen.
    fn shown(&self) -> impl Iterator<Item = &(String, String)> {
        let own = [crate::form::VERSION.name, crate::form::FORM_ID.name];
        self.fields.iter().filter(move |(name, value)| !value.is_empty() && !own.contains(&name.as_str()))
    }
}

/// Returns true if the page of a form can show what was typed without applying it.
pub(crate) fn is_reviewed(path: &str) -> bool {
    REVIEWED.iter().any(|pattern| matches(pattern, path))
}

/// A field, which is empty if it had a secret: the columns of lines stay beside each other.
fn without_secret((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), if is_secret(name) { String::new() } else { value.to_owned() })
}

fn is_secret(name: &str) -> bool {
    name.contains("password") || SECRETS.iter().any(|field| field.name == name)
}

/// Returns true if a path is one of these, part by part.
fn matches(pattern: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    pattern.split('/').count() == path.split('/').count()
        && pattern.split('/').zip(path.split('/')).all(|(part, given)| part.starts_with('{') || part == given)
}

/// Answers a form that came without a session, and keeps what was typed.
pub(crate) fn keep(frame: &Frame, form: &Form) -> Response {
    // Signing in is a proof, so that the form behind the question for one can follow at once.
    let is_proof = frame.path.starts_with(prove::PATH);
    let typed = if is_proof { Typed::within(form) } else { Some(Typed::of(&frame.path, form)) };
    let Some(typed) = typed else { return see_other(login::PATH) };
    let text = typed.written();
    let is_long = text.len() > MAX_LEN;
    if frame.place == Place::Frame {
        let response = in_frame(frame, &typed, is_long);
        return if is_long { response } else { with_cookie(cookie_of(frame, &text), response) };
    }
    if is_long {
        return long(frame, &typed);
    }
    let said = if typed.shown().next().is_some() { text::SIGNED_OUT } else { text::NOTHING_TYPED };
    with_cookie(cookie_of(frame, &text), done(said, &with_next(login::PATH, PATH)))
}

/// The cookie that carries a form, sealed.
fn cookie_of(frame: &Frame, text: &str) -> Option<HeaderValue> {
    let carried = frame.state.engine.sessions().carry_typed(text);
    cookie::set(COOKIE, &carried, TYPED_FORM_LIFETIME.as_secs())
}

/// The form that a browser carries.
fn carried(state: &AppState, headers: &HeaderMap) -> Option<Typed> {
    let text = state.engine.sessions().carried_typed(cookie::value(headers, COOKIE)?)?;
    Typed::within(&Form::of_body(text.as_bytes()))
}

/// The page to begin with for somebody who has come by a portal link, if their browser carries a
/// form that can be shown. They have no sign-in that could lead there.
pub(crate) fn after_portal(state: &AppState, headers: &HeaderMap) -> Option<&'static str> {
    carried(state, headers).filter(|typed| is_reviewed(&typed.to)).map(|_| PATH)
}

/// The path of the form that a browser carries: once that is sent, it is kept no longer.
pub(crate) fn carried_path(state: &AppState, headers: &HeaderMap) -> Option<String> {
    carried(state, headers).map(|typed| typed.to)
}

/// Answers in a frame, where nobody signs in: the service opens it anew.
fn in_frame(frame: &Frame, typed: &Typed, is_long: bool) -> Response {
    let is_typed = typed.shown().next().is_some();
    if !is_typed {
        return portal::ended_in_frame(frame);
    }
    portal::ended_in_frame_with(frame, || {
        view! {
            <p>{if is_long { text::FRAME_LONG } else { text::FRAME_KEPT }}</p>
            <details class="fold" open=is_long>
                <summary>{text::TYPED}</summary>
                {lines(typed)}
            </details>
        }
    })
}

/// A form that is too long for a cookie stays in the page.
fn long(frame: &Frame, typed: &Typed) -> Response {
    let hidden = |(name, value): &(String, String)| {
        view! { <input type="hidden" name=format!("{KEPT}{name}") value=value.clone() /> }
    };
    let page = frame.render(text::LONG_TITLE, || {
        view! {
            <h1>{text::LONG_TITLE}</h1>
            <p>{text::LONG}</p>
            <p><a class="button wide" href=login::PATH target="_blank">{text::SIGN_IN}</a></p>
            <form method="post" action=PATH>
                <input type="hidden" name=TO.name value=typed.to.clone() />
                {typed.fields.iter().map(hidden).collect_view()}
                <button class="button primary wide" type="submit">{text::GO_ON}</button>
            </form>
        }
    });
    (PageError::SignedOut.status(), page).into_response()
}

/// Shows the form that the cookie carries.
async fn show_carried(state: &AppState, pages: Router, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let frame = Frame::of(&parts, state);
    match carried(state, &parts.headers) {
        None => see_other(HOME),
        Some(_) if frame.session.is_none() && frame.place == Place::Frame => portal::ended_in_frame(&frame),
        Some(_) if frame.session.is_none() => see_other(&with_next(login::PATH, PATH)),
        Some(typed) => show(&frame, &parts, pages, &typed).await,
    }
}

/// Shows the form that a page has kept.
async fn show_sent(state: &AppState, pages: Router, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let frame = Frame::of(&parts, state);
    let read = axum::body::to_bytes(body, MAX_FORM).await.ok();
    match read.and_then(|body| Typed::within(&Form::of_body(&body))) {
        None if frame.session.is_none() => see_other(login::PATH),
        None => crate::pages::error::page(&frame, PageError::Unreadable, RequestId::of(&parts.extensions)),
        Some(typed) if frame.session.is_none() => long(&frame, &typed),
        Some(typed) => show(&frame, &parts, pages, &typed).await,
    }
}

/// Shows a form on its page; what cannot be shown there is shown by itself.
async fn show(frame: &Frame, parts: &Parts, pages: Router, typed: &Typed) -> Response {
    if is_reviewed(&typed.to) {
        let request = asking(parts).method(Method::POST).uri(&typed.to);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = open(&pages, parts, request, typed.body(), Some(Reviewing(text::REVIEW))).await;
        if response.status() == StatusCode::OK {
            return response;
        }
    } else if typed.shown().next().is_none() {
        // A button has nothing that was typed: its page has it again.
        let page = page_above(parts, &pages, &typed.to).await.unwrap_or_else(|| HOME.to_owned());
        return with_cookie(forgotten(), done(text::AGAIN, &page));
    }
    elsewhere(frame, typed)
}

pub(crate) fn forgotten() -> Option<HeaderValue> {
    cookie::set(COOKIE, "", 0)
}

/// The page from which a button was pressed: the nearest above its address that can be opened.
async fn page_above(parts: &Parts, pages: &Router, to: &str) -> Option<String> {
    let mut path = to.split('?').next().unwrap_or_default().to_owned();
    for _ in 0..4 {
        let response = open(pages, parts, asking(parts).uri(&path), String::new(), None).await;
        if response.status().is_success() {
            return Some(path);
        }
        if let Some(page) = response.headers().get(header::LOCATION).and_then(|it| it.to_str().ok()) {
            return local_path(page).map(ToOwned::to_owned);
        }
        path.truncate(path.rfind('/').filter(|&at| at > 0)?);
    }
    None
}

/// A request as that which came, for another page.
fn asking(parts: &Parts) -> Builder {
    let mut request = Request::builder();
    for name in [header::HOST, header::COOKIE, header::USER_AGENT] {
        if let Some(value) = parts.headers.get(&name) {
            request = request.header(name, value);
        }
    }
    if let Some(place) = parts.headers.get("sec-fetch-dest") {
        request = request.header("sec-fetch-dest", place);
    }
    request
}

async fn open(pages: &Router, parts: &Parts, request: Builder, body: String, reviewing: Option<Reviewing>) -> Response {
    let Ok(mut request) = request.body(Body::from(body)) else { return PageError::NotFound.into_response() };
    let (from, to) = (&parts.extensions, request.extensions_mut());
    if let Some(reviewing) = reviewing {
        to.insert(reviewing);
    }
    copy::<Session>(from, to);
    copy::<ClientAddress>(from, to);
    copy::<Transport>(from, to);
    copy::<RequestId>(from, to);
    match pages.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn copy<T: Clone + Send + Sync + 'static>(from: &Extensions, to: &mut Extensions) {
    if let Some(value) = from.get::<T>() {
        to.insert(value.clone());
    }
}

/// What was typed, for a person who cannot have its page.
fn elsewhere(frame: &Frame, typed: &Typed) -> Response {
    let page = frame.render(text::ELSEWHERE_TITLE, || {
        view! {
            <section class="card">
                <h1>{text::ELSEWHERE_TITLE}</h1>
                <p>{text::ELSEWHERE}</p>
                {lines(typed)}
                <p><a class="button primary" href=HOME>{text::HOME}</a></p>
            </section>
        }
    });
    (StatusCode::NOT_FOUND, page).into_response()
}

/// What was typed, by the names of the fields.
fn lines(typed: &Typed) -> impl IntoView + use<> {
    let line = |(name, value): &(String, String)| {
        view! { <div><dt class="mono">{name.clone()}</dt><dd class="wrap" dir="auto">{value.clone()}</dd></div> }
    };
    view! { <dl class="facts">{typed.shown().map(line).collect_view()}</dl> }
}

#[cfg(test)]
mod tests;
