//! The page of a webhook, its forms, and its state when its row cannot be used.

use axum::http::StatusCode;
use signet_engine::{
    service::deliveries::Filter,
    testing::{Hands, completed},
};
use signet_model::{Role, event::EventType};

use super::*;
use crate::{
    pages::webhook_form::{DESCRIPTION, EVENTS, URL},
    testing::{Visitor, encode},
};

#[tokio::test]
async fn the_tabs_show_the_webhook() {
    let owner = Visitor::owner().await;
    let id = owner.endpoint().await.id;
    insta::assert_snapshot!("test", owner.get(&test_event::path(id)).await.content());
    insta::assert_snapshot!("settings", owner.get(&settings::path(id)).await.content());
    let path = endpoint_path(id);
    owner.post(&format!("{path}/pause"), "").await;
    insta::assert_snapshot!("settings_paused", owner.get(&settings::path(id)).await.content());
}

#[tokio::test]
async fn the_tabs_lead_to_each_other_and_name_the_webhook_in_the_title() {
    let owner = Visitor::owner().await;
    let id = owner.endpoint().await.id;
    for (tab, name) in [
        (head::Tab::Overview, "<title>example.com/webhooks"),
        (head::Tab::Deliveries, "<title>Deliveries · example.com/webhooks"),
        (head::Tab::Test, "<title>Test · example.com/webhooks"),
        (head::Tab::Settings, "<title>Settings · example.com/webhooks"),
    ] {
        let page = owner.get(&tab.path(id)).await;
        assert_eq!(page.status, StatusCode::OK, "{tab:?}");
        assert!(page.html.contains(name), "{tab:?}: {}", page.html);
        for other in ["", "/deliveries", "/test", "/settings"] {
            assert!(page.html.contains(&format!("<a href=\"{}{other}\"", endpoint_path(id))), "{tab:?}: {other}");
        }
    }
}

#[tokio::test]
async fn the_page_shows_the_state_of_the_webhook() {
    let owner = Visitor::owner().await;
    let id = owner.endpoint().await.id;
    let path = endpoint_path(id);
    insta::assert_snapshot!("enabled", owner.get(&path).await.content());
    owner.post(&format!("{path}/pause"), "").await;
    insta::assert_snapshot!("paused", owner.get(&path).await.content());
    owner.post(&format!("{path}/enable"), "").await;

    let hands = Hands(&owner.engine);
    for one in hands.ingest(completed(&owner.engine, owner.account, "task_failed")).await.1 {
        hands.finish(one, 410).await;
    }
    hands.ingest(completed(&owner.engine, owner.account, "task_held")).await.0.expect("accepted");
    insta::assert_snapshot!("disabled", owner.get(&path).await.content());
    owner.post(&format!("{path}/enable"), &format!("{}=keep", held::field(&EventType::TASK_COMPLETED))).await;
    insta::assert_snapshot!("held", owner.get(&path).await.content());
}

#[tokio::test]
async fn opening_the_address_of_a_form_leaves_the_webhook_as_it_is() {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await;
    for action in [
        "delete",
        "pause",
        "enable",
        "held",
        "stop-waiting",
        "recover",
        "settings/secret",
        "rotation",
        "coming-back",
        "test",
    ] {
        owner.get(&format!("{}/{action}", endpoint_path(endpoint.id))).await;
    }
    owner.get("/logout").await;
    let after = owner.account().endpoint(endpoint.id).get().await.expect("still there");
    assert!(after.disabled.is_none());
    let sent =
        owner.account().endpoint(endpoint.id).log(&Filter::default(), None, 10).await.expect("the log").deliveries;
    assert!(sent.is_empty());
}

#[tokio::test]
async fn a_secret_is_on_the_page_only_when_it_was_asked_for() {
    let owner = Visitor::owner().await;
    let id = owner.endpoint().await.id;
    let page = settings::path(id);
    let secret = owner.account().endpoint(id).reveal_secret().await.expect("a secret");
    assert!(!owner.get(&page).await.html.contains(secret.reveal()));
    assert!(owner.post(&format!("{page}/secret"), "").await.html.contains(secret.reveal()));
}

