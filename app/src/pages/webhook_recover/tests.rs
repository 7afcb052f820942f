//! Failed deliveries are found, and sent again.

use signet_engine::{
    service::deliveries::Filter,
    testing::{Hands, account, completed, endpoint, log},
};
use signet_model::{AccountId, delivery::State};

use super::*;
use crate::testing::{Visitor, encode};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_205);

/// A form with this time and these event types.
fn query(since: &str, types: &[&str]) -> String {
    let types = types.iter().map(|&kind| (&EVENTS, kind));
    encode(&[(&SINCE, since)].into_iter().chain(types).collect::<Vec<_>>())
}

/// A form that selects the last hour.
fn last_hour() -> String {
    query("2026-03-28T11:00", &["task.completed", "task.failed"])
}

fn form(since: &str, selectors: &[Selector]) -> Form {
    Form::blank().with(&SINCE, since).with_selectors(&EVENTS, selectors.iter().cloned())
}

#[test]
fn an_untouched_form_selects_all_types_of_the_last_day() {
    let mut form = untouched(NOW);
    assert_eq!(form.get(&SINCE), "2026-03-27T12:00:00Z");
    let selection = selection(&mut form, NOW).expect("a selection");
    assert_eq!(selection.types, Subscriptions::all());
    assert_eq!(selection.since.rfc3339_seconds(), "2026-03-27T12:00:00Z");
}

#[test]
fn a_time_in_the_future_is_refused_with_the_present_time() {
    assert!(selection(&mut form("2026-03-28T12:00:05", &[Selector::All]), NOW).is_ok());
    let mut form = form("2026-03-28T12:00:06", &[Selector::All]);
    assert_eq!(selection(&mut form, NOW), Err(Invalid));
    let message = "Choose a time that has passed. It is 28 Mar 2026, 12:00:05 UTC now.";
    assert_eq!(form.error(&SINCE), Some(message));
}

#[test]
fn all_errors_are_shown_at_once() {
    let mut form = form("yesterday", &[]);
    assert_eq!(selection(&mut form, NOW), Err(Invalid));
    assert_eq!(form.error(&SINCE), Some(text::SINCE_INVALID));
    assert_eq!(form.error(&EVENTS), Some("Choose at least one event."));
    assert!(!form.has_focus(&SINCE), "the summary of the errors has it");
}

/// Lets deliveries fail, and re-enables the endpoint.
async fn fail(visitor: &Visitor, account: AccountId, endpoint: EndpointId, count: u32) {
    let hands = Hands(&visitor.engine);
    for _ in 0..count {
        let (_, in_flight) = hands.ingest(completed(&visitor.engine, account, "task_1")).await;
        for one in in_flight {
            hands.finish(one, 410).await;
        }
        visitor.engine.as_operator_in(account).endpoint(endpoint).enable().await.expect("enabled");
    }
}

async fn states(visitor: &Visitor, account: AccountId, endpoint: EndpointId) -> Vec<State> {
    let log = log(&visitor.engine, account, endpoint, &Filter::default(), 10).await;
    log.iter().map(|delivery| delivery.state).collect()
}

/// The owner of a webhook with this number of failed deliveries, the webhook, and the
/// address of the page.
async fn owner_with_failures(count: u32) -> (Visitor, EndpointId, String) {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await.id;
    fail(&owner, owner.account, endpoint, count).await;
    (owner, endpoint, path(endpoint))
}

