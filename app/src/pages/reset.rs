//! Setting another password with a one-time link, and asking for the link.

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::service::resets::ResetError;
use tokio::sync::Semaphore;

use crate::{
    components::{error_summary, password_input, text_input},
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::{Frame, Ids},
    letters,
    methods::{AndPost, get},
    pages::login::{self, EMAIL},
    redirect::done,
    state::AppState,
};

pub(crate) const PATH: &str = "/reset";

pub(crate) const PASSWORD: Field = Field {
    hint: text::PASSWORD_HINT,
    autocomplete: "new-password",
    ..Field { kind: "password", ..Field::text("password", text::PASSWORD) }
};

/// The requests for a link that are under way at the same time.
const AT_ONCE: usize = 32;

pub(crate) mod text {
    pub(super) const TITLE: &str = "Forgot your password?";
    pub(super) const LEAD: &str =
        "Enter the e-mail address with which you sign in. A link to set another password is sent there.";
    pub(super) const SEND: &str = "Send link";
    pub(super) const SENT: &str =
        "If somebody signs in with this address, a link is on its way to it. It holds for an hour.";
    pub(super) const NO_MAIL: &str = "An owner or an admin of your account can make a link with which you set another password: on the page \
                                      Settings > People, under your name. Otherwise ask the operator of this service.";
    pub(super) const BACK: &str = "Back to sign-in";
    pub(super) const NEW_TITLE: &str = "Set another password";
    pub(super) const PASSWORD: &str = "New password";
    pub(crate) const PASSWORD_HINT: &str = "At least 15 characters. A few random words are easy to remember.";
    pub(super) const SET: &str = "Set password";
    pub(super) const DONE: &str = "Your password is set. All your sessions have ended: sign in with it.";
    pub(super) const INVALID_TITLE: &str = "Link no longer valid";
    pub(super) const INVALID_HEADING: &str = "This link is no longer valid";
    pub(super) const INVALID: &str =
        "It was used already, has expired, or was replaced by a newer one. Ask for another.";
}

/// The address of a link.
pub(crate) fn path(token: &str) -> String {
    format!("{PATH}/{token}")
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route(PATH, get(show).and_post(request)).route("/reset/{token}", get(show_link).and_post(redeem))
}

async fn show(frame: Frame) -> Response {
    if frame.state.mailer.is_some() { ask(&frame, &Form::blank().focused(&EMAIL)) } else { without_mail(&frame) }
}

/// Answers the same in any case, before it is known whether somebody has the address.
async fn request(frame: Frame, form: Form) -> PageResult {
    static UNDER_WAY: Semaphore = Semaphore::const_new(AT_ONCE);
    if frame.state.mailer.is_none() {
        return Ok(without_mail(&frame));
    }
    let permit = UNDER_WAY.try_acquire().map_err(|_| PageError::Busy)?;
    let (state, email) = (Arc::new(frame.state.clone()), form.get(&EMAIL).trim().to_owned());
    tokio::spawn(async move {
        match state.engine.resets().request(&email).await {
            Ok(Some(mail)) => letters::reset(&state, &mail, &path(&mail.token)),
            Ok(None) => {}
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "a reset link could not be made"),
        }
        drop(permit);
    });
    Ok(done(text::SENT, login::PATH))
}

fn ask(frame: &Frame, form: &Form) -> Response {
    frame.render_form(form, text::TITLE, || {
        view! {
            <h1>{text::TITLE}</h1>
            <p class="lead">{text::LEAD}</p>
            <form method="post" action=PATH class="form">
                {text_input(&EMAIL, form)}
                <button class="button primary wide" type="submit">{text::SEND}</button>
            </form>
            <p><a href=login::PATH>{text::BACK}</a></p>
        }
    })
}

fn without_mail(frame: &Frame) -> Response {
    frame.render(text::TITLE, || {
        view! {
            <h1>{text::TITLE}</h1>
            <p>{text::NO_MAIL}</p>
            <p><a href=login::PATH>{text::BACK}</a></p>
        }
    })
}

async fn show_link(frame: Frame, Ids(token): Ids<String>) -> PageResult {
    set(&frame, &token, &Form::blank().focused(&PASSWORD)).await
}

async fn redeem(frame: Frame, Ids(token): Ids<String>, form: Form) -> PageResult {
    match frame.state.engine.resets().redeem(&token, form.get(&PASSWORD)).await {
        Ok(()) => Ok(done(text::DONE, login::PATH)),
        Err(ResetError::LinkInvalid) => Ok(invalid(&frame)),
        Err(ResetError::Password(weak)) => set(&frame, &token, &form.invalid(&PASSWORD, weak.to_string())).await,
        Err(ResetError::Store(error)) => Err(error.into()),
    }
}

async fn set(frame: &Frame, token: &str, form: &Form) -> PageResult {
    if !frame.state.engine.resets().is_valid(token).await? {
        return Ok(invalid(frame));
    }
    Ok(frame.render_form(form, text::NEW_TITLE, || {
        view! {
            <h1>{text::NEW_TITLE}</h1>
            {error_summary(form)}
            <form method="post" action=path(token) class="form" novalidate>
                {password_input(&PASSWORD, form)}
                <button class="button primary wide" type="submit">{text::SET}</button>
            </form>
        }
    }))
}

fn invalid(frame: &Frame) -> Response {
    let page = frame.render(text::INVALID_TITLE, || {
        view! {
            <h1>{text::INVALID_HEADING}</h1>
            <p>{text::INVALID}</p>
            <p><a class="button wide" href=PATH>{text::TITLE}</a></p>
        }
    });
    (StatusCode::GONE, page).into_response()
}

#[cfg(test)]
mod tests {
    use signet_engine::{actor::Operator, testing::PASSWORD as OLD};

    use super::*;
    use crate::testing::{Visitor, encode};

    #[tokio::test]
    async fn without_mail_the_page_says_who_can_make_a_link_whatever_the_address() {
        let visitor = Visitor::owner().await.signed_out();
        insta::assert_snapshot!("without_mail", visitor.get(PATH).await.content());
        let known = visitor.post(PATH, &encode(&[(&EMAIL, "owner@example.com")])).await;
        let unknown = visitor.post(PATH, &encode(&[(&EMAIL, "nobody@example.com")])).await;
        assert_eq!((known.status, known.content()), (unknown.status, unknown.content()));
    }

    #[tokio::test]
    async fn a_link_sets_another_password_and_leads_to_sign_in() {
        let visitor = Visitor::owner().await.signed_out();
        let link = visitor.engine.resets().make(&Operator::signet(), "owner@example.com").await.expect("a link");
        insta::assert_snapshot!("link", visitor.get(&path(&link)).await.content().replace(&link, "TOKEN"));
        for weak in ["short", "owner@example.com", "               ", "passwordpassword"] {
            let refused = visitor.post(&path(&link), &encode(&[(&PASSWORD, weak)])).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{weak}");
            assert!(refused.html.contains("password-error") && !refused.html.contains(&format!("value=\"{weak}\"")));
        }
        let good = visitor.post(&path(&link), &encode(&[(&PASSWORD, "seven otters in a canoe")])).await;
        assert_eq!((good.location(), good.flash()), (login::PATH, text::DONE.to_owned()));
        let again = visitor.post(&path(&link), &encode(&[(&PASSWORD, OLD)])).await;
        assert_eq!(again.status, StatusCode::GONE);
        insta::assert_snapshot!("invalid", visitor.get(&path(&link)).await.content());
    }
}
