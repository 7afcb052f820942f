//! Forms whose session has ended before they were sent, and forms that come twice.

use axum::http::StatusCode;
use signet_model::signature::Secret;

use super::*;
use crate::{
    once,
    pages::{
        account::THRESHOLD,
        api_keys::{NAME, SCOPES},
        people::{EMAIL, ROLE},
        webhook_form::{DESCRIPTION, EVENTS, NEW_PATH, SECRET, URL, options},
    },
    testing::{Answer, Visitor, encode},
};

fn orders() -> String {
    let secret = Secret::new([1; 32]);
    encode(&[
        (&URL, "https://example.com/hooks"),
        (&DESCRIPTION, "Orders & more"),
        (&EVENTS, "task.failed"),
        (&options::HEADER_NAME, "X-Key"),
        (&options::HEADER_VALUE, "hunter2"),
        (&SECRET, secret.reveal()),
    ])
}

/// Sends a form without a session, and returns the cookie that keeps it.
async fn kept(visitor: Visitor, path: &str, form: &str) -> (Visitor, String) {
    let session = visitor.session().clone();
    let stranger = visitor.signed_out();
    let answer = stranger.post(path, form).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/login?next=/kept"), "{path}");
    let cookie = answer.cookie_named(COOKIE).to_owned();
    assert!(!cookie.is_empty() && !cookie.contains("example"), "{path}: {cookie}");
    let said = answer.cookie_named("__Host-signet-notice");
    assert!(said.contains("kept") || said.contains("signed"), "{path}: {said}");
    (stranger.with_session(session), cookie)
}

async fn webhooks(visitor: &Visitor) -> usize {
    visitor.account().endpoints().list().await.expect("endpoints").len()
}

