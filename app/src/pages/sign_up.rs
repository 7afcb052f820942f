//! Signing up: a stranger makes an account, where the operator allows that.

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::service::SignUpError;
use signet_model::text::AccountName;

use crate::{
    components::{error_summary, password_input, text_input},
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::Frame,
    methods::{AndPost, get},
    pages::{
        login::{self, EMAIL},
        setup::PASSWORD,
    },
    redirect::HOME,
    state::AppState,
    words,
};

pub(crate) const PATH: &str = "/sign-up";

pub(crate) const NAME: Field = Field {
    hint: text::NAME_HINT,
    autocomplete: "organization",
    maxlength: Some(255),
    ..Field::text("name", text::NAME)
};

mod text {
    pub(super) const TITLE: &str = "Sign up";
    pub(super) const NAME: &str = "Name of the account";
    pub(super) const NAME_HINT: &str = "Your company or project. Other people can be invited later.";
    pub(super) const CREATE: &str = "Create account";
    pub(super) const SIGN_IN: &str = "Sign in instead";
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route(PATH, get(show).and_post(sign_up))
}

async fn show(frame: Frame) -> PageResult {
    check_open(&frame)?;
    Ok(page(&frame, &Form::blank().focused(&NAME)))
}

async fn sign_up(frame: Frame, mut form: Form) -> PageResult {
    check_open(&frame)?;
    let Ok(name) = form.parse::<AccountName>(&NAME, words::invalid_text) else { return Ok(page(&frame, &form)) };
    let (email, password) = (form.get(&EMAIL).trim(), form.get(&PASSWORD));
    let error = match frame.state.engine.users().sign_up(&name, email, password, &frame.browser).await {
        Ok(token) => return Ok(frame.signed_in(&token, HOME)),
        Err(SignUpError::Store(error)) => return Err(error.into()),
        Err(error) => error,
    };
    let field = match error {
        SignUpError::NameTaken => &NAME,
        SignUpError::Password(_) => &PASSWORD,
        _ => &EMAIL,
    };
    Ok(page(&frame, &form.invalid(field, error.to_string())))
}

const fn check_open(frame: &Frame) -> Result<(), PageError> {
    if frame.state.sign_up { Ok(()) } else { Err(PageError::NotFound) }
}

fn page(frame: &Frame, form: &Form) -> Response {
    frame.render_form(form, text::TITLE, || {
        view! {
            <h1>{text::TITLE}</h1>
            {error_summary(form)}
            <form method="post" action=PATH class="form" novalidate>
                {text_input(&NAME, form)}
                {text_input(&EMAIL, form)}
                {password_input(&PASSWORD, form)}
                <button class="button primary wide" type="submit">{text::CREATE}</button>
            </form>
            <p><a href=login::PATH>{text::SIGN_IN}</a></p>
        }
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::testing::{Visitor, encode};

    const PASSPHRASE: &str = "seven otters in a canoe";

    #[tokio::test]
    async fn nobody_signs_up_unless_the_operator_allows_it() {
        let visitor = Visitor::owner().await.signed_out();
        let form = encode(&[(&NAME, "new"), (&EMAIL, "me@example.com"), (&PASSWORD, PASSPHRASE)]);
        assert_eq!(visitor.get(PATH).await.status, StatusCode::NOT_FOUND);
        assert_eq!(visitor.post(PATH, &form).await.status, StatusCode::NOT_FOUND);
        assert!(!visitor.get(login::PATH).await.html.contains(PATH));
    }

    #[tokio::test]
    async fn a_stranger_signs_up_and_is_in_the_new_account() {
        let visitor = Visitor::owner().await.signed_out().with_sign_up();
        assert!(visitor.get(login::PATH).await.html.contains(PATH));
        insta::assert_snapshot!("blank", visitor.get(PATH).await.content());
        for (name, email, password, field) in [
            ("", "me@example.com", PASSPHRASE, "name-error"),
            ("acme", "me@example.com", PASSPHRASE, "name-error"),
            ("new", "me", PASSPHRASE, "email-error"),
            ("new", "owner@example.com", PASSPHRASE, "email-error"),
            ("new", "me@example.com", "me@example.com!", "password-error"),
        ] {
            let form = encode(&[(&NAME, name), (&EMAIL, email), (&PASSWORD, password)]);
            let refused = visitor.post(PATH, &form).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(refused.html.contains(field) && !refused.html.contains(password), "{field}: {}", refused.html);
        }
        let form = encode(&[(&NAME, "new"), (&EMAIL, "me@example.com"), (&PASSWORD, PASSPHRASE)]);
        let good = visitor.post(PATH, &form).await;
        assert_eq!((good.status, good.location()), (StatusCode::SEE_OTHER, HOME));
        assert!(good.cookie().starts_with("__Host-signet="));
    }
}
