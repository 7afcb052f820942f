use axum::http::HeaderName;
use signet_engine::service::{portal_links::PortalLinkDraft, sessions::Holder};
use signet_model::portal::{PortalRole, Theme};

use super::*;
use crate::testing::{ANCESTOR, Answer, Visitor};

const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const FRAME: [(HeaderName, &str); 1] = [(DEST, "iframe")];

fn draft(embedded: bool) -> PortalLinkDraft {
    let return_url = Some("https://app.example.com/settings?a=1&b=2".parse().expect("a URL"));
    PortalLinkDraft { embedded, return_url, ..PortalLinkDraft::new(PortalRole::Developer) }
}

/// The path of a new link.
async fn link(visitor: &Visitor, draft: &PortalLinkDraft) -> String {
    path(&visitor.account().create_portal_link(draft).await.expect("a link").token)
}

fn ancestors(answer: &Answer) -> &str {
    let policy = answer.header(header::CONTENT_SECURITY_POLICY);
    policy.split("frame-ancestors ").nth(1).and_then(|rest| rest.split(';').next()).unwrap_or_default()
}

#[tokio::test]
async fn opening_the_address_uses_nothing_up_and_the_form_does_so_once() {
    let mut visitor = Visitor::stranger().await;
    let path = link(&visitor, &draft(false)).await;
    for headers in [&[][..], &[(HeaderName::from_static("sec-purpose"), "prefetch;prerender")]] {
        let page = visitor.get_with(&path, headers).await;
        assert_eq!((page.status, page.header(header::REFERRER_POLICY)), (StatusCode::OK, "no-referrer"));
        assert_eq!((page.header(header::CACHE_CONTROL), ancestors(&page)), ("no-store", "'none'"));
        assert!(page.html.contains("“acme”") && page.html.contains("requestSubmit"), "{}", page.html);
        assert!(!page.html.contains("Signet"), "{}", page.html);
    }
    let opened = visitor.post(&path, "").await;
    assert_eq!((opened.status, opened.location()), (StatusCode::SEE_OTHER, "/settings/webhooks"));
    let cookie = opened.header(header::SET_COOKIE);
    assert!(
        cookie.starts_with("__Host-signet=")
            && cookie.ends_with("Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let token = opened.cookie().trim_start_matches("__Host-signet=").to_owned();
    assert!(!path.contains(&token), "the token of the session is a new one");
    for again in [visitor.get(&path).await, visitor.post(&path, "").await] {
        assert_eq!(again.status, StatusCode::GONE);
        assert!(again.html.contains(text::LINK_HEADING) && again.header(header::SET_COOKIE).is_empty());
    }
    visitor.come_in(&token).await;
    let page = visitor.get("/settings/webhooks").await;
    assert!(page.html.contains(r#"href="https://app.example.com/settings?a=1&amp;b=2""#), "{}", page.html);
    assert!(page.html.contains("Back to app.example.com") && !page.html.contains("/logout"));
}

#[tokio::test]
async fn a_person_who_is_signed_in_is_asked_first() {
    let owner = Visitor::owner().await;
    let path = link(&owner, &draft(false)).await;
    let page = owner.get(&path).await;
    assert!(page.html.contains(text::OTHER_SESSION) && !page.html.contains("requestSubmit"), "{}", page.html);
}

#[tokio::test]
async fn a_link_works_in_its_place_alone() {
    let visitor = Visitor::stranger().await;
    let (tab, frame) = (link(&visitor, &draft(false)).await, link(&visitor, &draft(true)).await);
    for (path, headers) in [(&tab, &FRAME[..]), (&frame, &[])] {
        let (page, posted) = (visitor.get_with(path, headers).await, visitor.post_with(path, "", headers).await);
        assert_eq!((page.status, posted.status), (StatusCode::CONFLICT, StatusCode::CONFLICT));
        assert!(posted.header(header::SET_COOKIE).is_empty());
    }
    let opened = visitor.post_with(&frame, "", &FRAME).await;
    let cookie = opened.header(header::SET_COOKIE);
    assert!(cookie.starts_with("__Host-signet-portal="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"), "{cookie}");
    assert_eq!(visitor.post(&tab, "").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn pages_of_an_embedded_session_may_be_framed_by_the_service_alone() {
    let mut visitor = Visitor::stranger().await;
    let path = link(&visitor, &PortalLinkDraft { theme: Some(Theme::Dark), ..draft(true) }).await;
    let page = visitor.get_with(&path, &FRAME).await;
    assert_eq!((page.status, ancestors(&page)), (StatusCode::OK, ANCESTOR));
    let opened = visitor.post_with(&path, "", &FRAME).await;
    visitor.come_in(opened.cookie().trim_start_matches("__Host-signet-portal=")).await;
    let page = visitor.get_with("/settings/webhooks", &FRAME).await;
    assert_eq!((page.status, ancestors(&page)), (StatusCode::OK, ANCESTOR));
    assert!(page.html.contains(r#"data-theme="dark""#) && page.html.contains("in-frame"), "{}", page.html);
    assert!(!page.html.contains("top-bar") && !page.html.contains("Signet") && !page.html.contains("api-keys"));
    let error = visitor.get_with("/settings/nothing", &FRAME).await;
    assert_eq!((error.status, ancestors(&error)), (StatusCode::NOT_FOUND, ANCESTOR));
}

#[tokio::test]
async fn pages_of_a_person_are_never_framed() {
    let owner = Visitor::owner().await;
    for path in ["/settings/webhooks", "/settings/account", "/nothing"] {
        assert_eq!(ancestors(&owner.get(path).await), "'none'", "{path}");
    }
    let stranger = owner.signed_out();
    for path in ["/login", "/setup/unknown"] {
        assert_eq!(ancestors(&stranger.get_with(path, &FRAME).await), "'none'", "{path}");
    }
}

#[tokio::test]
async fn a_frame_without_its_session_says_what_to_do() {
    let stranger = Visitor::stranger().await;
    let page = stranger.get_with("/settings/webhooks", &FRAME).await;
    assert_eq!((page.status, ancestors(&page)), (StatusCode::UNAUTHORIZED, ANCESTOR));
    assert!(page.html.contains("keeps no cookies in frames"), "{}", page.html);
}

#[tokio::test]
async fn each_role_sees_its_sections_and_a_viewer_no_secret() {
    for (role, keys, secrets) in
        [(PortalRole::Viewer, false, false), (PortalRole::Developer, false, true), (PortalRole::Admin, true, true)]
    {
        let mut visitor = Visitor::stranger().await;
        let webhook = visitor.endpoint().await;
        let path = link(&visitor, &PortalLinkDraft::new(role)).await;
        let opened = visitor.post(&path, "").await;
        visitor.come_in(opened.cookie().trim_start_matches("__Host-signet=")).await;
        let page = visitor.get("/settings/webhooks").await;
        assert_eq!(page.html.contains("href=\"/settings/api-keys\""), keys, "{role}");
        let revealed = visitor.post(&format!("/settings/webhooks/{}/settings/secret", webhook.id), "").await;
        assert_eq!(revealed.html.contains("whsec_"), secrets, "{role}: {}", revealed.status);
        let session = visitor.session();
        assert!(matches!(session.holder, Holder::Portal(_)));
    }
}

#[tokio::test]
async fn somebody_without_a_way_back_signs_out_and_is_not_sent_to_the_sign_in() {
    let mut visitor = Visitor::stranger().await;
    let path = link(&visitor, &PortalLinkDraft::new(PortalRole::Viewer)).await;
    let opened = visitor.post(&path, "").await;
    visitor.come_in(opened.cookie().trim_start_matches("__Host-signet=")).await;
    assert!(visitor.get("/settings/webhooks").await.html.contains("/logout"));
    let cookie = opened.cookie().to_owned();
    let left = visitor.post_with("/logout", "", &[(header::COOKIE, cookie.as_str())]).await;
    assert_eq!((left.status, left.location()), (StatusCode::SEE_OTHER, LEFT_PATH));
    assert!(visitor.signed_out().get(LEFT_PATH).await.html.contains(text::ENDED_TITLE));
}
