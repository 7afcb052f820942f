use axum::http::header::COOKIE;
use http_body_util::BodyExt;
use signet_engine::{
    service::changes::LIVE_PAGES_PER_ACCOUNT,
    testing::{Hands, completed, owner},
};
use tokio::time::timeout;

use super::*;
use crate::{present::endpoint_path, testing::Visitor};

/// Far longer than any story here takes; only a defect reaches it.
const LIMIT: Duration = Duration::from_mins(1);

/// A person of the account, with the cookie of their session.
async fn person() -> (Visitor, String) {
    let mut visitor = Visitor::owner().await;
    let token = owner(&visitor.engine, visitor.account, "live@example.com").await;
    visitor.come_in(token.reveal()).await;
    let cookie = format!("{}={}", cookie::SESSION, token.reveal());
    (visitor, cookie)
}

/// The address of a page's stream.
fn src_of(html: &str) -> String {
    let src = html.split("data-live-src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a live page");
    src.replace("&amp;", "&")
}

async fn open_stream(visitor: &Visitor, src: &str, cookie: &str) -> Body {
    let response = visitor.open(src, &[(COOKIE, cookie)]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    response.into_body()
}

/// The next piece of a stream; `None` at its end.
async fn next(body: &mut Body) -> Option<String> {
    let frame = timeout(LIMIT, body.frame()).await.expect("in time")?.expect("a frame");
    Some(String::from_utf8_lossy(&frame.into_data().expect("data")).into_owned())
}

#[tokio::test]
async fn only_what_has_changed_is_sent_and_new_rows_are_named() {
    let (visitor, cookie) = person().await;
    let log = format!("{}/deliveries", endpoint_path(visitor.endpoint().await.id));
    Hands(&visitor.engine).ingest(completed(&visitor.engine, visitor.account, "task_0")).await.0.expect("accepted");
    visitor.clock.advance(Duration::from_secs(1));
    let src = src_of(&visitor.get(&log).await.html);
    let mut stream = open_stream(&visitor, &src, &cookie).await;
    Hands(&visitor.engine).ingest(completed(&visitor.engine, visitor.account, "task_1")).await.0.expect("accepted");
    let message = next(&mut stream).await.expect("a message");
    assert!(message.starts_with("event: fragment\nid: "), "{message}");
    let data = message.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
    let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["in"], "delivery-rows");
    assert!(data["html"].as_str().is_some_and(|html| html.starts_with("<tr id=\"msg_")), "{data}");
}

#[tokio::test]
async fn a_browser_that_was_away_gets_what_it_has_missed_and_no_more() {
    let (visitor, cookie) = person().await;
    let log = format!("{}/deliveries", endpoint_path(visitor.endpoint().await.id));
    let before = src_of(&visitor.get(&log).await.html);
    Hands(&visitor.engine).ingest(completed(&visitor.engine, visitor.account, "task_1")).await.0.expect("accepted");
    let after = src_of(&visitor.get(&log).await.html);
    assert_ne!(before, after, "the version of the page is in the address");
    let mut stream = open_stream(&visitor, &before, &cookie).await;
    assert!(next(&mut stream).await.is_some_and(|message| message.contains("task.completed")));
}

#[tokio::test]
async fn a_delivery_that_became_final_behind_the_page_is_told_and_the_stream_ends() {
    let (visitor, cookie) = person().await;
    let endpoint = visitor.endpoint().await.id;
    let hands = Hands(&visitor.engine);
    let (_, started) = hands.ingest(completed(&visitor.engine, visitor.account, "task_1")).await;
    let log = visitor.get(&format!("{}/deliveries", endpoint_path(endpoint))).await;
    let id = log.html.split("id=\"msg_").nth(1).and_then(|rest| rest.split('"').next()).expect("a row").to_owned();
    let page = format!("{}/deliveries/msg_{id}", endpoint_path(endpoint));
    let src = src_of(&visitor.get(&page).await.html);
    for one in started {
        hands.finish(one, 200).await;
    }
    let mut stream = open_stream(&visitor, &src, &cookie).await;
    let mut told = String::new();
    while let Some(message) = next(&mut stream).await {
        told += &message;
    }
    assert!(told.contains("Delivered") && told.ends_with("event: final\ndata:\n\n"), "{told}");
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let (visitor, cookie) = person().await;
    let log = format!("{}/deliveries", endpoint_path(visitor.endpoint().await.id));
    let src = src_of(&visitor.get(&log).await.html);
    let mut stream = open_stream(&visitor, &src, &cookie).await;
    let token = cookie.split_once('=').expect("a cookie").1;
    visitor.engine.sessions().sign_out(token).await.expect("signed out");
    assert_eq!(next(&mut stream).await.as_deref(), Some("event: signed-out\ndata:\n\n"));
    assert_eq!(next(&mut stream).await, None);
    let mut refused = open_stream(&visitor.signed_out(), &src, "").await;
    assert_eq!(next(&mut refused).await.as_deref(), Some("event: signed-out\ndata:\n\n"));
}

#[tokio::test]
async fn an_account_has_a_limited_number_of_live_pages() {
    let (visitor, cookie) = person().await;
    let log = format!("{}/deliveries", endpoint_path(visitor.endpoint().await.id));
    let src = src_of(&visitor.get(&log).await.html);
    let mut open = Vec::new();
    for _ in 0..LIVE_PAGES_PER_ACCOUNT {
        open.push(open_stream(&visitor, &src, &cookie).await);
    }
    let mut refused = open_stream(&visitor, &src, &cookie).await;
    assert_eq!(next(&mut refused).await.as_deref(), Some("event: full\ndata:\n\n"));
}

#[tokio::test]
async fn only_pages_of_the_settings_have_a_stream_and_only_if_a_part_is_live() {
    let (visitor, cookie) = person().await;
    for src in [PATH.to_owned(), format!("{PATH}?page=/login"), format!("{PATH}?page=//evil.example/settings/")] {
        assert_eq!(visitor.open(&src, &[(COOKIE, &cookie)]).await.status(), StatusCode::NOT_FOUND, "{src}");
    }
    let account = visitor.get("/settings/account").await;
    assert!(!account.html.contains("data-live-src"));
    let src = format!("{PATH}?page=/settings/account");
    assert_eq!(next(&mut open_stream(&visitor, &src, &cookie).await).await.as_deref(), Some("event: final\ndata:\n\n"));
}
