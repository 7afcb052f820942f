//! Invitations: a one-time link makes a new person of an account, or adds one who signs in
//! already. The first owner of an account comes in by such a link of the operator.

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::service::invitations::{AcceptError, Invited};

use crate::{
    components::{error_summary, password_input, text_input, username, with_element},
    error::PageResult,
    form::{Field, Form},
    frame::{Frame, Ids, Person},
    html::IntoHtml,
    methods::{AndPost, get, post},
    pages::{
        login::{self, EMAIL},
        reset,
    },
    redirect::HOME,
    state::AppState,
};

pub(crate) const PASSWORD: Field =
    Field { hint: reset::text::PASSWORD_HINT, autocomplete: "new-password", ..login::PASSWORD };

mod text {
    use signet_model::Role;

    use crate::words;

    pub(super) const TITLE: &str = "Create your sign-in";
    pub(super) const EMAIL: &str = "You sign in with {}.";
    pub(super) const CREATE: &str = "Create sign-in";
    pub(super) const KNOWN: &str = "You sign in here already?";
    pub(super) const SIGN_IN_TO_ACCEPT: &str = "Sign in to accept the invitation";
    pub(super) const JOIN_TITLE: &str = "Invitation";
    pub(super) const SIGNED_IN_AS: &str = "You are signed in as {}.";
    pub(super) const ANOTHER: &str = "To accept it as somebody else, sign out first and open the link again.";
    pub(super) const SIGN_OUT: &str = "Sign out";
    pub(super) const LINK_TITLE: &str = "Link no longer valid";
    pub(super) const LINK_HEADING: &str = "This link is no longer valid";
    pub(super) const LINK_INVALID: &str = "It was used already, was taken back, or has expired. {}";
    pub(super) const ASK_FOR_LINK: &str = "Ask the one who gave it to you for a new one.";
    pub(super) const RESTART: &str = "Restart the server to get a new one.";
    pub(super) const SIGN_IN: &str = "Sign in";

    pub(super) fn role_in(role: Role, account: &str) -> String {
        format!("You will be {} of “{account}”.", words::a_role(role))
    }

    pub(super) fn join(account: &str) -> String {
        format!("Join “{account}”")
    }
}

/// The address of a link.
pub(crate) fn path(token: &str) -> String {
    format!("/setup/{token}")
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/setup/{token}", get(show).and_post(create)).route("/setup/{token}/join", post(join))
}

/// Shows the form while the link is valid; to a person who is signed in, a button to join.
async fn show(frame: Frame, Ids(token): Ids<String>) -> PageResult {
    page(&frame, &token, &Form::blank().focused(&EMAIL)).await
}

/// Makes a new person and signs them in.
async fn create(frame: Frame, Ids(token): Ids<String>, form: Form) -> PageResult {
    let (email, password) = (form.get(&EMAIL).trim(), form.get(&PASSWORD));
    let error = match frame.state.engine.invitations().accept_as_new(&token, email, password, &frame.browser).await {
        Ok(session) => return Ok(frame.signed_in(&session, HOME)),
        Err(AcceptError::LinkInvalid) => return link_invalid(&frame).await,
        Err(AcceptError::Store(error)) => return Err(error.into()),
        Err(error) => error,
    };
    let form = match error {
        AcceptError::Password(_) => form.invalid(&PASSWORD, error.to_string()),
        _ => form.invalid(&EMAIL, error.to_string()),
    };
    page(&frame, &token, &form).await
}

/// Adds the person who is signed in to the account.
async fn join(person: Person, Ids(token): Ids<String>) -> PageResult {
    let Person { frame, session } = person;
    match frame.state.engine.invitations().accept(&token, &session, &frame.browser).await {
        Ok(session) => Ok(frame.signed_in(&session, HOME)),
        Err(AcceptError::LinkInvalid) => link_invalid(&frame).await,
        Err(AcceptError::Store(error)) => Err(error.into()),
        Err(error) => page(&frame, &token, &Form::blank().refused(error.to_string())).await,
    }
}

async fn page(frame: &Frame, token: &str, form: &Form) -> PageResult {
    let Some(invited) = frame.state.engine.invitations().find(token).await? else { return link_invalid(frame).await };
    let email = frame.session.as_ref().and_then(|session| session.email());
    Ok(match email {
        Some(email) => ask_to_join(frame, &invited, token, email, form),
        None => sign_up(frame, &invited, token, form),
    })
}

fn sign_up(frame: &Frame, invited: &Invited, token: &str, form: &Form) -> Response {
    // An error beside a field that is not shown stands above the form.
    let refused = invited.email.as_ref().and_then(|_| form.error(&EMAIL).map(ToOwned::to_owned));
    let form = refused.map_or_else(|| form.clone(), |error| form.clone().refused(error));
    let sign_in = format!("{}?{}={}", login::PATH, login::NEXT.name, path(token));
    frame.render_form(&form, text::TITLE, || {
        view! {
            <h1>{text::TITLE}</h1>
            <p class="lead">{text::role_in(invited.role, &invited.account_name)}</p>
            {error_summary(&form)}
            <form method="post" action=path(token) class="form" novalidate>
                {match &invited.email {
                    Some(address) => {
                        let email = view! { <strong class="wrap">{address.clone()}</strong> };
                        view! { <p>{with_element(text::EMAIL, email)}</p> {username(address)} }.html()
                    }
                    None => text_input(&EMAIL, &form).html(),
                }}
                {password_input(&PASSWORD, &form)}
                <button class="button primary wide" type="submit">
                    {text::CREATE}
                </button>
            </form>
            <p class="hint">{text::KNOWN} " " <a href=sign_in>{text::SIGN_IN_TO_ACCEPT}</a></p>
        }
    })
}