#[tokio::test]
async fn an_untouched_form_asks_for_the_last_day_and_counts_no_deliveries_yet() {
    let (owner, endpoint, path) = owner_with_failures(1).await;
    let link = format!("href=\"{path}\"");
    assert!(owner.get(&endpoint_path(endpoint)).await.html.contains(&link));
    let page = owner.get(&path).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains(r#"type="datetime-local" value="2026-03-27T12:00""#), "{}", page.html);
    assert_eq!(page.html.matches(" checked").count(), 1);
    assert!(!page.html.contains("id=\"found\""));
    assert!(!page.html.contains("/pkg/a.js"));
}

#[tokio::test]
async fn a_time_is_typed_in_the_zone_of_the_reader_and_the_address_has_it_in_utc() {
    let (owner, _, path) = owner_with_failures(1).await;
    let zone = (axum::http::header::COOKIE, "__Host-signet-zone=Europe/Vienna");
    let page = owner.get_with(&path, std::slice::from_ref(&zone)).await.html;
    assert!(page.contains(r#"type="datetime-local" value="2026-03-27T13:00""#), "{page}");
    assert!(page.contains(r#"name="zone" value="Europe/Vienna""#) && page.contains("27 Mar 2026, 12:00:00 UTC"));
    let typed = format!("{path}?since=2026-03-28T12%3A00&zone=Europe%2FVienna&event=task.completed");
    let answer = owner.get_with(&typed, std::slice::from_ref(&zone)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), format!("{path}?since=2026-03-28T11%3A00%3A00Z&event=task.completed"));
    let found = owner.get_with(answer.location(), &[zone]).await.html;
    assert!(found.contains("1 failed delivery") && found.contains(r#"value="2026-03-28T12:00""#), "{found}");
}

#[tokio::test]
async fn a_search_names_the_deliveries_and_leaves_them_as_they_are() {
    let (owner, endpoint, path) = owner_with_failures(3).await;
    let page = owner.get(&format!("{path}?{}", last_hour())).await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "3 failed deliveries",
        "28 Mar 2026, 11:00:00 UTC",
        "10 a second",
        r#"<input type="hidden" name="since" value="2026-03-28T11:00:00Z">"#,
        r#"<input type="hidden" name="event" value="task.completed">"#,
        "Send 3 deliveries again",
    ] {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    assert!(!page.html.contains(r#"<input type="hidden" name="event" value="balance.low">"#));
    assert_eq!(states(&owner, owner.account, endpoint).await, [State::Failed; 3]);
}

#[tokio::test]
async fn the_selected_deliveries_are_sent_again_and_the_next_page_says_so() {
    let (owner, endpoint, path) = owner_with_failures(2).await;
    let answer = owner.post(&path, &last_hour()).await;
    let log = delivery_log::path(endpoint);
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, log.as_str()));
    assert_eq!(states(&owner, owner.account, endpoint).await, [State::Pending; 2]);
    let page = owner.get_with_cookie(&log, answer.cookie()).await;
    assert!(page.html.contains("2 failed deliveries are being sent again."));
}

#[tokio::test]
async fn a_search_that_finds_no_deliveries_names_the_remedy() {
    let (owner, endpoint, path) = owner_with_failures(1).await;
    for query in [query("2026-03-28T11:00", &["balance.low"]), query("2026-03-28T12:00", &["task.failed"])] {
        let page = owner.get(&format!("{path}?{query}")).await;
        assert!(page.html.contains("Nothing to send again") && page.html.contains("Choose an earlier time"), "{query}");
        assert!(!page.html.contains(r#"<form method="post" action="/settings/webhooks"#), "{query}");
        let answer = owner.post(&path, &query).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.flash(), text::sent(0));
    }
    assert_eq!(states(&owner, owner.account, endpoint).await, [State::Failed]);
}

#[tokio::test]
async fn the_page_shows_the_search_and_its_result() {
    let (owner, _, path) = owner_with_failures(1).await;
    insta::assert_snapshot!("untouched", owner.get(&path).await.content());
    let get = async |query: String| owner.get(&format!("{path}?{query}")).await.content();
    insta::assert_snapshot!("found", get(last_hour()).await);
    insta::assert_snapshot!("none", get(query("2026-03-28T11:00", &["balance.low"])).await);
    insta::assert_snapshot!("refused", get(query("yesterday", &[])).await);
}

#[tokio::test]
async fn a_wrong_entry_comes_back_as_it_was_typed() {
    let (owner, endpoint, path) = owner_with_failures(1).await;
    for (form, message) in [
        (query("<yesterday>", &["task.failed"]), text::SINCE_INVALID),
        (encode(&[(&EVENTS, "task.failed")]), text::SINCE_INVALID),
        (query("2026-03-28T12:01", &["task.failed"]), "Choose a time that has passed."),
        (query("2026-03-28T11:00", &[]), "Choose at least one event."),
        (query("2026-03-28T11:00", &["Task Lost"]), "Choose at least one event."),
    ] {
        for answer in [owner.get(&format!("{path}?{form}")).await, owner.post(&path, &form).await] {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
            assert!(answer.html.contains(message), "{form}: {}", answer.html);
            assert!(!answer.html.contains("id=\"found\""), "{form}");
        }
    }
    let answer = owner.post(&path, &query("<yesterday>", &["task.failed"])).await;
    assert!(answer.html.contains(r#"value="&lt;yesterday&gt;""#), "{}", answer.html);
    assert_eq!(answer.html.matches(" checked").count(), 1);
    assert_eq!(answer.html.matches(" autofocus").count(), 1);
    assert_eq!(states(&owner, owner.account, endpoint).await, [State::Failed]);
}

#[tokio::test]
async fn a_disabled_webhook_must_be_enabled_first() {
    let (owner, endpoint, path) = owner_with_failures(1).await;
    owner.account().endpoint(endpoint).pause().await.expect("paused");
    let found = owner.get(&format!("{path}?{}", last_hour())).await;
    let tried = owner.post(&path, &last_hour()).await;
    assert_eq!((found.status, tried.status), (StatusCode::OK, StatusCode::UNPROCESSABLE_ENTITY));
    for page in [owner.get(&path).await, found, tried] {
        assert!(page.html.contains("This webhook is paused.") && page.html.contains("Re-enable it"));
        assert!(!page.html.contains("Send 1 delivery again"));
    }
    let found = owner.get(&format!("{path}?{}", last_hour())).await;
    assert!(found.html.contains("1 failed delivery") && found.html.contains("Re-enable this webhook"));
    assert_eq!(states(&owner, owner.account, endpoint).await, [State::Failed]);
}

#[tokio::test]
async fn another_account_finds_and_sends_no_deliveries() {
    let visitor = Visitor::owner().await;
    let other = account(&visitor.engine, "other").await;
    let theirs = endpoint(&visitor.engine, other).await;
    fail(&visitor, other, theirs, 1).await;
    let path = path(theirs);
    for form in [&*last_hour(), "", "since=x"] {
        assert_eq!(visitor.get(&format!("{path}?{form}")).await.status, StatusCode::NOT_FOUND, "{form}");
        assert_eq!(visitor.post(&path, form).await.status, StatusCode::NOT_FOUND, "{form}");
    }
    assert_eq!(states(&visitor, other, theirs).await, [State::Failed]);
}
