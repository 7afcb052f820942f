//! A webhook comes back: it is tested, re-enabled, and gets what it missed.

use axum::http::StatusCode;
use signet_engine::{
    service::resends::{Pace, Progress},
    testing::{Hands, completed},
};
use signet_model::Role;

use super::*;
use crate::testing::Visitor;

/// The owner of a webhook that a failure has disabled, with a delivery that is held.
async fn owner_of_disabled() -> (Visitor, EndpointId) {
    let owner = Visitor::owner().await;
    let id = owner.endpoint().await.id;
    let hands = Hands(&owner.engine);
    for one in hands.ingest(completed(&owner.engine, owner.account, "task_failed")).await.1 {
        hands.finish(one, 410).await;
    }
    hands.ingest(completed(&owner.engine, owner.account, "task_held")).await.0.expect("accepted");
    (owner, id)
}

#[tokio::test]
async fn the_page_leads_from_a_test_to_what_was_missed() {
    let (owner, id) = owner_of_disabled().await;
    insta::assert_snapshot!("disabled", owner.get(&path(id)).await.content());
    let answer = owner.post(&format!("{}/enable", endpoint_path(id)), "then=coming-back").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, path(id).as_str()));
    insta::assert_snapshot!("enabled", owner.get(&path(id)).await.content());
}

#[tokio::test]
async fn what_was_chosen_is_sent_at_the_pace_that_was_chosen_and_can_be_paused_and_stopped() {
    let (owner, id) = owner_of_disabled().await;
    owner.post(&format!("{}/enable", endpoint_path(id)), "").await;
    let form = "held.task.completed=send&failed.task.completed=keep&pace=30&each=minute";
    let answer = owner.post(&path(id), form).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, format!("{}#resends", path(id)).as_str()));
    let begun = owner.account().resends().list(None, 9).await.expect("a list");
    let [resend] = &begun[..] else { panic!("{begun:?}") };
    assert_eq!((resend.pace, resend.expected), (Pace::per_minute(30), Some(1)));
    assert_eq!(resend.filter.as_ref().and_then(|filter| filter.state), Some(State::Held));
    // It ended at once; as if it were still at work, for a while yet.
    owner.account().resend(resend.id).await_end(Duration::from_mins(1)).await.expect("ended");
    owner.database.run("UPDATE resends SET state = 'running', ended_at = NULL, lease = 7, leased_until = 1e17").await;
    let page = owner.get(&path(id)).await;
    assert!(page.html.contains("<progress") && page.html.contains("30 a minute"), "{}", page.html);
    let at = format!("{}/resends/{}", endpoint_path(id), resend.id);
    let progress = async || owner.account().resend(resend.id).get().await.expect("the resend").progress;
    let act = async |action: &str| {
        let answer = owner.post(&format!("{at}/{action}"), "").await;
        assert_eq!(
            (answer.status, answer.location()),
            (StatusCode::SEE_OTHER, format!("{}#resends", path(id)).as_str())
        );
    };
    act("pause").await;
    assert_eq!(progress().await, Progress::Paused);
    assert!(owner.get(&path(id)).await.html.contains(&format!("{at}/resume")));
    act("resume").await;
    assert_ne!(progress().await, Progress::Paused);
    owner.database.run("UPDATE resends SET state = 'running', ended_at = NULL, lease = 7, leased_until = 1e17").await;
    act("stop").await;
    assert_eq!(progress().await, Progress::Stopped);
}

#[tokio::test]
async fn a_pace_that_is_none_comes_back_as_it_was_typed() {
    let (owner, id) = owner_of_disabled().await;
    owner.post(&format!("{}/enable", endpoint_path(id)), "").await;
    for (pace, message) in [
        ("fast", "Enter a number, such as 5."),
        ("0", "Enter a number, such as 5."),
        ("11", "Enter at most 10 a second."),
    ] {
        let answer = owner.post(&path(id), &format!("held.task.completed=keep&pace={pace}&each=second")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{pace}");
        assert!(answer.html.contains(message) && answer.html.contains(&format!("value=\"{pace}\"")), "{pace}");
        assert!(answer.html.contains("<option value=\"keep\" selected>"), "{pace}");
    }
    assert!(owner.account().resends().list(None, 9).await.expect("a list").is_empty());
}

#[tokio::test]
async fn a_viewer_and_another_account_bring_no_webhook_back() {
    let (mut visitor, id) = owner_of_disabled().await;
    visitor.with_role(Role::Viewer).await;
    assert_eq!(visitor.get(&path(id)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(visitor.post(&path(id), "held.task.completed=discard").await.status, StatusCode::FORBIDDEN);
    visitor.sign_up_elsewhere("other@example.org").await;
    assert_eq!(visitor.get(&path(id)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(visitor.post(&path(id), "held.task.completed=discard").await.status, StatusCode::NOT_FOUND);
}
