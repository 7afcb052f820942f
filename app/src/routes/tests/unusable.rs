//! Pages about rows that cannot be used as they are stored.

use axum::http::StatusCode;
use signet_engine::{
    store::deliveries::Filter,
    testing::{Hands, completed},
};
use signet_model::EndpointId;

use crate::testing::Visitor;

/// The owner of a webhook that is spoilt after an event was sent to it.
async fn owner_of_spoilt(columns: &str) -> (Visitor, EndpointId) {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await.id;
    Hands(&owner.engine).ingest(completed(&owner.engine, owner.account, "task")).await.0.expect("accepted");
    owner.database.drop_constraints("endpoints").await;
    owner.database.run(&format!("UPDATE endpoints SET {columns}")).await;
    owner.database.run("UPDATE accounts SET revision = revision + 1").await;
    (owner, endpoint)
}

#[tokio::test]
async fn every_page_of_a_webhook_that_cannot_be_used_is_shown_and_says_so() {
    for columns in ["url = 'https://a..b/'", "secret = X'00'", "url = CAST(X'68747470733A2F2FFF' AS TEXT)"] {
        let (owner, endpoint) = owner_of_spoilt(columns).await;
        for page in ["", "/edit", "/delete", "/deliveries", "/recover"] {
            let answer = owner.get(&format!("/settings/webhooks/{endpoint}{page}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{columns} {page}");
        }
        for page in ["/settings/webhooks".to_owned(), format!("/settings/webhooks/{endpoint}")] {
            assert!(owner.get(&page).await.html.contains("Unusable"), "{columns} {page}");
        }
        let page = owner.get(&format!("/settings/webhooks/{endpoint}")).await.html;
        assert!(page.contains("This webhook is unusable") && !page.contains(r#"id="test""#), "{columns}");
    }
}

#[tokio::test]
async fn the_url_that_cannot_be_used_is_in_the_form_to_be_corrected() {
    let (owner, endpoint) = owner_of_spoilt("url = 'https://a..b/'").await;
    let path = format!("/settings/webhooks/{endpoint}");
    assert!(owner.get(&format!("{path}/edit")).await.html.contains(r#"value="https://a..b/""#));
    let form = format!("url={}&description=&event=task.failed", super::URL);
    assert_eq!(owner.post(&format!("{path}/edit"), &form).await.status, StatusCode::SEE_OTHER);
    assert!(!owner.get(&path).await.html.contains("Unusable"));
}

#[tokio::test]
async fn a_lost_secret_is_replaced_by_one_that_is_shown() {
    let (owner, endpoint) = owner_of_spoilt("secret = X'00'").await;
    let path = format!("/settings/webhooks/{endpoint}");
    let page = owner.get(&path).await.html;
    assert!(page.contains(&format!(r#"action="{path}/secret/new""#)));
    assert_eq!(owner.post(&format!("{path}/secret"), "").await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let made = owner.post(&format!("{path}/secret/new"), "").await;
    let secret = owner.engine.endpoint_secret(owner.account, endpoint).await.expect("a secret");
    assert!(made.status == StatusCode::OK && made.html.contains(secret.reveal()));
    let again = owner.post(&format!("{path}/secret/new"), "").await;
    assert!(!again.html.contains(secret.reveal()), "one that opens is neither replaced nor shown");
}

#[tokio::test]
async fn a_test_to_a_webhook_that_cannot_be_used_is_refused() {
    let (owner, endpoint) = owner_of_spoilt("url = 'https://a..b/'").await;
    let answer = owner.post(&format!("/settings/webhooks/{endpoint}/test"), "type=task.failed").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_has_a_line_and_a_page() {
    for column in ["event_type = 'order.paid'", "event_type = CAST(X'FF' AS TEXT)", "attempts = 99999999999"] {
        let owner = Visitor::owner().await;
        let endpoint = owner.endpoint().await.id;
        Hands(&owner.engine).ingest(completed(&owner.engine, owner.account, "task")).await.0.expect("accepted");
        owner.database.run(&format!("UPDATE deliveries SET {column}")).await;
        let log = owner.engine.deliveries(owner.account, endpoint, Filter::default(), 1).await.expect("the log");
        let id = log[0].as_ref().expect_err("unusable").id;
        let path = format!("/settings/webhooks/{endpoint}");
        for page in [path.clone(), format!("{path}/deliveries"), format!("{path}/deliveries/{id}")] {
            let answer = owner.get(&page).await;
            assert!(answer.status == StatusCode::OK && answer.html.contains("Unusable"), "{column} {page}");
        }
        let resent = owner.post(&format!("{path}/deliveries/{id}/resend"), "").await;
        assert_eq!(resent.status, StatusCode::UNPROCESSABLE_ENTITY, "{column}");
    }
}

#[tokio::test]
async fn an_account_with_amounts_and_a_name_that_are_none_has_its_page() {
    let owner = Visitor::owner().await;
    owner
        .database
        .run("UPDATE accounts SET balance = 9e999, balance_threshold = -9e999, name = CAST(X'61FF' AS TEXT)")
        .await;
    let answer = owner.get("/settings/account").await;
    assert!(answer.status == StatusCode::OK && answer.html.contains("a\u{fffd}"), "{}", answer.html);
}
