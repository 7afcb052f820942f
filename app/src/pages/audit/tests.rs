use std::collections::BTreeSet;

use axum::http::{StatusCode, header};
use signet_engine::{audit::Action, testing::account};

use super::*;
use crate::testing::Visitor;

async fn busy() -> Visitor {
    let owner = Visitor::owner().await;
    let webhook = owner.endpoint().await.id;
    owner.post(&format!("/settings/webhooks/{webhook}/pause"), "").await;
    owner
}

#[tokio::test]
async fn the_page_tells_who_changed_what_and_filters() {
    let owner = busy().await;
    let all = owner.get(PATH).await;
    for shown in ["Webhook paused", "Webhook created", "owner@example.com"] {
        assert!(all.html.contains(shown), "{shown}: {}", all.html);
    }
    let keys = owner.get(&format!("{PATH}?about=api_key")).await;
    assert!(keys.html.contains(text::NO_MATCH) && !keys.html.contains("Webhook paused"));
    let mine = owner.get(&format!("{PATH}?by=owner%40example.com&about=endpoint")).await;
    assert!(mine.html.contains("Webhook paused") && !mine.html.contains("Webhook created"));
    let long_ago = owner.get(&format!("{PATH}?until=2001-01-01")).await;
    assert!(long_ago.html.contains(text::NO_MATCH));
}

#[test]
fn each_action_can_be_chosen_by_its_noun_and_each_noun_has_an_action() {
    let of_actions: BTreeSet<_> = Action::ALL.iter().filter_map(|action| action.as_str().split('.').next()).collect();
    let offered: BTreeSet<_> = text::NOUNS.iter().map(|(noun, _)| *noun).collect();
    assert_eq!(offered, of_actions);
}

#[tokio::test]
async fn a_day_that_is_none_comes_back_with_the_remedy() {
    let refused = busy().await.get(&format!("{PATH}?since=yesterday&by=a")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.html.contains(text::DAY) && refused.html.contains("value=\"yesterday\""));
}

#[tokio::test]
async fn the_log_is_exported_as_csv_and_as_json_lines() {
    let owner = busy().await;
    let csv = owner.get(&format!("{PATH}/export?format=csv&about=endpoint")).await;
    assert_eq!(csv.header(header::CONTENT_TYPE), "text/csv; charset=utf-8");
    let lines: Vec<_> = csv.html.lines().collect();
    assert!(lines[0].starts_with("number,at,action") && lines[1].contains("endpoint.paused"), "{lines:?}");
    assert_eq!(lines.len(), 3);
    let json = owner.get(&format!("{PATH}/export?format=ndjson")).await;
    let first: serde_json::Value = serde_json::from_str(json.html.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&first["action"], &first["actorName"]), (&"endpoint.paused".into(), &"owner@example.com".into()));
    assert_eq!(owner.get(&format!("{PATH}/export?format=xls")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_log_shows_no_entry_of_another_account() {
    let mut owner = busy().await;
    let other = account(&owner.engine, "other").await;
    owner.sign_up(other, "other@example.com").await;
    let page = owner.get(PATH).await;
    assert!(!page.html.contains("Webhook paused") && page.html.contains("Account created"), "{}", page.html);
    assert!(!owner.get(&format!("{PATH}/export?format=csv")).await.html.contains("endpoint"));
}