fn ask_to_join(frame: &Frame, invited: &Invited, token: &str, email: &str, form: &Form) -> Response {
    let email = email.to_owned();
    frame.render_form(form, text::JOIN_TITLE, || {
        view! {
            <h1>{text::join(&invited.account_name)}</h1>
            {error_summary(form)}
            <p class="lead">{text::role_in(invited.role, &invited.account_name)}</p>
            <p>{with_element(text::SIGNED_IN_AS, view! { <strong class="wrap">{email}</strong> })}</p>
            <form method="post" action=format!("{}/join", path(token))>
                <button class="button primary wide" type="submit">{text::join(&invited.account_name)}</button>
            </form>
            <p class="hint">{text::ANOTHER}</p>
            <form method="post" action=login::SIGN_OUT_PATH>
                <button class="button quiet" type="submit">{text::SIGN_OUT}</button>
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
    use signet_engine::testing::account;
    use signet_model::Role;

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
        let shown = |page: String| page.replace(path.trim_start_matches("/setup/"), "TOKEN");
        insta::assert_snapshot!("blank", shown(stranger.get(&path).await.content()));
        let form = [(&EMAIL, "me"), (&PASSWORD, "correct horse battery")];
        insta::assert_snapshot!("refused", shown(stranger.post(&path, &encode(&form)).await.content()));
        insta::assert_snapshot!("link_invalid", stranger.get("/setup/unknown").await.content());
    }

    #[tokio::test]
    async fn the_owner_signs_up_once_with_the_link() {
        let (stranger, path) = invited().await;
        let short = stranger.post(&path, &encode(&[(&EMAIL, "me@example.com"), (&PASSWORD, "short")])).await;
        assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(short.html.contains("Use at least 15 characters.") && short.html.contains(r#"value="me@example.com""#));
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
        assert!(page.html.contains("You will be an owner of “acme”."), "{}", page.html);
        assert!(!page.html.contains("this Signet server"));
        assert!(!page.html.contains("/pkg/a.js"), "a page without an island loads no WebAssembly");
    }

    #[tokio::test]
    async fn only_the_first_owner_of_a_server_is_told_to_restart_it() {
        let stranger = Visitor::stranger().await;
        let page = stranger.get("/setup/unknown").await;
        assert_eq!(page.status, StatusCode::GONE);
        assert!(page.html.contains(text::RESTART));
    }

    #[tokio::test]
    async fn a_person_who_is_invited_by_address_chooses_a_password_alone() {
        let stranger = Visitor::stranger().await;
        let link = stranger.account().members().invite("bob@example.com", Role::Viewer).await.expect("invited");
        let page = stranger.get(&path(&link)).await;
        insta::assert_snapshot!("invited", page.content().replace(&link, "TOKEN"));
        let form = encode(&[(&EMAIL, "eve@example.com"), (&PASSWORD, "bob@example.com")]);
        let weak = stranger.post(&path(&link), &form).await;
        assert_eq!(weak.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(weak.html.contains("Little is left of it"), "{}", weak.html);
        let form = encode(&[(&EMAIL, "eve@example.com"), (&PASSWORD, "correct horse battery")]);
        assert_eq!(stranger.post(&path(&link), &form).await.location(), HOME);
        let members = stranger.account().members().list().await.expect("a list");
        assert_eq!(members.iter().map(|one| one.email.as_str()).collect::<Vec<_>>(), ["bob@example.com"]);
    }

    #[tokio::test]
    async fn a_person_who_signs_in_already_joins_with_a_button() {
        let owner = Visitor::owner().await;
        let other = account(&owner.engine, "other").await;
        let operator = owner.engine.as_operator_in(other);
        let link = operator.members().invite("somebody@example.com", Role::Developer).await.expect("invited");
        insta::assert_snapshot!("join", owner.get(&path(&link)).await.content().replace(&link, "TOKEN"));
        let joined = owner.post(&format!("{}/join", path(&link)), "").await;
        assert_eq!((joined.status, joined.location()), (StatusCode::SEE_OTHER, HOME));
        assert!(joined.cookie().starts_with("__Host-signet="));
        assert_eq!(operator.members().list().await.expect("a list")[0].email, "owner@example.com");
        // A stranger cannot join by the button's address.
        let link = operator.members().invite("another@example.com", Role::Developer).await.expect("invited");
        let stranger = owner.signed_out();
        let answer = stranger.post(&format!("{}/join", path(&link)), "").await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/login?next=/kept"));
    }

    #[tokio::test]
    async fn an_address_that_is_taken_leads_to_sign_in_and_back() {
        let stranger = Visitor::owner().await.signed_out();
        let other = account(&stranger.engine, "other").await;
        let operator = stranger.engine.as_operator_in(other);
        let link = operator.members().invite("owner@example.com", Role::Developer).await.expect("invited");
        let answer = stranger.post(&path(&link), &encode(&[(&PASSWORD, "seven otters in a canoe")])).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            answer.html.contains("sign in to accept") && answer.html.contains(&format!("/login?next=/setup/{link}"))
        );
        let next = format!("/setup/{link}");
        let form =
            [(&EMAIL, "owner@example.com"), (&login::PASSWORD, "correct horse battery"), (&login::NEXT, next.as_str())];
        assert_eq!(stranger.post(login::PATH, &encode(&form)).await.location(), next);
    }
}
