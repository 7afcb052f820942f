//! The form as a browser sends it.

use axum::http::StatusCode;
use signet_engine::{Settings, testing::sqlite};

use super::*;
use crate::testing::{Visitor, encode};

/// A complete form for a new webhook with these values before the secret's.
fn new_webhook(fields: &[(&Field, &str)]) -> String {
    let secret = Secret::new([1; 32]);
    encode(&[fields, &[(&SECRET, secret.reveal())]].concat())
}

fn orders() -> String {
    new_webhook(&[(&URL, "https://example.com/webhooks"), (&DESCRIPTION, "Orders"), (&EVENTS, "task.failed")])
}

#[tokio::test]
async fn the_page_shows_a_blank_form_and_one_with_the_values_of_a_webhook() {
    let owner = Visitor::owner().await;
    insta::assert_snapshot!("new", owner.get(NEW_PATH).await.content());
    let path = format!("{}/edit", endpoint_path(owner.endpoint().await.id));
    insta::assert_snapshot!("edit", owner.get(&path).await.content());
    insta::assert_snapshot!("refused", owner.post(&path, &encode(&[(&URL, "http://a..b")])).await.content());
}

#[tokio::test]
async fn an_invalid_form_keeps_its_values_and_shows_all_errors_at_once() {
    let owner = Visitor::owner().await;
    let form = new_webhook(&[(&URL, "http://example.com"), (&DESCRIPTION, "For <us>\0")]);
    let answer = owner.post(NEW_PATH, &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in [
        r#"value="http://example.com""#,
        r#"value="For &lt;us&gt;"#,
        Secret::new([1; 32]).reveal(),
        r#"aria-describedby="url-error url-hint""#,
        "not http://",
        "U+0000",
        words::NO_EVENT_TYPE,
    ] {
        assert!(answer.html.contains(kept), "{kept}");
    }
    assert_eq!(answer.html.matches(" autofocus").count(), 1);
    assert_eq!(owner.account().endpoints().list().await.expect("endpoints").len(), 0);
}

#[tokio::test]
async fn a_webhook_is_created_with_the_secret_that_was_shown() {
    let owner = Visitor::owner().await;
    let answer = owner.post(NEW_PATH, &orders()).await;
    assert_eq!((answer.status, answer.flash()), (StatusCode::SEE_OTHER, text::CREATED.to_owned()), "{}", answer.html);
    let endpoints = owner.account().endpoints().list().await.expect("endpoints");
    assert_eq!(answer.location(), endpoint_path(endpoints[0].id));
    let kept = owner.account().endpoint(endpoints[0].id).secret().await.expect("a secret");
    assert_eq!(kept, Secret::new([1; 32]));
}

#[tokio::test]
async fn one_form_that_is_sent_twice_makes_one_webhook_and_leads_to_it() {
    let owner = Visitor::owner().await;
    let (first, second) = (owner.post(NEW_PATH, &orders()).await, owner.post(NEW_PATH, &orders()).await);
    assert_eq!((first.location(), first.flash()), (second.location(), second.flash()));
    assert_eq!(owner.account().endpoints().list().await.expect("endpoints").len(), 1);

    let changed = owner.post(NEW_PATH, &orders().replace("Orders", "Invoices")).await;
    assert_eq!((changed.location(), changed.flash()), (first.location(), text::CREATED_BEFORE.to_owned()));
}

#[tokio::test]
async fn a_webhook_beyond_the_limit_is_refused_and_the_form_keeps_its_values() {
    let settings = Settings { max_endpoints_per_account: 1, ..Settings::default() };
    let owner = Visitor::owner_at(sqlite().await, settings).await;
    owner.endpoint().await;
    let refused = owner.post(NEW_PATH, &orders()).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in [&*text::too_many(1), r#"value="Orders""#, "example.com/webhooks"] {
        assert!(refused.html.contains(kept), "{kept}");
    }
}

#[tokio::test]
async fn an_edited_webhook_has_the_values_of_the_form() {
    let owner = Visitor::owner().await;
    let path = endpoint_path(owner.endpoint().await.id);
    let form = [(&URL, "https://example.com/b"), (&DESCRIPTION, "Bills"), (&EVENTS, "balance.low")];
    let saved = owner.post(&format!("{path}/edit"), &encode(&form)).await;
    assert_eq!((saved.location(), saved.flash()), (&*path, text::SAVED.to_owned()));
    let endpoint = owner.account().endpoints().list().await.expect("endpoints").remove(0);
    assert_eq!((&*endpoint.url, &*endpoint.description), ("https://example.com/b", "Bills"));
    assert_eq!(endpoint.event_types.to_string(), "balance.low");
}
