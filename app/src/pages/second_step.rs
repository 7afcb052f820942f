//! The second step of signing in: a code or a passkey, after the right password.

use axum::{Router, http::HeaderMap, response::Response};
use leptos::prelude::*;
use signet_engine::service::factors::{
    Ceremony, CodeError, Overview, PasskeyError,
    second_step::{PENDING_LIFETIME, PendingToken, SecondStepError},
};

use crate::{
    components::{error_summary, hidden_input, password_input},
    cookie,
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::{Frame, with_next},
    islands::PasskeyButton,
    methods::{AndPost, get},
    pages::{
        login::{self, NEXT},
        security::{self, ANSWER, CHALLENGE},
    },
    redirect::{HOME, done, local_path, see_other, with_cookie},
    state::AppState,
    words,
};

pub(crate) const PATH: &str = "/login/second";
const PASSKEY_PATH: &str = "/login/second/passkey";

/// The cookie of a pending sign-in, which is no session.
const COOKIE: &str = "__Host-signet-pending";

pub(crate) const CODE: Field = Field {
    hint: text::CODE_HINT,
    autocomplete: "one-time-code",
    maxlength: Some(40),
    mono: true,
    secret: true,
    ..Field::text("code", text::CODE)
};

mod text {
    pub(super) const TITLE: &str = "One more step";
    pub(super) const CODE: &str = "Code";
    pub(super) const CODE_HINT: &str = "The six digits that your app shows now, or one of your recovery codes.";
    pub(super) const SIGN_IN: &str = "Sign in";
    pub(super) const WITH_PASSKEY: &str = "Use a passkey";
    pub(super) const WRONG: &str = "This code is wrong, or was used before. Enter the one that the app shows now.";
    pub(super) const ENDED: &str = "That took too long, or there were too many wrong codes. Begin again.";
    pub(super) const REFUSED: &str = "This passkey was not accepted. Use one that you have added to your account.";
    pub(super) const EXPIRED: &str = "That took too long. Try again.";
    pub(super) const START_AGAIN: &str = "Begin again";
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route(PATH, get(show).and_post(finish_by_code))
        .route(PASSKEY_PATH, get(async || see_other(PATH)).and_post(finish_by_passkey))
}

/// Leads a person whose password was right to the second step.
pub(crate) fn ask(pending: &PendingToken, next: &str) -> Response {
    let kept = cookie::set(COOKIE, pending.reveal(), PENDING_LIFETIME.as_secs());
    with_cookie(kept, see_other(&with_next(PATH, next)))
}

async fn show(frame: Frame, headers: HeaderMap, query: Form) -> PageResult {
    page(&frame, &headers, query.focused(&CODE)).await
}

async fn finish_by_code(frame: Frame, headers: HeaderMap, form: Form) -> PageResult {
    let sessions = frame.state.engine.sessions();
    let finished = sessions.finish_by_code(pending(&headers), form.get(&CODE), &frame.browser).await;
    match finished {
        Ok(token) => Ok(signed_in(frame.signed_in(&token, next(&form)))),
        Err(error) => refused(&frame, &headers, form, error).await,
    }
}

async fn finish_by_passkey(frame: Frame, headers: HeaderMap, form: Form) -> PageResult {
    let Ok(place) = security::place(&frame) else { return Err(PageError::NotFound) };
    let sessions = frame.state.engine.sessions();
    let signed = (form.get(&CHALLENGE), form.get(&ANSWER));
    match sessions.finish_by_passkey(pending(&headers), &place, signed, &frame.browser).await {
        Ok(token) => Ok(signed_in(frame.signed_in(&token, next(&form)))),
        Err(error) => refused(&frame, &headers, form, error).await,
    }
}

fn pending(headers: &HeaderMap) -> &str {
    cookie::value(headers, COOKIE).unwrap_or_default()
}

fn next(form: &Form) -> &str {
    local_path(form.get(&NEXT)).unwrap_or(HOME)
}

/// A pending sign-in has become a session: its cookie goes.
fn signed_in(response: Response) -> Response {
    with_cookie(cookie::set(COOKIE, "", 0), response)
}

async fn refused(frame: &Frame, headers: &HeaderMap, form: Form, error: SecondStepError) -> PageResult {
    let form = match error {
        SecondStepError::Ended => return Ok(ended()),
        SecondStepError::Code(CodeError::Wrong) => form.invalid(&CODE, text::WRONG),
        SecondStepError::Code(CodeError::TooMany(until)) => {
            form.invalid(&CODE, words::too_many_tries(until, frame.now))
        }
        SecondStepError::Passkey(PasskeyError::Expired) => form.refused(text::EXPIRED),
        SecondStepError::Passkey(PasskeyError::Refused) => form.refused(text::REFUSED),
        SecondStepError::Code(CodeError::Store(error))
        | SecondStepError::Passkey(PasskeyError::Store(error))
        | SecondStepError::Store(error) => return Err(error.into()),
    };
    page(frame, headers, form).await
}

fn ended() -> Response {
    with_cookie(cookie::set(COOKIE, "", 0), done(text::ENDED, login::PATH))
}

async fn page(frame: &Frame, headers: &HeaderMap, form: Form) -> PageResult {
    let sessions = frame.state.engine.sessions();
    let Some(overview) = sessions.pending(pending(headers)).await? else { return Ok(ended()) };
    let ceremony = passkey_challenge(frame, &overview);
    Ok(frame.render_form(&form, text::TITLE, || {
        view! {
            <h1>{text::TITLE}</h1>
            {error_summary(&form)}
            {ceremony.map(|ceremony| passkey_form(PASSKEY_PATH, &ceremony, &form))}
            <form method="post" action=PATH class="form" novalidate>
                {hidden_input(&NEXT, form.get(&NEXT))}
                {password_input(&CODE, &form)}
                <button class="button primary wide" type="submit">{text::SIGN_IN}</button>
            </form>
            <p><a href=login::PATH>{text::START_AGAIN}</a></p>
        }
    }))
}

/// A challenge for the passkeys of a person who has some, where browsers can use them.
pub(crate) fn passkey_challenge(frame: &Frame, overview: &Overview) -> Option<Ceremony> {
    let place = security::place(frame).ok().filter(|_| !overview.passkeys.is_empty())?;
    frame.state.engine.sessions().passkey_challenge(&place).ok()
}

/// The form that a passkey fills in.
pub(crate) fn passkey_form(action: &'static str, ceremony: &Ceremony, form: &Form) -> impl IntoView + use<> {
    view! {
        <form method="post" action=action class="form passkey-form">
            {hidden_input(&NEXT, form.get(&NEXT))}
            {hidden_input(&CHALLENGE, &ceremony.carried)}
            <PasskeyButton
                options=ceremony.options.clone()
                create=false
                label=text::WITH_PASSKEY.to_owned()
                class="button wide".to_owned()
            />
        </form>
    }
}

#[cfg(test)]
mod tests;
