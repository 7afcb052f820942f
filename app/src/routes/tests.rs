//! The pages as a browser meets them.

mod foreign;
mod live;
mod once;
mod recover;
mod setup;
mod text;
mod unusable;

use axum::http::{StatusCode, header};
use signet_engine::store::deliveries::Filter;
use signet_model::signature::Secret;

use crate::testing::Visitor;

const URL: &str = "https%3A%2F%2Fexample.com%2Fwebhooks";

fn secret() -> String {
    Secret::new([1; 32]).reveal().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

#[tokio::test]
async fn strangers_are_sent_to_sign_in_and_come_back_afterwards() {
    let stranger = Visitor::stranger().await;
    for path in ["/settings/webhooks", "/settings/webhooks/new", "/settings/api-keys", "/settings/account"] {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.location(), format!("/login?next={path}"));
    }
    let answer = stranger.post("/settings/api-keys", "name=x").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/login"));
    assert_eq!(stranger.engine.api_keys(stranger.account).await.expect("keys").len(), 0);
}

#[tokio::test]
async fn an_invalid_form_comes_back_as_it_was_typed() {
    let owner = Visitor::owner().await;
    let form = format!("url=http%3A%2F%2Fexample.com&description=For+%3Cus%3E&secret={}", secret());
    let answer = owner.post("/settings/webhooks/new", &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in [
        r#"value="http://example.com""#,
        r#"value="For &lt;us&gt;""#,
        Secret::new([1; 32]).reveal(),
        r#"aria-describedby="url-error url-hint""#,
        "Choose at least one event.",
    ] {
        assert!(answer.html.contains(kept), "{kept}");
    }
    assert_eq!(answer.html.matches(" autofocus").count(), 1);
    assert_eq!(owner.engine.endpoints(owner.account).await.expect("endpoints").len(), 0);
}

#[tokio::test]
async fn a_webhook_is_created_with_the_secret_that_was_shown() {
    let owner = Visitor::owner().await;
    let form = format!("url={URL}&description=&event=task.failed&secret={}", secret());
    let answer = owner.post("/settings/webhooks/new", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.html);
    let endpoints = owner.engine.endpoints(owner.account).await.expect("endpoints");
    assert_eq!(answer.location(), format!("/settings/webhooks/{}", endpoints[0].id));
    let kept = owner.engine.endpoint_secret(owner.account, endpoints[0].id).await.expect("a secret");
    assert_eq!(kept, Secret::new([1; 32]));
}

#[tokio::test]
async fn nothing_changes_on_get() {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await;
    for action in ["delete", "pause", "enable", "held", "recover", "secret", "test"] {
        owner.get(&format!("/settings/webhooks/{}/{action}", endpoint.id)).await;
    }
    owner.get("/logout").await;
    let after = owner.engine.endpoint(owner.account, endpoint.id).await.expect("the store").expect("still there");
    assert!(after.disabled.is_none());
    let sent = owner.engine.deliveries(owner.account, endpoint.id, Filter::default(), 10).await.expect("the log");
    assert!(sent.is_empty());
}

#[tokio::test]
async fn a_secret_is_on_the_page_only_when_it_was_asked_for() {
    let owner = Visitor::owner().await;
    let id = owner.endpoint().await.id;
    let path = format!("/settings/webhooks/{id}");
    let secret = owner.engine.endpoint_secret(owner.account, id).await.expect("a secret");
    assert!(!owner.get(&path).await.html.contains(secret.reveal()));
    assert!(owner.post(&format!("{path}/secret"), "").await.html.contains(secret.reveal()));
}

#[tokio::test]
async fn pages_allow_only_their_own_script_and_are_not_stored() {
    let owner = Visitor::owner().await;
    let page = owner.get("/settings/webhooks/new").await;
    let policy = page.header(header::CONTENT_SECURITY_POLICY);
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
    assert!(nonce.len() >= 22, "{nonce}");
    assert!(page.html.contains(&format!("nonce=\"{nonce}\"")));
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe-inline"), "{policy}");
    assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
    for forbidden in [" style=", " onclick=", "javascript:"] {
        assert!(!page.html.contains(forbidden), "{forbidden}");
    }
    let other = owner.get("/settings/webhooks/new").await;
    assert_ne!(other.header(header::CONTENT_SECURITY_POLICY), policy, "a nonce is used once");
}

#[tokio::test]
async fn a_notice_is_shown_once() {
    let owner = Visitor::owner().await;
    let path = format!("/settings/webhooks/{}", owner.endpoint().await.id);
    let answer = owner.post(&format!("{path}/pause"), "").await;
    let cookie = answer.header(header::SET_COOKIE).split(';').next().unwrap_or_default();
    assert_eq!(cookie, "__Host-signet-notice=webhook-paused");
    let page = owner.get_with_cookie(&path, cookie).await;
    assert!(page.html.contains("Webhook paused."));
    assert!(page.header(header::SET_COOKIE).starts_with("__Host-signet-notice=; Max-Age=0; "));
    assert!(!owner.get(&path).await.html.contains("Webhook paused."));
}

#[tokio::test]
async fn what_is_not_there_is_a_page_too() {
    let owner = Visitor::owner().await;
    for path in ["/nothing", "/settings/webhooks/ep_1", "/settings/webhooks/new/x", "/settings/api-keys/x/revoke"] {
        let answer = owner.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.html.contains("<h1>Page not found</h1>"), "{path}");
    }
    let answer = owner.post("/settings/account", "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(answer.html.contains("<h1>This address cannot be opened</h1>"));
}

#[tokio::test]
async fn pages_without_an_island_load_no_script() {
    let stranger = Visitor::stranger().await;
    let link = stranger.engine.create_setup_link(stranger.account).await.expect("a link");
    let page = stranger.get(&format!("/setup/{link}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.html.contains("<script"));
}
