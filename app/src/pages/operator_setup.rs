//! The one-time link with which somebody who operates the server begins.

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::service::operators::OperatorError;

use crate::{
    components::{error_summary, password_input, username},
    error::PageResult,
    form::{Field, Form},
    frame::{Frame, Ids},
    methods::{AndPost, get},
    pages::{login, operator},
    state::AppState,
};

const PASSWORD: Field = Field { hint: text::PASSWORD_HINT, autocomplete: "new-password", ..login::PASSWORD };

mod text {
    pub(super) const TITLE: &str = "Operate the server";
    pub(super) const PASSWORD_HINT: &str = "At least 15 characters. A few random words are easy to remember.";
    pub(super) const BEGIN: &str = "Set password";
    pub(super) const LINK_TITLE: &str = "Link no longer valid";
    pub(super) const LINK_HEADING: &str = "This link is no longer valid";
    pub(super) const LINK_ADVICE: &str =
        "It was used already, or is older than 24 hours. Run the command that printed it once more.";
    pub(super) const SIGN_IN: &str = "Sign in";

    pub(super) fn signs_in(email: &str) -> String {
        format!("You sign in as {email}, and see all accounts.")
    }
}

/// The address of a link.
pub(crate) fn path(token: &str) -> String {
    format!("/operator-setup/{token}")
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/operator-setup/{token}", get(show).and_post(begin))
}

/// Shows the form while the link is valid.
async fn show(frame: Frame, Ids(token): Ids<String>) -> PageResult {
    page(&frame, &token, &Form::blank().focused(&PASSWORD)).await
}

/// Makes the person and signs them in.
async fn begin(frame: Frame, Ids(token): Ids<String>, form: Form) -> PageResult {
    let operators = frame.state.engine.operators();
    let form = match operators.accept(&token, form.get(&PASSWORD), &frame.browser).await {
        Ok(session) => return Ok(frame.signed_in(&session, operator::PATH)),
        Err(OperatorError::LinkInvalid) => return Ok(link_invalid(&frame)),
        Err(OperatorError::Password(weak)) => form.invalid(&PASSWORD, weak.to_string()),
        Err(error @ (OperatorError::EmailTaken | OperatorError::Email)) => form.refused(error.to_string()),
        Err(OperatorError::Store(error)) => return Err(error.into()),
    };
    page(&frame, &token, &form).await
}

async fn page(frame: &Frame, token: &str, form: &Form) -> PageResult {
    let Some(email) = frame.state.engine.operators().invited(token).await? else { return Ok(link_invalid(frame)) };
    Ok(frame.render_form(form, text::TITLE, || {
        view! {
            <h1>{text::TITLE}</h1>
            <p class="lead">{text::signs_in(&email)}</p>
            {error_summary(form)}
            <form method="post" action=path(token) class="form" novalidate>
                {username(&email)}
                {password_input(&PASSWORD, form)}
                <button class="button primary wide" type="submit">
                    {text::BEGIN}
                </button>
            </form>
        }
    }))
}

fn link_invalid(frame: &Frame) -> Response {
    let page = frame.render(text::LINK_TITLE, || {
        view! {
            <h1>{text::LINK_HEADING}</h1>
            <p>{text::LINK_ADVICE}</p>
            <p>
                <a class="button wide" href=login::PATH>
                    {text::SIGN_IN}
                </a>
            </p>
        }
    });
    (StatusCode::GONE, page).into_response()
}

#[cfg(test)]
mod tests {
    use signet_engine::{actor::Operator, service::operators::Added, testing::PASSWORD as GOOD};

    use super::*;
    use crate::testing::{Visitor, encode};

    #[tokio::test]
    async fn a_link_leads_to_a_password_and_to_the_pages_of_the_operator() {
        let stranger = Visitor::stranger().await;
        let added = stranger.engine.operators().add(&Operator::signet(), "ops@example.com").await.expect("a link");
        let Added::Link(token) = added else { panic!("no link: {added:?}") };
        let path = path(&token);
        assert!(stranger.get(&path).await.html.contains("ops@example.com"));
        let weak = stranger.post(&path, &encode(&[(&PASSWORD, "ops@example.com")])).await;
        assert_eq!(weak.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(weak.html.contains("password-error"));
        // The address stands there for managers of passwords; the password is not repeated.
        assert_eq!(weak.html.matches("value=\"ops@example.com\"").count(), 1, "{}", weak.html);
        let begun = stranger.post(&path, &encode(&[(&PASSWORD, GOOD)])).await;
        assert_eq!((begun.status, begun.location()), (StatusCode::SEE_OTHER, operator::PATH));
        assert_eq!(stranger.get(&path).await.status, StatusCode::GONE);
    }
}
