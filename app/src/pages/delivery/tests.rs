//! The page of a delivery: what it shows in each state, and what can be done there.

use std::time::Duration;

use signet_engine::{
    service::deliveries::Filter,
    testing::{Hands, completed},
};
use signet_model::{Role, time::Clock};

use super::*;
use crate::{
    present::endpoint_path,
    testing::{Visitor, encode},
};

#[tokio::test]
async fn the_page_shows_the_body_and_the_attempts() {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await.id;
    let hands = Hands(&owner.engine);
    let in_flight = hands.ingest(completed(&owner.engine, owner.account, "task_1")).await.1.remove(0);
    let path = delivery_path(endpoint, in_flight.delivery());
    insta::assert_snapshot!("under_way", owner.get(&path).await.content());
    let refused = owner.post(&format!("{path}/resend"), "").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    insta::assert_snapshot!("not_resent", refused.content());
    hands.finish(in_flight, 200).await;
    insta::assert_snapshot!("delivered", owner.get(&path).await.content());
    let resent = owner.post(&format!("{path}/resend"), "").await;
    assert_eq!((resent.location(), resent.flash()), (&*path, text::RESENT.to_owned()));
}

#[tokio::test]
async fn a_delivery_that_is_sent_again_from_a_list_leads_back_to_it() {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await.id;
    let hands = Hands(&owner.engine);
    for (back, leads_back) in [
        ("/settings/deliveries?state=delivered", true),
        ("/operator", false),
        ("//evil.example/settings/", false),
        ("https://evil.example/", false),
    ] {
        let in_flight = hands.ingest(completed(&owner.engine, owner.account, "task_1")).await.1.remove(0);
        let path = delivery_path(endpoint, in_flight.delivery());
        hands.finish(in_flight, 200).await;
        let list = owner.get("/settings/deliveries").await.html;
        assert!(list.contains(&format!("data-resend=\"{path}/resend\"")), "{list}");
        let form = encode(&[(&BACK, back)]);
        let resent = owner.post(&format!("{path}/resend"), &form).await;
        assert_eq!(resent.location(), if leads_back { back } else { &*path });
        let list = owner.get("/settings/deliveries").await.html;
        assert!(!list.contains(&format!("data-resend=\"{path}/resend\"")), "it waits");
    }
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_has_a_line_and_a_page() {
    for column in ["event_type = 'Order Paid'", "event_type = CAST(X'FF' AS TEXT)", "attempts = 99999999999"] {
        let owner = Visitor::owner().await;
        let endpoint = owner.endpoint().await.id;
        Hands(&owner.engine).ingest(completed(&owner.engine, owner.account, "task")).await.0.expect("accepted");
        owner.database.run(&format!("UPDATE deliveries SET {column}")).await;
        let log =
            owner.account().endpoint(endpoint).log(&Filter::default(), None, 1).await.expect("the log").deliveries;
        let delivery = delivery_path(endpoint, log[0].as_ref().expect_err("unusable").id);
        for page in [&endpoint_path(endpoint), &delivery_log::path(endpoint), &delivery] {
            let answer = owner.get(page).await;
            assert!(answer.status == StatusCode::OK && answer.html.contains("Unusable"), "{column} {page}");
        }
        let resent = owner.post(&format!("{delivery}/resend"), "").await;
        assert_eq!(resent.status, StatusCode::UNPROCESSABLE_ENTITY, "{column}");
    }
}

/// Ingests an event, has its attempt answered with this status, and returns its delivery's id.
async fn attempted(owner: &Visitor, task: &str, status: u16) -> DeliveryId {
    owner.clock.advance(Duration::from_secs(1));
    let hands = Hands(&owner.engine);
    let in_flight = hands.ingest(completed(&owner.engine, owner.account, task)).await.1.remove(0);
    let id = in_flight.delivery();
    hands.finish(in_flight, status).await;
    id
}

#[tokio::test]
async fn a_failed_attempt_is_shown_with_what_comes_next_and_what_has_worked_before() {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await.id;
    let worked = attempted(&owner, "one", 200).await;
    let failing = attempted(&owner, "two", 500).await;
    let page = owner.get(&delivery_path(endpoint, failing)).await;
    insta::assert_snapshot!("failing", page.content());
    for shown in ["tried again after 2 min, 10 min, 1 h and 4 h", "Expected with the signing secret", "curl -i "] {
        assert!(page.html.contains(shown), "{shown}");
    }
    let previous = format!("rel=\"prev\" href=\"{}\"", delivery_path(endpoint, worked));
    assert!(page.html.contains(&previous), "{}", page.html);
    let secret = owner.account().endpoint(endpoint).reveal_secret().await.expect("a secret");
    assert!(!page.html.contains(secret.reveal()));
    let page = owner.get(&delivery_path(endpoint, worked)).await;
    assert!(!page.html.contains("id=\"difference\"") && page.html.contains("rel=\"next\""), "{}", page.html);
}

#[tokio::test]
async fn retries_are_made_now_or_stopped() {
    let mut owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await.id;
    let [now, never] = [attempted(&owner, "one", 500).await, attempted(&owner, "two", 500).await];
    let path = delivery_path(endpoint, now);
    let retried = owner.post(&format!("{path}/retry"), "").await;
    assert_eq!((retried.location(), retried.flash()), (&*path, text::RETRIED.to_owned()));
    let due = owner.account().delivery(now).get().await.expect("a delivery").delivery.due_at;
    assert!(due.is_some_and(|due| due <= owner.clock.now()), "{due:?}");
    let path = delivery_path(endpoint, never);
    let stopped = owner.post(&format!("{path}/stop"), "").await;
    assert_eq!((stopped.location(), stopped.flash()), (&*path, text::STOPPED.to_owned()));
    for change in ["retry", "stop"] {
        let refused = owner.post(&format!("{path}/{change}"), "").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.html.contains("waits for no attempt any more"), "{}", refused.html);
    }
    owner.with_role(Role::Viewer).await;
    let page = owner.get(&delivery_path(endpoint, now)).await;
    assert!(!page.html.contains("/retry") && !page.html.contains("/stop"), "a viewer changes nothing");
    let refused = owner.post(&format!("{path}/stop"), "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_a_restore_leaves_open_is_said_on_the_page_and_in_the_lists() {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await.id;
    let arrived = attempted(&owner, "one", 200).await;
    let in_doubt = attempted(&owner, "two", 500).await;
    let path = |id| delivery_path(endpoint, id);
    let words = crate::present::MAY_REPEAT;
    for page in [path(in_doubt), delivery_log::path(endpoint), "/settings/deliveries".to_owned()] {
        assert!(!owner.get(&page).await.html.contains(words), "{page}: there was no restore");
    }
    let at = owner.clock.now().unix_micros() + 1;
    owner.database.run(&format!("INSERT INTO restores (restored_at) VALUES ({at})")).await;
    owner.clock.advance(Duration::from_secs(5));
    let page = owner.get(&path(in_doubt)).await;
    assert!(page.html.contains(words) && page.html.contains("X-Webhook-Possible-Repeat: true"), "{}", page.html);
    assert!(!owner.get(&path(arrived)).await.html.contains(words), "it was known to be delivered");
    for page in [delivery_log::path(endpoint), "/settings/deliveries".to_owned()] {
        assert_eq!(owner.get(&page).await.html.matches(words).count(), 1, "{page}");
    }
    let shown = owner.get(&format!("/settings/deliveries?show={in_doubt}")).await;
    assert!(shown.html.contains("the database was restored from a backup just now"), "{}", shown.html);
}