#[tokio::test]
async fn a_new_webhook_that_was_typed_comes_back_filled_in_and_is_not_saved() {
    let (owner, cookie) = kept(Visitor::owner().await, NEW_PATH, &orders()).await;
    let page = owner.get_with_cookie(PATH, &cookie).await;
    assert_eq!(page.status, StatusCode::OK);
    for kept in [
        r#"value="https://example.com/hooks""#,
        r#"value="Orders &amp; more""#,
        r#"value="X-Key""#,
        "Nothing is saved yet",
        r#"action="/settings/webhooks/new""#,
    ] {
        assert!(page.html.contains(kept), "{kept}: {}", page.html);
    }
    assert!(page.html.contains(r#"id="event-task.failed" name="event" value="task.failed" checked"#), "{}", page.html);
    assert!(!page.html.contains("hunter2"), "secrets are not kept");
    assert!(!page.html.contains(Secret::new([1; 32]).reveal()), "another secret signs");
    assert_eq!(webhooks(&owner).await, 0, "nothing was done");
    assert_eq!(owner.get_with_cookie(PATH, &cookie).await.status, StatusCode::OK, "a reload shows it again");
}

#[tokio::test]
async fn a_member_of_another_account_sees_what_was_typed_and_it_is_applied_to_neither() {
    let owner = Visitor::owner().await;
    let edit = format!("/settings/webhooks/{}/edit", owner.endpoint().await.id);
    let (mut owner, cookie) = kept(owner, &edit, &orders()).await;
    owner.sign_up_elsewhere("other@example.com").await;
    let page = owner.get_with_cookie(PATH, &cookie).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.html.contains("https://example.com/hooks") && !page.html.contains("hunter2"), "{}", page.html);
    let stored = owner.account().endpoints().list().await.expect("endpoints").remove(0);
    assert_eq!((&*stored.url, &*stored.description), ("https://example.com/webhooks", "Orders"));
}

#[tokio::test]
async fn each_form_that_can_be_shown_again_is_shown_and_changes_nothing() {
    let owner = Visitor::owner().await;
    let webhook = owner.endpoint().await.id;
    for (path, form, value) in [
        ("/settings/account/threshold".to_owned(), encode(&[(&THRESHOLD, "45.5")]), r#"value="45.5""#),
        ("/settings/account/threshold".to_owned(), encode(&[(&THRESHOLD, "")]), r#"name="threshold""#),
        (
            "/settings/api-keys".to_owned(),
            encode(&[(&NAME, "backend"), (&SCOPES, "events:write")]),
            r#"value="backend""#,
        ),
        (
            people::INVITATIONS_PATH.to_owned(),
            encode(&[(&EMAIL, "bob@example.com"), (&ROLE, "viewer")]),
            r#"value="bob@example.com""#,
        ),
        (format!("/settings/webhooks/{webhook}/edit"), orders(), r#"value="Orders &amp; more""#),
    ] {
        let before = rows(&owner).await;
        let request = format!("{}={}&{}", TO.name, path.replace('/', "%2F"), prefixed(&form));
        let page = owner.post(PATH, &request).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.html);
        assert!(page.html.contains(value) && page.html.contains("Nothing is saved yet"), "{path}: {}", page.html);
        assert_eq!(rows(&owner).await, before, "{path}");
    }
}

/// A form whose names have the mark of a kept one.
fn prefixed(form: &str) -> String {
    form.split('&').map(|pair| format!("{KEPT}{pair}")).collect::<Vec<_>>().join("&")
}

async fn rows(visitor: &Visitor) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["accounts", "endpoints", "api_keys", "invitations", "memberships", "audit_log"] {
        all.extend(visitor.database.rows(table).await);
    }
    all
}

#[tokio::test]
async fn a_button_that_was_pressed_leads_back_to_its_page_and_does_nothing() {
    let owner = Visitor::owner().await;
    let webhook = format!("/settings/webhooks/{}", owner.endpoint().await.id);
    let (owner, cookie) = kept(owner, &format!("{webhook}/pause"), "").await;
    let back = owner.get_with_cookie(PATH, &cookie).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    assert!(back.location().starts_with(&webhook), "{}", back.location());
    assert!(owner.account().endpoints().list().await.expect("endpoints")[0].disabled.is_none());
}

#[tokio::test]
async fn a_form_too_long_for_a_cookie_stays_in_its_page() {
    let owner = Visitor::owner().await;
    let session = owner.session().clone();
    let long = encode(&[(&URL, "https://example.com/hooks"), (&DESCRIPTION, &"x".repeat(4_000)), (&EVENTS, "*")]);
    let stranger = owner.signed_out();
    let answer = stranger.post(NEW_PATH, &long).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!((answer.hidden(TO.name), answer.hidden("kept.url")), (NEW_PATH, "https://example.com/hooks"));
    let owner = stranger.with_session(session);
    let request = format!("to={}&{}", NEW_PATH.replace('/', "%2F"), prefixed(&long));
    assert!(owner.post(PATH, &request).await.html.contains(&"x".repeat(4_000)));
    assert_eq!(webhooks(&owner).await, 0);
}

fn with_id(form: &str, id: &str) -> String {
    format!("{form}&{}={id}", crate::form::FORM_ID.name)
}

/// The API key on the page that an answer leads to.
async fn key_after(owner: &Visitor, made: &Answer) -> bool {
    owner.get_with_cookie(made.location(), made.cookie()).await.html.contains("signet_sk_")
}

#[tokio::test]
async fn a_form_that_is_sent_twice_makes_one_thing_and_leads_to_it_twice() {
    let owner = Visitor::owner().await;
    let id = owner.get(api_keys::PATH).await.hidden("form-id").to_owned();
    assert!(id.len() >= 16, "{id}");
    let form = with_id(&encode(&[(&NAME, "backend"), (&SCOPES, "events:write")]), &id);
    let (first, second) = (owner.post(api_keys::PATH, &form).await, owner.post(api_keys::PATH, &form).await);
    assert_eq!((first.status, first.location()), (second.status, second.location()));
    assert!(key_after(&owner, &first).await && key_after(&owner, &second).await, "both show the one key");
    assert_eq!(owner.account().api_keys().list().await.expect("keys").len(), 1);

    let altered = owner.post(api_keys::PATH, &form.replace("backend", "billing")).await;
    assert_eq!(altered.status, StatusCode::OK);
    assert!(
        altered.html.contains(r#"value="billing""#) && altered.html.contains("was sent before"),
        "{}",
        altered.html
    );
    assert!(!altered.hidden("form-id").is_empty() && altered.hidden("form-id") != id, "it has an id of its own");
    assert_eq!(owner.account().api_keys().list().await.expect("keys").len(), 1);
    assert!(once::text::SENT_BEFORE.contains("was sent before"));
}

#[tokio::test]
async fn the_id_of_a_form_that_was_refused_is_free_again() {
    let owner = Visitor::owner().await;
    let form = |email: &str| with_id(&encode(&[(&EMAIL, email), (&ROLE, "viewer")]), "an-id-of-a-form");
    let refused = owner.post(people::INVITATIONS_PATH, &form("nobody")).await;
    assert_eq!((refused.status, refused.hidden("form-id")), (StatusCode::UNPROCESSABLE_ENTITY, "an-id-of-a-form"));
    assert!(refused.html.contains("<title>Error: "), "{}", refused.html);
    for _ in 0..2 {
        let invited = owner.post(people::INVITATIONS_PATH, &form("bob@example.com")).await;
        assert_eq!(invited.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(owner.account().members().invitations().await.expect("a list").len(), 1);
}

#[test]
fn what_is_never_kept_is_marked_as_secret() {
    assert!(SECRETS.iter().all(|field| field.secret));
    assert!(is_secret("new-password") && is_secret("code") && !is_secret("description"));
}
