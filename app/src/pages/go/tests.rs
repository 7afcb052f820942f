use axum::http::{StatusCode, header};
use signet_engine::testing::{Hands, completed};

use super::*;
use crate::{present::endpoint_path, testing::Visitor};

fn links(html: &str) -> Vec<String> {
    let (_, results) = html.split_once("id=\"go-results\"").expect("results");
    let (results, _) = results.split_once("</section>").expect("results");
    results.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn ids_urls_and_pages_lead_to_their_places() {
    let owner = Visitor::owner().await;
    let webhook = endpoint_path(owner.endpoint().await.id);
    let hands = Hands(&owner.engine);
    hands.ingest(completed(&owner.engine, owner.account, "task_1")).await.0.expect("accepted");
    let id = webhook.rsplit('/').next().expect("an id").to_owned();
    for (query, place) in [
        (id.as_str(), webhook.as_str()),
        ("example.com/web", &webhook),
        ("orders", &webhook),
        ("API k", "/settings/api-keys"),
        ("add a web", "/settings/webhooks/new"),
        ("evt_01", "/settings/deliveries?q=evt_01"),
        ("task_1", "/settings/deliveries?q=task_1"),
    ] {
        let page = owner.get(&format!("{PATH}?q={}", crate::frame::encode(query))).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert_eq!(links(&page.html).first().map(String::as_str), Some(place), "{query}");
    }
    assert!(links(&owner.get(PATH).await.html).len() > 5, "all pages");
}

#[tokio::test]
async fn nobody_finds_what_belongs_to_another_account() {
    let mut visitor = Visitor::owner().await;
    let id = visitor.endpoint().await.id;
    visitor.sign_up_elsewhere("other@example.com").await;
    for query in [id.to_string(), "example.com".to_owned()] {
        let page = visitor.get(&format!("{PATH}?q={query}")).await;
        assert!(!page.html.contains(&endpoint_path(id)), "{query}");
    }
}

#[tokio::test]
async fn shortcuts_and_the_form_of_times_are_remembered() {
    let owner = Visitor::owner().await;
    assert!(owner.get(PATH).await.html.contains("data-shortcuts=\"on\""));
    let off = owner.post(KEYS_PATH, "on=").await;
    assert_eq!((off.status, off.location()), (StatusCode::SEE_OTHER, PATH));
    let page = owner.get_with(PATH, &[(header::COOKIE, off.cookie())]).await;
    assert!(page.html.contains("data-shortcuts=\"off\"") && page.html.contains(text::SWITCH_ON));
    let exact = owner.post(TIMES_PATH, "exact=1&back=%2Fsettings%2Faccount").await;
    assert_eq!(exact.location(), "/settings/account");
    let page = owner.get_with(PATH, &[(header::COOKIE, exact.cookie())]).await;
    assert!(page.html.contains("data-times=\"exact\"") && page.html.contains("aria-pressed=\"true\""));
    assert_eq!(owner.post(TIMES_PATH, "back=%2F%2Fevil.example").await.location(), HOME);
}
