//! Rules for all pages. The test finds the pages as a reader does: by their links.

mod foreign;
mod injection;
mod mail;
mod text;

use std::io::Write;

use axum::http::{StatusCode, header};
use flate2::{Compression, write::GzEncoder};
use signet_model::Role;

use super::{SECTIONS, login, webhook_form};
use crate::testing::{Answer, Visitor};

/// Every page that links lead to, with its address; one of them is a webhook's.
async fn all_pages(owner: &Visitor) -> Vec<(String, Answer)> {
    owner.endpoint().await;
    let mut found: Vec<String> = SECTIONS.iter().map(|section| section.path.to_owned()).collect();
    let mut pages = Vec::new();
    while let Some(path) = found.get(pages.len()).cloned() {
        let page = owner.get(&path).await;
        let links = page.html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for link in links.filter(|link| link.starts_with("/settings") && !link.contains("/export?")) {
            let link = link.replace("&amp;", "&");
            if !found.contains(&link) {
                found.push(link);
            }
        }
        pages.push((path, page));
    }
    pages
}

#[tokio::test]
async fn every_section_is_in_the_navigation_of_every_page() {
    let owner = Visitor::owner().await;
    for (path, page) in all_pages(&owner).await {
        assert_eq!(page.status, StatusCode::OK, "{path}");
        for section in SECTIONS {
            assert!(page.html.contains(&format!("<a href=\"{}\"", section.path)), "{path}: {}", section.path);
        }
        let tabs = page.html.matches("class=\"tabs\"").count();
        // The search is no section.
        let marks = if path.starts_with(super::go::PATH) { 1 } else { 2 };
        let current = page.html.matches("aria-current=\"page\"").count();
        assert_eq!(current, marks + tabs, "{path}: in navigation, breadcrumbs, and each row of tabs");
    }
}

#[tokio::test]
async fn a_request_without_a_session_is_sent_to_sign_in_and_comes_back_afterwards() {
    let owner = Visitor::owner().await;
    let pages = all_pages(&owner).await;
    assert!(pages.len() >= SECTIONS.len() + 5, "{}", pages.len());
    let stranger = owner.signed_out();
    for (path, _) in pages {
        let answer = stranger.get(&path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.location(), crate::frame::with_next(login::PATH, &path));
    }
    let answer = stranger.post("/settings/api-keys", "name=x").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/login?next=/kept"));
    assert_eq!(stranger.account().api_keys().list().await.expect("keys").len(), 0);
}

#[tokio::test]
async fn pages_allow_only_their_own_script_and_are_not_stored() {
    let owner = Visitor::owner().await;
    let mut nonces = Vec::new();
    for (path, page) in all_pages(&owner).await {
        let policy = page.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe-inline"), "{policy}");
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
        assert!(nonce.len() >= 22, "{path}: {nonce}");
        let loads_wasm = page.html.contains("/pkg/a.js");
        assert_eq!(page.html.contains("<leptos-island"), loads_wasm, "{path}");
        assert_eq!(page.html.contains("/pkg/page.js"), page.html.contains(&format!("nonce=\"{nonce}\"")), "{path}");
        assert_eq!(page.header(header::CACHE_CONTROL), "no-store", "{path}");
        for forbidden in [" style=", " onclick=", "javascript:"] {
            assert!(!page.html.contains(forbidden), "{path}: {forbidden}");
        }
        assert!(!nonces.contains(&nonce.to_owned()), "{path}: a nonce is used once");
        nonces.push(nonce.to_owned());
    }
}

/// The most bytes of a page as it is sent, compressed.
const LARGEST_PAGE: usize = 30_000;

#[tokio::test]
async fn no_page_is_large_as_it_is_sent() {
    let owner = Visitor::owner().await;
    for (path, page) in all_pages(&owner).await {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(page.html.as_bytes()).expect("memory");
        let sent = encoder.finish().expect("memory").len();
        assert!(sent <= LARGEST_PAGE, "{path}: {sent} bytes with gzip");
    }
}

#[tokio::test]
async fn a_flash_message_is_shown_once_and_escaped() {
    let owner = Visitor::owner().await;
    let cookie = "__Host-signet-notice=%3Cb%3ESaved.%3C%2Fb%3E";
    let page = owner.get_with_cookie(webhook_form::NEW_PATH, cookie).await;
    assert!(page.html.contains("&lt;b&gt;Saved.&lt;/b&gt;") && !page.html.contains("<b>"));
    assert!(page.header(header::SET_COOKIE).starts_with("__Host-signet-notice=; Max-Age=0; "));
    assert!(!owner.get(webhook_form::NEW_PATH).await.html.contains("Saved."));
}

/// The forms of a page that change something, by their addresses.
fn forms(page: &Answer) -> Vec<String> {
    let forms = page.html.split("<form ").skip(1).filter_map(|rest| rest.split('>').next());
    let posts = forms.filter(|tag| tag.contains("method=\"post\""));
    let actions = posts.filter_map(|tag| tag.split("action=\"").nth(1)).filter_map(|rest| rest.split('"').next());
    actions.filter(|action| action.starts_with("/settings/webhooks")).map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn a_role_is_offered_no_button_that_it_may_not_use() {
    let mut visitor = Visitor::owner().await;
    let id = visitor.endpoint().await.id;
    let page = format!("/settings/webhooks/{id}");
    let settings = format!("{page}/settings");
    assert!(visitor.get(&settings).await.html.contains("/delete\""));
    visitor.with_role(Role::Developer).await;
    let developer = visitor.get(&settings).await;
    assert!(developer.html.contains(&format!("{page}/edit")) && developer.html.contains(&format!("{settings}/secret")));
    assert!(!developer.html.contains("/delete\""), "developers delete no webhook");
    assert_eq!(visitor.get(&format!("{page}/delete")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(visitor.get("/settings/api-keys").await.status, StatusCode::FORBIDDEN);
    visitor.with_role(Role::Viewer).await;
    for tab in ["", "/test", "/settings"] {
        let viewer = visitor.get(&format!("{page}{tab}")).await;
        assert_eq!(viewer.status, StatusCode::OK, "{tab}");
        assert_eq!(forms(&viewer), Vec::<String>::new(), "{tab}");
        assert!(!viewer.html.contains("whsec_") && !viewer.html.contains("/edit"), "a viewer sees no secret");
    }
    assert!(!visitor.get("/settings/webhooks").await.html.contains(webhook_form::NEW_PATH));
    for refused in [webhook_form::NEW_PATH.to_owned(), format!("{page}/edit"), "/settings/api-keys".to_owned()] {
        assert_eq!(visitor.get(&refused).await.status, StatusCode::FORBIDDEN, "{refused}");
    }
    for (action, form) in [("settings/secret", ""), ("pause", ""), ("delete", ""), ("test", "type=task.completed")] {
        let answer = visitor.post(&format!("{page}/{action}"), form).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{action}");
        assert!(!answer.html.contains("whsec_"), "{action}");
    }
}
