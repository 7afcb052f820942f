use std::time::Duration;

use axum::http::StatusCode;
use signet_engine::{
    service::resends::Pace,
    testing::{Hands, account, completed, endpoint},
};
use signet_model::EndpointId;

use super::*;
use crate::{pages::delivery_log, testing::Visitor};

/// Sends an event a second later, whose deliveries are answered with a status or left pending.
async fn event(owner: &Visitor, task: &str, status: Option<u16>) {
    owner.clock.advance(Duration::from_secs(1));
    let hands = Hands(&owner.engine);
    let (accepted, in_flight) = hands.ingest(completed(&owner.engine, owner.account, task)).await;
    accepted.expect("accepted");
    for one in in_flight {
        if let Some(status) = status {
            hands.finish(one, status).await;
        }
    }
}

/// An owner with a webhook, and deliveries with several results.
async fn with_deliveries() -> (Visitor, EndpointId) {
    let owner = Visitor::owner().await;
    let webhook = owner.endpoint().await.id;
    event(&owner, "task_fine", Some(200)).await;
    event(&owner, "task_failing", Some(503)).await;
    (owner, webhook)
}

async fn newest(owner: &Visitor) -> String {
    let handle = owner.engine.as_operator_in(owner.account);
    let log = handle.deliveries(&signet_engine::service::deliveries::Filter::default(), None, 1).await;
    log.expect("the log").deliveries.remove(0).expect("a usable one").id.to_string()
}

#[tokio::test]
async fn an_account_without_deliveries_is_told_when_they_appear() {
    let owner = Visitor::owner().await;
    insta::assert_snapshot!("empty", owner.get(PATH).await.content());
}

#[tokio::test]
async fn the_list_has_all_webhooks_and_a_filter_is_in_its_address() {
    let (owner, _) = with_deliveries().await;
    let page = owner.get(PATH).await;
    for shown in ["task_fine", "task_failing", "200 OK", "503 Service Unavailable", "example.com"] {
        assert!(page.html.contains(shown), "{shown}");
    }
    for (filter, found, left_out) in [
        ("state=delivered", "task_fine", "task_failing"),
        ("state=pending", "task_failing", "task_fine"),
        ("result=5xx", "task_failing", "task_fine"),
        ("status=200", "task_fine", "task_failing"),
        ("q=task_fa", "task_failing", "task_fine"),
        ("q=task_fine", "task_fine", "task_failing"),
    ] {
        let page = owner.get(&format!("{PATH}?{filter}")).await;
        assert_eq!(page.status, StatusCode::OK, "{filter}");
        let (_, rows) = page.html.split_once("<tbody").expect("rows");
        assert!(rows.contains(found) && !rows.contains(left_out), "{filter}");
    }
    let none = owner.get(&format!("{PATH}?state=discarded")).await;
    assert!(none.html.contains(text::NO_MATCH));
}

#[tokio::test]
async fn what_cannot_be_read_is_told_beside_its_field() {
    let owner = Visitor::owner().await;
    let page = owner.get(&format!("{PATH}?status=9&from=yesterday")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.html.contains(text::STATUS_INVALID) && page.html.contains(crate::instants::text::INVALID));
    assert!(page.html.contains("value=\"9\""), "what was typed is kept");
}

#[tokio::test]
async fn a_delivery_is_shown_beside_the_list() {
    let (owner, webhook) = with_deliveries().await;
    let id = newest(&owner).await;
    for path in [PATH.to_owned(), delivery_log::path(webhook)] {
        let page = owner.get(&format!("{path}?show={id}")).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.html.contains("id=\"delivery\"") && page.html.contains(text::LAST_ATTEMPT), "{path}");
    }
    let another = endpoint(&owner.engine, owner.account).await;
    let elsewhere = owner.get(&format!("{}?show={id}", delivery_log::path(another))).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND, "it is one of another webhook");
}

#[tokio::test]
async fn a_delivery_of_a_deleted_webhook_is_shown_without_links_to_pages_that_are_gone() {
    let (owner, webhook) = with_deliveries().await;
    let id = newest(&owner).await;
    owner.account().endpoint(webhook).delete().await.expect("deleted");
    let page = owner.get(&format!("{PATH}?show={id}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("(deleted)") && !page.html.contains(text::OPEN));
    assert!(!page.html.contains(&format!("href=\"/settings/webhooks/{webhook}")));
}

#[tokio::test]
async fn a_neighbour_with_many_deliveries_is_neither_shown_nor_counted() {
    use signet_engine::testing::Backlog;
    let (owner, _) = with_deliveries().await;
    let neighbour = account(&owner.engine, "neighbour").await;
    let its = endpoint(&owner.engine, neighbour).await;
    owner.database.store_backlog(neighbour, its, Backlog::Failed, 1..3_001).await;
    let page = owner.get(PATH).await;
    assert!(!page.html.contains("1,000+"), "the neighbour's are not counted");
    assert!(owner.get(&format!("{PATH}?state=failed")).await.html.contains(text::NO_MATCH));
    owner.database.store_backlog(owner.account, owner.endpoint().await.id, Backlog::Failed, 3_001..5_001).await;
    let page = owner.get(&format!("{PATH}?state=failed")).await;
    assert!(page.html.contains("1,000+") && page.html.contains("Resend at least 1,000 that match"));
}

#[tokio::test]
async fn a_file_has_what_matches() {
    let (owner, _) = with_deliveries().await;
    let csv = owner.get("/settings/deliveries/export?format=csv").await;
    assert_eq!(csv.header(axum::http::header::CONTENT_TYPE), "text/csv; charset=utf-8");
    let lines: Vec<_> = csv.html.split("\r\n").collect();
    assert_eq!(lines.len(), 4, "{}", csv.html);
    assert!(lines[0].starts_with("id,event,") && lines[1].contains("\"task_failing\""));
    let ndjson = owner.get("/settings/deliveries/export?format=ndjson&state=delivered").await;
    assert_eq!(ndjson.html.lines().count(), 1);
    assert!(ndjson.html.contains("\"task\":\"task_fine\"") && ndjson.html.contains("\"status\":200"));
    assert_eq!(owner.get("/settings/deliveries/export?format=xls").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_matches_is_sent_again_after_a_question() {
    let (owner, _) = with_deliveries().await;
    let asked = "/settings/deliveries/resend?state=delivered";
    let question = owner.get(asked).await;
    assert_eq!(question.status, StatusCode::OK);
    assert!(question.html.contains("Resend 1 delivery?"), "{}", question.content());
    let begun = owner.post("/settings/deliveries/resend", "state=delivered").await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER);
    let progress = owner.get(begun.location()).await;
    assert_eq!(progress.status, StatusCode::OK);
    let stopped = owner.post(&format!("{}/stop", begun.location()), "").await;
    assert_eq!(stopped.location(), begun.location());
}

#[tokio::test]
async fn what_matches_is_sent_again_at_the_pace_that_is_chosen() {
    let (owner, _) = with_deliveries().await;
    let path = "/settings/deliveries/resend";
    let refused = owner.post(path, "state=delivered&pace=11&each=second").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.html.contains("Enter at most 10 a second.") && refused.html.contains("value=\"11\""));
    assert!(owner.account().resends().list(None, 9).await.expect("a list").is_empty());

    let begun = owner.post(path, "state=delivered&pace=90&each=minute").await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER);
    let all = owner.account().resends().list(None, 9).await.expect("a list");
    assert_eq!(all.first().and_then(|resend| resend.pace), Pace::per_minute(90));
    assert!(owner.get(begun.location()).await.html.contains("90 a minute"));
}
