//! Signing in and out.

use axum::{Router, http::HeaderMap, response::Response};
use leptos::prelude::*;
use signet_engine::service::factors::{PasskeyError, second_step::SignedIn};

use super::portal;
use crate::{
    components::{error_summary, hidden_input, password_input, text_input},
    cookie,
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::Frame,
    methods::{AndPost, get, post},
    pages::{
        oidc, reset,
        second_step::{self, passkey_form},
        security::{self, ANSWER, CHALLENGE},
        sign_up,
    },
    place::Place,
    redirect::{HOME, done, local_path, see_other, with_cookie},
    state::AppState,
};

pub(crate) const PATH: &str = "/login";
const PASSKEY_PATH: &str = "/login/passkey";
pub(crate) const SIGN_OUT_PATH: &str = "/logout";

/// The page that was asked for, to which the browser goes after signing in.
pub(crate) const NEXT: Field = Field::named("next");
pub(crate) const EMAIL: Field = Field { kind: "email", autocomplete: "username", ..Field::text("email", text::EMAIL) };
pub(crate) const PASSWORD: Field =
    Field { kind: "password", autocomplete: "current-password", ..Field::text("password", text::PASSWORD) }.secret();

mod text {
    pub(super) const TITLE: &str = "Sign in";
    pub(super) const EMAIL: &str = "E-mail";
    pub(super) const PASSWORD: &str = "Password";
    pub(super) const FORGOT: &str = "Forgot your password?";
    pub(super) const SIGN_UP: &str = "Sign up for an account";
    pub(super) const WRONG: &str = "The e-mail address or the password is wrong.";
    pub(super) const PASSKEY_EXPIRED: &str = "That took too long. Try again.";
    pub(super) const PASSKEY_REFUSED: &str =
        "This passkey is not known here. Sign in with your password, and add it to your account.";
    pub(super) const SIGNED_OUT: &str = "You are signed out.";
    pub(super) const SET_UP: &str = "Set up Signet";
    pub(super) const OPEN_LINK: &str = "This server has no owner yet. Open the one-time link that the server printed when it \
                                        started to create the owner’s account.";
    pub(super) const LINK_LIFETIME: &str = "The link holds for 24 hours. Restart the server to get a new one.";
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route(PATH, get(show).and_post(sign_in))
        .route(PASSKEY_PATH, get(async || see_other(PATH)).and_post(sign_in_with_passkey))
        .route(SIGN_OUT_PATH, post(sign_out))
}

/// Shows the form; a session needs none.
async fn show(frame: Frame, form: Form) -> PageResult {
    if frame.session.is_some() {
        return Ok(see_other(local_path(form.get(&NEXT)).unwrap_or(HOME)));
    }
    // People of a provider need no owner who was there before them.
    let has_users = frame.state.oidc.iter().next().is_some() || frame.state.engine.users().exist().await?;
    Ok(if has_users { page(&frame, &form.focused(&EMAIL)) } else { not_set_up(&frame) })
}

/// Signs in and goes on to the page that was asked for.
async fn sign_in(frame: Frame, form: Form) -> PageResult {
    let sessions = frame.state.engine.sessions();
    let signed_in = sessions.sign_in(form.get(&EMAIL).trim(), form.get(&PASSWORD), &frame.browser).await?;
    let Some(signed_in) = signed_in else { return Ok(page(&frame, &form.refused(text::WRONG))) };
    let next = local_path(form.get(&NEXT)).unwrap_or(HOME);
    Ok(match signed_in {
        SignedIn::Session(token) => frame.signed_in(&token, next),
        SignedIn::Pending(pending) => second_step::ask(&pending, next),
    })
}

