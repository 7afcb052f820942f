//! What islands ask for.

use axum::http::{StatusCode, header};

use crate::testing::Visitor;

const FOREIGN: &str = "https://evil.example/collect";

#[tokio::test]
async fn a_secret_that_an_island_asks_for_is_not_stored() {
    let owner = Visitor::owner().await;
    let form = format!("endpoint={}", owner.endpoint().await.id);
    let answer = owner.post("/live/secret", &form).await;
    assert_eq!((answer.status, answer.header(header::CACHE_CONTROL)), (StatusCode::OK, "no-store"));
    assert!(answer.html.contains("whsec_"), "{}", answer.html);
}

#[tokio::test]
async fn a_server_function_sends_nobody_to_a_referer() {
    let owner = Visitor::owner().await;
    let good = format!("endpoint={}", owner.endpoint().await.id);
    for form in [good.as_str(), "endpoint=ep_1", "nonsense"] {
        let headers = [(header::ACCEPT, "text/html"), (header::REFERER, FOREIGN)];
        let answer = owner.post_with("/live/secret", form, &headers).await;
        assert_eq!(answer.location(), "", "{form}");
        assert!(!answer.status.is_redirection(), "{form}: {}", answer.status);
    }
}
