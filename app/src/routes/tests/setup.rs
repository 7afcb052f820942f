//! The one-time link with which an owner signs up.

use axum::http::{StatusCode, header};

use crate::{redirect::HOME, testing::Visitor};

#[tokio::test]
async fn the_owner_signs_up_once_with_the_link() {
    let stranger = Visitor::stranger().await;
    let link = stranger.engine.create_setup_link(stranger.account).await.expect("a link");
    let path = format!("/setup/{link}");
    let short = stranger.post(&path, "email=me%40example.com&password=short").await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.html.contains("Use at least 12 characters.") && short.html.contains(r#"value="me@example.com""#));
    assert!(!short.html.contains("short\""), "a password is never sent back");
    let good = stranger.post(&path, "email=me%40example.com&password=correct+horse+battery").await;
    assert_eq!((good.status, good.location()), (StatusCode::SEE_OTHER, HOME));
    assert!(good.header(header::SET_COOKIE).starts_with("__Host-signet="));
    let used = stranger.get(&path).await;
    assert_eq!(used.status, StatusCode::GONE);
    assert!(used.html.contains("Ask the service that gave it to you for a new one."));
}

#[tokio::test]
async fn the_page_names_the_account_that_is_signed_up_for_and_no_server() {
    let stranger = Visitor::stranger().await;
    let link = stranger.engine.create_setup_link(stranger.account).await.expect("a link");
    let page = stranger.get(&format!("/setup/{link}")).await;
    assert!(page.html.contains("You will be the owner of “acme”."), "{}", page.html);
    assert!(!page.html.contains("this Signet server"));
}

#[tokio::test]
async fn only_the_first_owner_of_a_server_is_told_to_restart_it() {
    let stranger = Visitor::stranger().await;
    let page = stranger.get("/setup/unknown").await;
    assert_eq!(page.status, StatusCode::GONE);
    assert!(page.html.contains("Restart the server to get a new one."));
}