/// Signs the owner of a passkey in, without a password.
async fn sign_in_with_passkey(frame: Frame, form: Form) -> PageResult {
    let Ok(place) = security::place(&frame) else { return Err(PageError::NotFound) };
    let signed = (form.get(&CHALLENGE), form.get(&ANSWER));
    let signed_in = frame.state.engine.sessions().sign_in_with_passkey(&place, signed, &frame.browser).await;
    let refusal = match signed_in {
        Ok(token) => return Ok(frame.signed_in(&token, local_path(form.get(&NEXT)).unwrap_or(HOME))),
        Err(PasskeyError::Expired) => text::PASSKEY_EXPIRED,
        Err(PasskeyError::Refused) => text::PASSKEY_REFUSED,
        Err(PasskeyError::Store(error)) => return Err(error.into()),
    };
    Ok(page(&frame, &form.refused(refusal)))
}

/// Ends the session, if there is one.
async fn sign_out(frame: Frame, headers: HeaderMap) -> PageResult {
    if let Some(token) = cookie::session_token(Place::Tab, &headers) {
        frame.state.engine.sessions().sign_out(token).await?;
    }
    let next = if frame.is_of_portal() { see_other(portal::LEFT_PATH) } else { done(text::SIGNED_OUT, PATH) };
    Ok(with_cookie(cookie::forget_session(), next))
}

fn page(frame: &Frame, form: &Form) -> Response {
    let place = security::place(frame).ok();
    let challenge = place.and_then(|place| frame.state.engine.sessions().passkey_challenge(&place).ok());
    frame.render_form(form, text::TITLE, || {
        view! {
            <h1>{text::TITLE}</h1>
            {error_summary(form)}
            <form method="post" action=PATH class="form">
                {hidden_input(&NEXT, form.get(&NEXT))}
                {text_input(&EMAIL, form)}
                {password_input(&PASSWORD, form)}
                <button class="button primary wide" type="submit">
                    {text::TITLE}
                </button>
            </form>
            {challenge.map(|ceremony| passkey_form(PASSKEY_PATH, &ceremony, form))}
            {oidc::buttons(frame, local_path(form.get(&NEXT)).unwrap_or(HOME))}
            <p class="hint"><a href=reset::PATH>{text::FORGOT}</a></p>
            {frame
                .state
                .sign_up
                .then(|| view! { <p class="hint"><a href=sign_up::PATH>{text::SIGN_UP}</a></p> })}
        }
    })
}

/// The page with the reason for which nobody was signed in elsewhere.
pub(crate) fn refuse(frame: &Frame, reason: &str) -> Response {
    page(frame, &Form::blank().refused(reason))
}

fn not_set_up(frame: &Frame) -> Response {
    frame.render(text::SET_UP, || {
        view! {
            <h1>{text::SET_UP}</h1>
            <p>{text::OPEN_LINK}</p>
            <p class="hint">{text::LINK_LIFETIME}</p>
        }
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::testing::{Visitor, encode};

    #[tokio::test]
    async fn the_page_asks_for_address_and_password_once_there_is_an_owner() {
        let mut visitor = Visitor::stranger().await;
        insta::assert_snapshot!("not_set_up", visitor.get(PATH).await.content());
        visitor.sign_up(visitor.account, "me@example.com").await;
        let stranger = visitor.signed_out();
        insta::assert_snapshot!("blank", stranger.get("/login?next=/settings/account").await.content());
        let form = [(&EMAIL, "me@example.com"), (&PASSWORD, "wrong"), (&NEXT, "/settings/account")];
        insta::assert_snapshot!("refused", stranger.post(PATH, &encode(&form)).await.content());
    }

    #[tokio::test]
    async fn a_wrong_password_comes_back_with_the_address_and_the_page_that_was_asked_for() {
        let mut visitor = Visitor::stranger().await;
        visitor.sign_up(visitor.account, "me@example.com").await;
        let form = [(&EMAIL, "me@example.com"), (&PASSWORD, "wrong"), (&NEXT, "/settings/account")];
        let answer = visitor.post(PATH, &encode(&form)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        for kept in [text::WRONG, r#"value="me@example.com""#, r#"value="/settings/account""#] {
            assert!(answer.html.contains(kept), "{kept}");
        }
        assert!(!answer.html.contains("value=\"wrong\""), "a password is never sent back");
    }
}
