//! Control characters in whatever a browser can send: never a fault of the server.

use axum::http::StatusCode;
use signet_engine::{Settings, testing::databases};

use super::{URL, secret};
use crate::testing::Visitor;

#[tokio::test]
async fn a_control_character_in_a_field_is_said_beside_it_and_what_was_typed_is_kept() {
    for database in databases().await {
        let owner = Visitor::owner_at(database, Settings::default()).await;
        let webhook = format!("url={URL}&event=task.failed&secret={}&description=Or%00ders", secret());
        let edit = format!("/settings/webhooks/{}/edit", owner.endpoint().await.id);
        for (path, form, field) in [
            ("/settings/webhooks/new", webhook.as_str(), "description"),
            (edit.as_str(), &webhook, "description"),
            ("/settings/api-keys", "name=Or%00ders", "name"),
            ("/settings/api-keys", "name=Or%1Bders", "name"),
            ("/settings/account/threshold", "threshold=Or%00ders", "threshold"),
        ] {
            let answer = owner.post(path, form).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
            assert!(answer.html.contains(&format!("id=\"{field}-error\"")), "{path}");
            assert!(answer.html.contains("value=\"Or") && answer.html.contains("ders\""), "{path}");
        }
    }
}

#[tokio::test]
async fn a_nul_in_a_form_for_strangers_is_a_wrong_entry() {
    for database in databases().await {
        let stranger = Visitor::stranger_at(database, Settings::default()).await;
        let link = stranger.engine.create_setup_link(stranger.account).await.expect("a link");
        let person = "email=me%00%40example.com&password=correct%00horse+battery";
        for path in ["/login".to_owned(), format!("/setup/{link}")] {
            let answer = stranger.post(&path, person).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        }
        assert_eq!(stranger.post("/setup/%00", person).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[tokio::test]
async fn a_nul_in_an_address_is_no_fault_of_the_server() {
    for database in databases().await {
        let owner = Visitor::owner_at(database, Settings::default()).await;
        let webhook = format!("/settings/webhooks/{}", owner.endpoint().await.id);
        for path in [
            "/%00".to_owned(),
            "/setup/%00".to_owned(),
            "/login?next=%00".to_owned(),
            "/settings/webhooks/%00".to_owned(),
            "/settings/api-keys/%00/revoke".to_owned(),
            format!("{webhook}?test=%00"),
            format!("{webhook}/deliveries?state=%00&type=%00&before=%00"),
            format!("{webhook}/deliveries/%00"),
            format!("{webhook}/recover?since=%00&event=%00"),
        ] {
            let answer = owner.get(&path).await;
            assert!(!answer.status.is_server_error(), "{path}: {}", answer.status);
        }
        for call in ["secret", "deliveries", "test", "%00"] {
            let answer = owner.post(&format!("/live/{call}"), "endpoint=%00&kind=%00").await;
            assert_ne!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{call}");
        }
    }
}
