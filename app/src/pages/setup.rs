//! The one-time link with which the owner of an account signs up.

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use leptos::prelude::*;
use signet_engine::service::users::SetupError;

use crate::{
    components::{error_summary, password_input, text_input, with_element},
    error::PageResult,
    form::{Field, Form},
    frame::{Frame, Ids},
    pages::login::{self, EMAIL},
    redirect::HOME,
    state::AppState,
};

const PASSWORD: Field = Field { hint: text::PASSWORD_HINT, autocomplete: "new-password", ..login::PASSWORD };

mod text {
    pub(super) const TITLE: &str = "Create your account";
    pub(super) const PASSWORD_HINT: &str = "At least 12 characters. A few random words are easy to remember.";
    pub(super) const CREATE: &str = "Create account";
    pub(super) const INVALID_EMAIL: &str = "Enter an e-mail address, such as you@example.com.";
    pub(super) const EMAIL_TAKEN: &str = "This e-mail address is already in use. Sign in instead.";
    pub(super) const PASSWORD_TOO_SHORT: &str = "Use at least 12 characters.";
    pub(super) const PASSWORD_TOO_LONG: &str = "Use at most 1,000 characters.";
    pub(super) const LINK_TITLE: &str = "Link no longer valid";
    pub(super) const LINK_HEADING: &str = "This link is no longer valid";
    pub(super) const LINK_INVALID: &str = "It was used already, or is older than 24 hours. {}";
    pub(super) const ASK_FOR_LINK: &str = "Ask the service that gave it to you for a new one.";
    pub(super) const RESTART: &str = "Restart the server to get a new one.";
    pub(super) const SIGN_IN: &str = "Sign in";

    pub(super) fn owner_of(account: &str) -> String {
        format!("You will be the owner of “{account}”.")
    }
}

/// The address of a link.
pub(crate) fn path(token: &str) -> String {
    format!("/setup/{token}")
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/setup/{token}", get(show).post(create))
}

/// Shows the form while the link is valid.
async fn show(frame: Frame, Ids(token): Ids<String>) -> PageResult {
    page(&frame, &token, &Form::blank().focused(&EMAIL)).await
}

/// Creates the owner and signs them in.
async fn create(frame: Frame, Ids(token): Ids<String>, form: Form) -> PageResult {
    let (email, password) = (form.get(&EMAIL).trim(), form.get(&PASSWORD));
    let created = frame.state.engine.users().create_owner(&token, email, password, &frame.browser).await;
    let form = match created {
        Ok(session) => return Ok(frame.signed_in(&session, HOME)),
        Err(SetupError::Email) => form.invalid(&EMAIL, text::INVALID_EMAIL),
        Err(SetupError::EmailTaken) => form.invalid(&EMAIL, text::EMAIL_TAKEN),
        Err(SetupError::PasswordTooShort) => form.invalid(&PASSWORD, text::PASSWORD_TOO_SHORT),
        Err(SetupError::PasswordTooLong) => form.invalid(&PASSWORD, text::PASSWORD_TOO_LONG),
        Err(SetupError::LinkInvalid) => return link_invalid(&frame).await,
        Err(SetupError::Store(error)) => return Err(error.into()),
    };
    page(&frame, &token, &form).await
}

async fn page(frame: &Frame, token: &str, form: &Form) -> PageResult {
    match frame.state.engine.users().invited_to(token).await? {
        Some(account) => Ok(sign_up(frame, &account, token, form)),
        None => link_invalid(frame).await,
    }
}

fn sign_up(frame: &Frame, account: &str, token: &str, form: &Form) -> Response {
    frame.render_form(form, text::TITLE, || {
        view! {
            <h1>{text::TITLE}</h1>
            <p class="lead">{text::owner_of(account)}</p>
            {error_summary(form)}
            <form method="post" action=path(token) class="form" novalidate>
                {text_input(&EMAIL, form)}
                {password_input(&PASSWORD, form)}
                <button class="button primary wide" type="submit">
                    {text::CREATE}
                </button>
            </form>
        }
    })
}

async fn link_invalid(frame: &Frame) -> PageResult {
    let advice = if frame.state.engine.users().exist().await? { text::ASK_FOR_LINK } else { text::RESTART };
    let page = frame.render(text::LINK_TITLE, || {
        view! {
            <h1>{text::LINK_HEADING}</h1>
            <p>{with_element(text::LINK_INVALID, advice)}</p>
            <p>
                <a class="button wide" href=login::PATH>
                    {text::SIGN_IN}
                </a>
            </p>
        }
    });
    Ok((StatusCode::GONE, page).into_response())
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;
    use crate::testing::{Visitor, encode};

    /// A stranger with a valid link, and its path.
    async fn invited() -> (Visitor, String) {
        let stranger = Visitor::stranger().await;
        let link = stranger.account().create_setup_link().await.expect("a link");
        (stranger, path(&link))
    }

    #[tokio::test]
    async fn the_page_asks_for_address_and_password_while_the_link_is_valid() {
        let (stranger, path) = invited().await;
        insta::assert_snapshot!("blank", stranger.get(&path).await.content());
        let form = [(&EMAIL, "me"), (&PASSWORD, "correct horse battery")];
        insta::assert_snapshot!("refused", stranger.post(&path, &encode(&form)).await.content());
        insta::assert_snapshot!("link_invalid", stranger.get("/setup/unknown").await.content());
    }

    #[tokio::test]
    async fn the_owner_signs_up_once_with_the_link() {
        let (stranger, path) = invited().await;
        let short = stranger.post(&path, &encode(&[(&EMAIL, "me@example.com"), (&PASSWORD, "short")])).await;
        assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(short.html.contains(text::PASSWORD_TOO_SHORT) && short.html.contains(r#"value="me@example.com""#));
        assert!(!short.html.contains("short\""), "a password is never sent back");
        let form = [(&EMAIL, "me@example.com"), (&PASSWORD, "correct horse battery")];
        let good = stranger.post(&path, &encode(&form)).await;
        assert_eq!((good.status, good.location()), (StatusCode::SEE_OTHER, HOME));
        assert!(good.header(header::SET_COOKIE).starts_with("__Host-signet="));
        let used = stranger.get(&path).await;
        assert_eq!(used.status, StatusCode::GONE);
        assert!(used.html.contains(text::ASK_FOR_LINK));
    }

    #[tokio::test]
    async fn the_page_names_the_account_that_is_signed_up_for_and_no_server() {
        let (stranger, path) = invited().await;
        let page = stranger.get(&path).await;
        assert!(page.html.contains("You will be the owner of “acme”."), "{}", page.html);
        assert!(!page.html.contains("this Signet server"));
        assert!(!page.html.contains("<script"), "a page without an island loads no script");
    }

    #[tokio::test]
    async fn only_the_first_owner_of_a_server_is_told_to_restart_it() {
        let stranger = Visitor::stranger().await;
        let page = stranger.get("/setup/unknown").await;
        assert_eq!(page.status, StatusCode::GONE);
        assert!(page.html.contains(text::RESTART));
    }
}
