use std::time::Duration;

use signet_engine::testing::{Hands, account, completed, endpoint};

use crate::{present::endpoint_path, testing::Visitor};

/// An event whose deliveries are all answered with this status.
async fn event(owner: &Visitor, status: u16) {
    owner.clock.advance(Duration::from_secs(1));
    let hands = Hands(&owner.engine);
    for in_flight in hands.ingest(completed(&owner.engine, owner.account, "task")).await.1 {
        hands.finish(in_flight, status).await;
    }
}

#[tokio::test]
async fn the_tab_shows_how_deliveries_went_and_why_some_failed() {
    let owner = Visitor::owner().await;
    let id = owner.endpoint().await.id;
    let path = endpoint_path(id);
    for status in [200, 503, 503, 404] {
        event(&owner, status).await;
    }
    let page = owner.get(&path).await.content();
    insta::assert_snapshot!("with_failures", page);
    assert!(page.contains(&format!("href=\"/settings/deliveries?webhook={id}&amp;status=503\"")), "{page}");
    assert!(
        page.contains("In 24 hours: 1 delivered, 3 attempts failed without ending their delivery, 0 deliveries"),
        "{page}"
    );
    event(&owner, 410).await;
    let page = owner.get(&path).await.content();
    assert!(page.contains(&format!("href=\"/settings/deliveries?webhook={id}&amp;state=failed\"")), "{page}");
}

#[tokio::test]
async fn each_range_has_its_bars_and_keeps_the_event_type() {
    let owner = Visitor::owner().await;
    let path = endpoint_path(owner.endpoint().await.id);
    event(&owner, 200).await;
    for (range, bars) in [("24h", 24), ("7d", 28), ("30d", 30), ("x", 24)] {
        let page = owner.get(&format!("{path}?range={range}&type=task.completed")).await.html;
        assert_eq!(page.matches("class='slot'").count(), bars, "{range}");
        assert!(page.contains("1 delivered"), "{range}");
        assert!(page.contains("?range=7d&amp;type=task.completed"), "{range}");
    }
    assert!(owner.get(&format!("{path}?type=task.failed")).await.html.contains("0 delivered"));
}

#[tokio::test]
async fn a_neighbours_deliveries_are_not_counted() {
    let owner = Visitor::owner().await;
    let id = owner.endpoint().await.id;
    let neighbour = account(&owner.engine, "neighbour").await;
    let theirs = endpoint(&owner.engine, neighbour).await;
    let hands = Hands(&owner.engine);
    for in_flight in hands.ingest(completed(&owner.engine, neighbour, "task")).await.1 {
        hands.finish(in_flight, 500).await;
    }
    let page = owner.get(&endpoint_path(id)).await.html;
    assert!(page.contains("In 24 hours: 0 delivered, 0 attempts failed"), "{page}");
    assert!(!page.contains("id=\"causes\""));
    assert_eq!(owner.get(&endpoint_path(theirs)).await.status, axum::http::StatusCode::NOT_FOUND);
}
