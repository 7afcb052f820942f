//! Forms whose session has ended before they were sent, and forms that come twice.

use axum::http::{StatusCode, header};
use signet_engine::{
    actor::Operator,
    service::{
        event_types::{EventTypeContent, EventTypeDraft},
        portal_links::PortalLinkDraft,
    },
};
use signet_model::{portal::PortalRole, signature::Secret};

use super::*;
use crate::{
    once,
    pages::{
        account::THRESHOLD,
        api_keys::{NAME, SCOPES},
        people::{EMAIL, ROLE},
        webhook_form::{DESCRIPTION, EVENTS, NEW_PATH, SECRET, URL, options},
        webhook_recover,
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

/// Each form that can be shown again, filled in, with a part of the page that has what was typed.
async fn filled_in(operator: &Visitor) -> Vec<(String, String, &'static str)> {
    let webhook = operator.endpoint().await.id;
    let account = operator.account;
    let person = operator.session().person().expect("a person");
    operator.engine.event_types().create(&Operator::signet(), order_paid()).await.expect("made");
    let recover = encode(&[(&webhook_recover::SINCE, "2026-03-28T11:00"), (&EVENTS, "task.completed")]);
    vec![
        (NEW_PATH.to_owned(), orders(), r#"value="Orders &amp; more""#),
        (format!("/settings/webhooks/{webhook}/edit"), orders(), r#"value="Orders &amp; more""#),
        (format!("/settings/webhooks/{webhook}/recover"), recover, r#"value="2026-03-28T11:00""#),
        ("/settings/account/threshold".to_owned(), encode(&[(&THRESHOLD, "45.5")]), r#"value="45.5""#),
        ("/settings/account/threshold".to_owned(), encode(&[(&THRESHOLD, "")]), r#"name="threshold""#),
        (api_keys::PATH.to_owned(), encode(&[(&NAME, "backend"), (&SCOPES, "events:write")]), r#"value="backend""#),
        (
            people::INVITATIONS_PATH.to_owned(),
            encode(&[(&EMAIL, "bob@example.com"), (&ROLE, "viewer")]),
            r#"value="bob@example.com""#,
        ),
        (format!("/settings/people/{person}/role"), encode(&[(&ROLE, "viewer")]), r#"value="viewer""#),
        ("/operator/accounts".to_owned(), "name=bakery".to_owned(), r#"value="bakery""#),
        (format!("/operator/accounts/{account}/name"), "name=bakery".to_owned(), r#"value="bakery""#),
        (format!("/operator/accounts/{account}/balance"), "balance=45.5".to_owned(), r#"value="45.5""#),
        (format!("/operator/accounts/{account}/threshold"), "threshold=45.5".to_owned(), r#"value="45.5""#),
        ("/operator/api-keys".to_owned(), "name=backend&scope=events%3Awrite".to_owned(), r#"value="backend""#),
        (
            "/operator/event-types/new".to_owned(),
            "name=order.sent&description=An+order&schema=%7B%7D&reference=orderId".to_owned(),
            r#"value="orderId""#,
        ),
        (
            "/operator/event-types/types/order.paid".to_owned(),
            "description=An+order&version=1&sample=%7B%7D".to_owned(),
            r#"value="An order""#,
        ),
    ]
}

fn order_paid() -> EventTypeDraft {
    EventTypeDraft { name: "order.paid".parse().expect("a name"), content: EventTypeContent::default() }
}

#[tokio::test]
async fn each_form_that_can_be_shown_again_is_shown_and_changes_nothing() {
    let operator = Visitor::operator().await;
    let forms = filled_in(&operator).await;
    for pattern in REVIEWED {
        assert!(forms.iter().any(|(path, ..)| matches(pattern, path)), "{pattern} is not tried");
    }
    for (path, form, value) in forms {
        let before = rows(&operator).await;
        let request = format!("{}={}&{}", TO.name, path.replace('/', "%2F"), prefixed(&form));
        let page = operator.post(PATH, &request).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.html);
        assert!(page.html.contains(value) && page.html.contains("Nothing is saved yet"), "{path}: {}", page.html);
        assert_eq!(rows(&operator).await, before, "{path}");
    }
}

#[tokio::test]
async fn each_form_that_is_sent_after_the_session_has_ended_comes_back_filled_in() {
    let mut operator = Visitor::operator().await;
    for (path, form, value) in filled_in(&operator).await {
        let before = rows(&operator).await;
        let (back, cookie) = kept(operator, &path, &form).await;
        operator = back;
        let page = operator.get_with_cookie(PATH, &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.html);
        assert!(page.html.contains(value) && page.html.contains("Nothing is saved yet"), "{path}: {}", page.html);
        assert_eq!(rows(&operator).await, before, "{path}");
    }
}

#[tokio::test]
async fn a_form_that_was_kept_is_forgotten_once_it_is_sent() {
    let (owner, cookie) = kept(Visitor::owner().await, NEW_PATH, &orders()).await;
    let elsewhere = owner
        .post_with(api_keys::PATH, &encode(&[(&NAME, "k"), (&SCOPES, "events:write")]), &[(header::COOKIE, &*cookie)])
        .await;
    assert_eq!((elsewhere.status, elsewhere.cookie_named(COOKIE)), (StatusCode::SEE_OTHER, ""), "another form");
    let sent = owner.post_with(NEW_PATH, &orders(), &[(header::COOKIE, &*cookie)]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert!(
        sent.headers
            .get_all(header::SET_COOKIE)
            .iter()
            .any(|it| { it.to_str().is_ok_and(|it| it.starts_with(&format!("{COOKIE}=; Max-Age=0"))) })
    );
    assert_eq!(webhooks(&owner).await, 1);
}

const FRAME: [(header::HeaderName, &str); 1] = [(header::HeaderName::from_static("sec-fetch-dest"), "iframe")];

/// The path of a new link for a frame.
async fn portal_link(visitor: &Visitor) -> String {
    let draft = PortalLinkDraft { embedded: true, ..PortalLinkDraft::new(PortalRole::Developer) };
    format!("/portal/{}", visitor.account().create_portal_link(&draft).await.expect("a link").token)
}

#[tokio::test]
async fn a_form_in_a_frame_is_kept_and_shown_as_soon_as_the_service_opens_it_again() {
    let mut visitor = Visitor::stranger().await;
    let kept = visitor.post_with(NEW_PATH, &orders(), &FRAME).await;
    assert_eq!(kept.status, StatusCode::UNAUTHORIZED);
    assert!(kept.html.contains("comes back as soon as") && kept.html.contains("Orders &amp; more"), "{}", kept.html);
    assert!(!kept.html.contains("hunter2") && !kept.html.contains("/login"), "{}", kept.html);
    let cookie = kept.header(header::SET_COOKIE).to_owned();
    assert!(cookie.ends_with("SameSite=None; Partitioned"), "{cookie}");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();

    let ended = visitor.get_with(PATH, &[FRAME[0].clone(), (header::COOKIE, &*cookie)]).await;
    assert_eq!(ended.status, StatusCode::UNAUTHORIZED, "nobody signs in in a frame");
    let opened =
        visitor.post_with(&portal_link(&visitor).await, "", &[FRAME[0].clone(), (header::COOKIE, &*cookie)]).await;
    assert_eq!((opened.status, opened.location()), (StatusCode::SEE_OTHER, PATH));
    visitor.come_in(opened.cookie_named("__Host-signet-portal").split_once('=').expect("a session").1).await;
    let page = visitor.get_with(PATH, &[FRAME[0].clone(), (header::COOKIE, &*cookie)]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.html);
    assert!(page.html.contains(r#"value="https://example.com/hooks""#) && page.html.contains("Nothing is saved yet"));
    assert_eq!(webhooks(&visitor).await, 0);

    let opened = visitor.post_with(&portal_link(&visitor).await, "", &FRAME).await;
    assert_eq!(opened.location(), "/settings/webhooks", "nothing is carried");
}

#[tokio::test]
async fn a_form_in_a_frame_that_is_too_long_for_a_cookie_is_shown_to_be_copied() {
    let visitor = Visitor::stranger().await;
    let long = encode(&[(&URL, "https://example.com/hooks"), (&DESCRIPTION, &"x".repeat(4_000)), (&EVENTS, "*")]);
    let answer = visitor.post_with(NEW_PATH, &long, &FRAME).await;
    assert_eq!((answer.status, answer.header(header::SET_COOKIE)), (StatusCode::UNAUTHORIZED, ""));
    assert!(answer.html.contains(&"x".repeat(4_000)) && answer.html.contains("Copy what you need"), "{}", answer.html);
}

#[tokio::test]
async fn a_form_after_too_many_attempts_keeps_what_was_typed_and_is_sent_again_from_there() {
    let visitor = Visitor::owner().await.signed_out();
    let wrong = encode(&[(&login::EMAIL, "owner@example.com"), (&login::PASSWORD, "a wrong password")]);
    let refused = loop {
        let answer = visitor.post(login::PATH, &format!("{wrong}&next=%2Fsettings%2Fpeople")).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            break answer;
        }
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    };
    assert!(!refused.header(header::RETRY_AFTER).is_empty());
    assert_eq!((refused.hidden("email"), refused.hidden("next")), ("owner@example.com", "/settings/people"));
    assert!(refused.html.contains(r#"<form method="post" action="/login""#), "{}", refused.html);
    assert!(refused.html.contains(r#"name="password" type="password""#), "{}", refused.html);
    assert!(!refused.html.contains("a wrong password"), "secrets are not kept");

    // A form whose session has ended meanwhile is an attempt too, and can be very long.
    let long = format!("{}&note={}", orders(), "y".repeat(5_000));
    let refused = loop {
        let answer = visitor.post(NEW_PATH, &long).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            break answer;
        }
    };
    assert_eq!(refused.hidden("url"), "https://example.com/hooks");
    assert!(refused.html.contains(&"y".repeat(5_000)) && !refused.html.contains("hunter2"), "{}", refused.html);
    assert_eq!(webhooks(&visitor).await, 0);
}

/// A form whose names have the mark of a kept one.
fn prefixed(form: &str) -> String {
    form.split('&').map(|pair| format!("{KEPT}{pair}")).collect::<Vec<_>>().join("&")
}

async fn rows(visitor: &Visitor) -> Vec<String> {
    let mut all = Vec::new();
    for table in
        ["accounts", "endpoints", "deliveries", "api_keys", "invitations", "memberships", "event_types", "audit_log"]
    {
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
