//! A form that is sent twice, and forms beyond an account's limits.

use axum::http::{StatusCode, header};
use signet_engine::{
    Settings,
    testing::{api_key, sqlite},
};

use super::{URL, secret};
use crate::testing::Visitor;

const NEW: &str = "/settings/webhooks/new";

#[tokio::test]
async fn one_form_that_is_sent_twice_makes_one_webhook_and_leads_to_it() {
    let owner = Visitor::owner().await;
    let form = format!("url={URL}&description=&event=task.failed&secret={}", secret());
    let (first, second) = (owner.post(NEW, &form).await, owner.post(NEW, &form).await);
    assert_eq!(first.location(), second.location());
    assert_eq!(first.header(header::SET_COOKIE), second.header(header::SET_COOKIE));
    assert_eq!(owner.engine.endpoints(owner.account).await.expect("endpoints").len(), 1);

    let changed = owner.post(NEW, &form.replace("task.failed", "balance.low")).await;
    assert_eq!(changed.location(), first.location());
    assert!(changed.header(header::SET_COOKIE).contains("webhook-there"), "it was not changed, and that is said");
}

#[tokio::test]
async fn a_webhook_beyond_the_limit_is_refused_and_what_was_typed_is_kept() {
    let settings = Settings { max_endpoints_per_account: 1, ..Settings::default() };
    let owner = Visitor::owner_at(sqlite().await, settings).await;
    owner.endpoint().await;
    let form = format!("url={URL}&description=Orders&event=task.failed&secret={}", secret());
    let refused = owner.post(NEW, &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in ["This account has 1 webhooks, and may not have more.", r#"value="Orders""#, "example.com/webhooks"] {
        assert!(refused.html.contains(kept), "{kept}");
    }
}

#[tokio::test]
async fn an_api_key_beyond_the_limit_is_refused_and_its_name_is_kept() {
    let settings = Settings { max_api_keys_per_account: 1, ..Settings::default() };
    let owner = Visitor::owner_at(sqlite().await, settings).await;
    api_key(&owner.engine, Some(owner.account), "backend").await;
    let refused = owner.post("/settings/api-keys", "name=billing").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.html.contains("This account has 1 API keys, and may not have more."));
    assert!(refused.html.contains(r#"value="billing""#));
}
