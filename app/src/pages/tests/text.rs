//! Control characters in fields and addresses are never a fault of the server.

use axum::http::StatusCode;
use signet_engine::{
    Settings,
    testing::{TestDatabase, on_each_database},
};

use crate::{
    form::Field,
    pages::{
        account, api_keys, login, setup,
        webhook_form::{self, DESCRIPTION, EVENTS, SECRET, URL},
    },
    present::endpoint_path,
    testing::{Visitor, encode},
};

on_each_database!(a_control_character_in_a_field_is_an_error_beside_it_and_the_field_keeps_its_value);
async fn a_control_character_in_a_field_is_an_error_beside_it_and_the_field_keeps_its_value(database: TestDatabase) {
    let owner = Visitor::owner_at(database, Settings::default()).await;
    let secret = owner.engine.new_secret();
    let webhook = [(&URL, "https://example.com/a"), (&EVENTS, "task.failed"), (&SECRET, secret.reveal())];
    let edit = format!("{}/edit", endpoint_path(owner.endpoint().await.id));
    let threshold = format!("{}/threshold", account::PATH);
    for (path, others, field, typed) in [
        (webhook_form::NEW_PATH, &webhook[..], &DESCRIPTION, "Or\0ders"),
        (&edit, &webhook, &DESCRIPTION, "Or\0ders"),
        (api_keys::PATH, &[], &api_keys::NAME, "Or\0ders"),
        (api_keys::PATH, &[], &api_keys::NAME, "Or\x1bders"),
        (&threshold, &[], &account::THRESHOLD, "Or\0ders"),
    ] {
        let form = encode(&[others, &[(field, typed)]].concat());
        let Field { name, .. } = field;
        let answer = owner.post(path, &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(answer.html.contains(&format!("id=\"{name}-error\"")), "{path}");
        assert!(answer.html.contains("value=\"Or") && answer.html.contains("ders\""), "{path}");
    }
}

on_each_database!(a_nul_in_a_form_for_strangers_is_a_wrong_entry);
async fn a_nul_in_a_form_for_strangers_is_a_wrong_entry(database: TestDatabase) {
    let stranger = Visitor::stranger_at(database, Settings::default()).await;
    let link = stranger.account().create_setup_link().await.expect("a link");
    let person = encode(&[(&login::EMAIL, "me\0@example.com"), (&login::PASSWORD, "correct\0horse battery")]);
    for path in [login::PATH.to_owned(), setup::path(&link)] {
        let answer = stranger.post(&path, &person).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
    assert_eq!(stranger.post("/setup/%00", &person).await.status, StatusCode::GONE);
}

on_each_database!(a_nul_in_an_address_is_no_fault_of_the_server);
async fn a_nul_in_an_address_is_no_fault_of_the_server(database: TestDatabase) {
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