#[tokio::test]
async fn a_webhook_is_paused_and_re_enabled() {
    let owner = Visitor::owner().await;
    let path = endpoint_path(owner.endpoint().await.id);
    for (action, said, shown) in [("pause", text::PAUSED, text::IS_PAUSED), ("enable", text::ENABLED, "Enabled")] {
        let answer = owner.post(&format!("{path}/{action}"), "").await;
        assert_eq!((answer.location(), answer.flash()), (&*path, said.to_owned()));
        let page = owner.get_with_cookie(&path, answer.cookie()).await;
        assert!(page.html.contains(said) && page.html.contains(shown), "{action}");
    }
}

/// The owner of a webhook whose row is damaged after an event was sent to it.
async fn owner_of_damaged(columns: &str) -> (Visitor, EndpointId) {
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
        let (owner, endpoint) = owner_of_damaged(columns).await;
        for page in ["", "/edit", "/delete", "/deliveries", "/recover", "/test", "/settings"] {
            let answer = owner.get(&format!("{}{page}", endpoint_path(endpoint))).await;
            assert_eq!(answer.status, StatusCode::OK, "{columns} {page}");
        }
        for page in [webhooks::PATH.to_owned(), endpoint_path(endpoint)] {
            assert!(owner.get(&page).await.html.contains("Unusable"), "{columns} {page}");
        }
        let page = owner.get(&endpoint_path(endpoint)).await.html;
        assert!(page.contains(text::IS_UNUSABLE), "{columns}");
        let test = owner.get(&test_event::path(endpoint)).await.html;
        assert!(test.contains(text::IS_UNUSABLE) && !test.contains(r#"id="test""#), "{columns}");
    }
}

#[tokio::test]
async fn a_viewer_of_a_webhook_that_cannot_be_used_is_offered_no_remedy() {
    for columns in ["url = 'https://a..b/'", "secret = X'00'"] {
        let (mut viewer, endpoint) = owner_of_damaged(columns).await;
        viewer.with_role(Role::Viewer).await;
        let path = endpoint_path(endpoint);
        let page = viewer.get(&path).await.content();
        assert!(page.contains(text::IS_UNUSABLE) && page.contains(text::ASK_FOR_REPAIR), "{columns}");
        for offered in ["/secret/new", "/edit", "<form method=\"post\" action=\"/settings"] {
            assert!(!page.contains(offered), "{columns}: {offered}");
        }
    }
}

#[tokio::test]
async fn a_url_that_cannot_be_used_is_in_the_form_to_be_corrected() {
    let (owner, endpoint) = owner_of_damaged("url = 'https://a..b/'").await;
    let path = endpoint_path(endpoint);
    assert!(owner.get(&format!("{path}/edit")).await.html.contains(r#"value="https://a..b/""#));
    let form = encode(&[(&URL, "https://example.com/a"), (&DESCRIPTION, ""), (&EVENTS, "task.failed")]);
    assert_eq!(owner.post(&format!("{path}/edit"), &form).await.status, StatusCode::SEE_OTHER);
    assert!(!owner.get(&path).await.html.contains("Unusable"));
}

#[tokio::test]
async fn a_lost_secret_is_replaced_by_one_that_is_shown() {
    let (owner, endpoint) = owner_of_damaged("secret = X'00'").await;
    let path = endpoint_path(endpoint);
    let page = owner.get(&path).await.html;
    assert!(page.contains(&format!(r#"action="{path}/secret/new""#)));
    assert_eq!(owner.post(&format!("{path}/settings/secret"), "").await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let made = owner.post(&format!("{path}/secret/new"), "").await;
    let secret = owner.account().endpoint(endpoint).reveal_secret().await.expect("a secret");
    assert!(made.status == StatusCode::OK && made.html.contains(secret.reveal()));
    let again = owner.post(&format!("{path}/secret/new"), "").await;
    assert!(!again.html.contains(secret.reveal()), "a secret that opens is neither replaced nor shown");
}

#[tokio::test]
async fn a_test_to_a_webhook_that_cannot_be_used_is_refused() {
    let (owner, endpoint) = owner_of_damaged("url = 'https://a..b/'").await;
    let form = encode(&[(&test_event::TYPE, "task.failed")]);
    let answer = owner.post(&format!("{}/test", endpoint_path(endpoint)), &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_webhook_whose_receiver_asked_to_wait_says_until_when_and_can_stop_waiting() {
    let owner = Visitor::owner().await;
    let path = endpoint_path(owner.endpoint().await.id);
    let hands = Hands(&owner.engine);
    let one = hands.ingest(completed(&owner.engine, owner.account, "task")).await.1.remove(0);
    hands.finish_asking(one, 429, std::time::Duration::from_hours(1)).await;
    insta::assert_snapshot!("resting", owner.get(&path).await.content());
    let mut viewer = owner;
    viewer.with_role(Role::Viewer).await;
    let page = viewer.get(&path).await.html;
    assert!(page.contains(text::ASKED_TO_WAIT) && !page.contains("/stop-waiting"), "a viewer may not stop it");
    let mut owner = viewer;
    owner.sign_in("owner@example.com").await;
    assert!(owner.get(webhooks::PATH).await.html.contains("Asked to wait until 13:00:00 UTC"));
    let answer = owner.post(&format!("{path}/stop-waiting"), "").await;
    assert_eq!((answer.location(), answer.flash()), (&*path, text::STOPPED_WAITING.to_owned()));
    assert!(!owner.get(&path).await.html.contains(text::ASKED_TO_WAIT));
}

#[tokio::test]
async fn a_body_that_is_not_of_its_type_comes_back_with_the_place_of_the_fault() {
    let owner = Visitor::owner().await;
    let id = owner.endpoint().await.id;
    let path = test_event::path(id);
    for (body, place) in [(r#"{"taskId":7,"errorId":1}"#, "/taskId"), ("{", "The body"), ("", "is empty")] {
        let form = encode(&[(&test_event::TYPE, "task.failed"), (&test_event::BODY, body)]);
        let form = format!("{form}&sample-of=task.failed");
        let answer = owner.post(&path, &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(answer.html.contains(place) && answer.html.contains("body-error"), "{body}: {}", answer.html);
    }
    assert!(owner.account().endpoint(id).tests(10).await.expect("tests").is_empty());
}

#[tokio::test]
async fn a_sample_is_loaded_by_its_type() {
    let owner = Visitor::owner().await;
    let path = test_event::path(owner.endpoint().await.id);
    let answer = owner.post(&path, "type=balance.low&body=typed&load=1").await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, format!("{path}?type=balance.low#test").as_str())
    );
    let page = owner.get(&format!("{path}?type=balance.low")).await;
    assert!(page.html.contains("\"event\": \"balance.low\""), "{}", page.html);
}

#[tokio::test]
async fn a_secret_is_rotated_step_by_step() {
    let owner = Visitor::owner().await;
    let id = owner.endpoint().await.id;
    let (settings, rotation) = (settings::path(id), format!("{}/rotation", endpoint_path(id)));
    let first = owner.account().endpoint(id).reveal_secret().await.expect("a secret");
    let begun = owner.post(&rotation, "overlap=24h").await;
    assert_eq!(
        (begun.location(), begun.flash()),
        (format!("{settings}#rotation").as_str(), text::rotation::BEGUN.to_owned())
    );
    let next = owner.account().endpoint(id).reveal_rotation().await.expect("an answer").expect("a rotation").next;
    let page = owner.get(&settings).await;
    assert!(!page.html.contains(next.reveal()) && page.html.contains(text::rotation::SWITCH), "{}", page.html);
    let revealed = owner.post(&format!("{rotation}/reveal"), "").await;
    assert!(revealed.html.contains(next.reveal()) && !revealed.html.contains(first.reveal()));
    assert!(owner.post(&rotation, "overlap=1h").await.flash().contains("has a next secret already"));
    assert_eq!(owner.post(&format!("{rotation}/call-off"), "").await.flash(), text::rotation::CALLED_OFF);
    owner.post(&rotation, "overlap=7d").await;
    assert_eq!(owner.post(&format!("{rotation}/switch"), "").await.flash(), text::rotation::SWITCHED);
    let second = owner.account().endpoint(id).reveal_secret().await.expect("a secret");
    assert!(second != first && second != next);
    let none = owner.post(&format!("{rotation}/test"), "").await;
    assert!(none.flash().contains("no next secret"), "{}", none.flash());
    assert_eq!(owner.post(&rotation, "overlap=ever").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_exchange_of_a_test_is_live_until_it_has_ended() {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await.id;
    let hands = Hands(&owner.engine);
    let (id, mut in_flight) = hands.ingest_test(owner.account, endpoint).await;
    let waiting = owner.get(&format!("{}?test={id}", test_event::path(endpoint))).await;
    assert!(waiting.html.contains("data-live"), "{}", waiting.html);
    hands.finish(in_flight.remove(0), 404).await;
    insta::assert_snapshot!("tested", owner.get(&format!("{}?test={id}", test_event::path(endpoint))).await.content());
}
