use std::time::Duration;

use axum::http::StatusCode;
use signet_engine::testing::{Hands, account, completed};

use super::*;
use crate::testing::Visitor;

async fn ingest(owner: &Visitor, account: signet_model::AccountId, task: &str) -> EventId {
    owner.clock.advance(Duration::from_secs(1));
    Hands(&owner.engine).ingest(completed(&owner.engine, account, task)).await.0.expect("accepted").id
}

#[tokio::test]
async fn events_are_listed_newest_first_and_found_by_type_and_task() {
    let owner = Visitor::owner().await;
    assert!(owner.get(PATH).await.html.contains(text::NONE_YET));
    owner.endpoint().await;
    let first = ingest(&owner, owner.account, "task_1").await;
    let second = ingest(&owner, owner.account, "task_2").await;
    let list = owner.get(PATH).await;
    assert!(list.html.find(&second.to_string()) < list.html.find(&first.to_string()), "{}", list.content());
    let of_task = owner.get(&format!("{PATH}?task=task_1")).await;
    assert!(of_task.html.contains(&first.to_string()) && !of_task.html.contains(&second.to_string()));
    assert!(of_task.html.contains("value=\"task_1\""));
    let none = owner.get(&of_type("task.failed")).await;
    assert!(none.html.contains(text::NO_MATCH) && none.html.contains("value=\"task.failed\" selected"));
}

#[tokio::test]
async fn the_list_goes_on_behind_a_page() {
    let owner = Visitor::owner().await;
    let mut ids = Vec::new();
    for number in 0..=PAGE {
        ids.push(ingest(&owner, owner.account, &format!("task_{number}")).await);
    }
    let page = owner.get(PATH).await;
    assert!(!page.html.contains(&ids[0].to_string()));
    let older = address(&[(BEFORE.name, &ids[1].to_string())]);
    assert!(page.html.contains(&format!("href=\"{older}\"")), "{}", page.content());
    let rest = owner.get(&older).await.content();
    assert!(rest.contains(&ids[0].to_string()) && !rest.contains(&ids[1].to_string()), "{rest}");
}

#[tokio::test]
async fn an_event_has_its_payload_and_its_deliveries() {
    let owner = Visitor::owner().await;
    let webhook = owner.endpoint().await;
    let id = ingest(&owner, owner.account, "task_1").await;
    let page = owner.get(&path(id)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("task_1") && page.html.contains(&webhook.url), "{}", page.content());
    assert!(page.html.contains("/deliveries/msg_"));
    owner.account().endpoint(webhook.id).delete().await.expect("deleted");
    assert!(owner.get(&path(id)).await.html.contains("A deleted webhook"));
    assert_eq!(owner.get(&format!("{PATH}/evt_1")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_event_of_another_account_is_not_found() {
    let owner = Visitor::owner().await;
    let other = account(&owner.engine, "other").await;
    let theirs = ingest(&owner, other, "their_task").await;
    let page = owner.get(&path(theirs)).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(!page.html.contains("their_task"));
    assert!(!owner.get(&format!("{PATH}?task=their_task")).await.html.contains(&theirs.to_string()));
}
