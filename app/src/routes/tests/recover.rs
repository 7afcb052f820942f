//! Failed deliveries are found, and sent again.

use axum::http::{StatusCode, header};
use signet_engine::{
    store::deliveries::Filter,
    testing::{Hands, account, completed, endpoint, log},
};
use signet_model::{AccountId, EndpointId, delivery::State};

use crate::testing::Visitor;

const QUERY: &str = "since=2026-03-28T11%3A00&event=task.completed&event=task.failed";

/// Deliveries are given up, and the endpoint is enabled again.
async fn fail(visitor: &Visitor, account: AccountId, endpoint: EndpointId, count: u32) {
    let hands = Hands(&visitor.engine);
    for _ in 0..count {
        let (_, in_flight) = hands.ingest(completed(&visitor.engine, account, "task_1")).await;
        for one in in_flight {
            hands.finish(one, 410).await;
        }
        visitor.engine.enable_endpoint(account, endpoint).await.expect("enabled");
    }
}

async fn states(visitor: &Visitor, account: AccountId, endpoint: EndpointId) -> Vec<State> {
    let log = log(&visitor.engine, account, endpoint, Filter::default(), 10).await;
    log.iter().map(|delivery| delivery.state).collect()
}

/// The owner of a webhook at which so many deliveries have failed, the webhook,
/// and the address of the page.
async fn owner_with_failures(count: u32) -> (Visitor, EndpointId, String) {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await.id;
    fail(&owner, owner.account, endpoint, count).await;
    (owner, endpoint, format!("/settings/webhooks/{endpoint}/recover"))
}

#[tokio::test]
async fn an_untouched_form_asks_for_the_last_day_and_counts_nothing_yet() {
    let (owner, endpoint, path) = owner_with_failures(1).await;
    let link = format!("href=\"{path}\"");
    assert!(owner.get(&format!("/settings/webhooks/{endpoint}")).await.html.contains(&link));
    let page = owner.get(&path).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains(r#"type="datetime-local" value="2026-03-27T12:00""#), "{}", page.html);
    assert_eq!(page.html.matches(" checked").count(), 3);
    assert!(!page.html.contains("id=\"found\""));
    assert!(!page.html.contains("<script"));
}

#[tokio::test]
async fn a_search_says_what_would_be_sent_and_changes_nothing() {
    let (owner, endpoint, path) = owner_with_failures(3).await;
    let page = owner.get(&format!("{path}?{QUERY}")).await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "3 failed deliveries",
        "28 Mar 2026, 11:00:00 UTC",
        "10 a second",
        r#"<input type="hidden" name="since" value="2026-03-28T11:00">"#,
        r#"<input type="hidden" name="event" value="task.completed">"#,
        "Send 3 deliveries again",
    ] {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    assert!(!page.html.contains(r#"<input type="hidden" name="event" value="balance.low">"#));
    assert_eq!(states(&owner, owner.account, endpoint).await, [State::Failed; 3]);
}

#[tokio::test]
async fn what_was_found_is_sent_again_and_the_next_page_says_so() {
    let (owner, endpoint, path) = owner_with_failures(2).await;
    let answer = owner.post(&path, QUERY).await;
    let log = format!("/settings/webhooks/{endpoint}/deliveries");
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, log.as_str()));
    assert_eq!(states(&owner, owner.account, endpoint).await, [State::Pending; 2]);
    let cookie = answer.header(header::SET_COOKIE).split(';').next().unwrap_or_default();
    let page = owner.get_with_cookie(&log, cookie).await;
    assert!(page.html.contains("2 failed deliveries are being sent again."));
}

#[tokio::test]
async fn a_search_without_a_find_says_what_to_do() {
    let (owner, endpoint, path) = owner_with_failures(1).await;
    for query in ["since=2026-03-28T11%3A00&event=balance.low", "since=2026-03-28T12%3A00&event=task.failed"] {
        let page = owner.get(&format!("{path}?{query}")).await;
        assert!(page.html.contains("Nothing to send again") && page.html.contains("Choose an earlier time"), "{query}");
        assert!(!page.html.contains(r#"<form method="post" action="/settings/webhooks"#), "{query}");
        let answer = owner.post(&path, query).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(answer.header(header::SET_COOKIE).starts_with("__Host-signet-notice=recovered-0;"));
    }
    assert_eq!(states(&owner, owner.account, endpoint).await, [State::Failed]);
}

#[tokio::test]
async fn a_wrong_entry_comes_back_as_it_was_typed() {
    let (owner, endpoint, path) = owner_with_failures(1).await;
    for (form, message) in [
        ("since=%3Cyesterday%3E&event=task.failed", "Enter a date and a time"),
        ("event=task.failed", "Enter a date and a time"),
        ("since=2026-03-28T12%3A01&event=task.failed", "Choose a time that has passed."),
        ("since=2026-03-28T11%3A00", "Choose at least one event."),
        ("since=2026-03-28T11%3A00&event=task.lost", "Choose at least one event."),
    ] {
        for answer in [owner.get(&format!("{path}?{form}")).await, owner.post(&path, form).await] {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
            assert!(answer.html.contains(message), "{form}: {}", answer.html);
            assert!(!answer.html.contains("id=\"found\""), "{form}");
        }
    }
    let answer = owner.post(&path, "since=%3Cyesterday%3E&event=task.failed").await;
    assert!(answer.html.contains(r#"value="&lt;yesterday&gt;""#), "{}", answer.html);
    assert_eq!(answer.html.matches(" checked").count(), 1);
    assert_eq!(answer.html.matches(" autofocus").count(), 1);
    assert_eq!(states(&owner, owner.account, endpoint).await, [State::Failed]);
}

#[tokio::test]
async fn a_disabled_webhook_must_be_enabled_first() {
    let (owner, endpoint, path) = owner_with_failures(1).await;
    owner.engine.pause_endpoint(owner.account, endpoint).await.expect("paused");
    let found = owner.get(&format!("{path}?{QUERY}")).await;
    let tried = owner.post(&path, QUERY).await;
    assert_eq!((found.status, tried.status), (StatusCode::OK, StatusCode::UNPROCESSABLE_ENTITY));
    for page in [owner.get(&path).await, found, tried] {
        assert!(page.html.contains("This webhook is paused.") && page.html.contains("Re-enable it"));
        assert!(!page.html.contains("Send 1 delivery again"));
    }
    let found = owner.get(&format!("{path}?{QUERY}")).await;
    assert!(found.html.contains("1 failed delivery") && found.html.contains("Re-enable this webhook"));
    assert_eq!(states(&owner, owner.account, endpoint).await, [State::Failed]);
}

#[tokio::test]
async fn another_account_finds_and_sends_nothing() {
    let visitor = Visitor::owner().await;
    let other = account(&visitor.engine, "other").await;
    let theirs = endpoint(&visitor.engine, other).await;
    fail(&visitor, other, theirs, 1).await;
    let path = format!("/settings/webhooks/{theirs}/recover");
    for form in [QUERY, "", "since=x"] {
        assert_eq!(visitor.get(&format!("{path}?{form}")).await.status, StatusCode::NOT_FOUND, "{form}");
        assert_eq!(visitor.post(&path, form).await.status, StatusCode::NOT_FOUND, "{form}");
    }
    assert_eq!(states(&visitor, other, theirs).await, [State::Failed]);
}
