use axum::http::StatusCode;
use signet_engine::testing::PASSWORD as OLD;

use super::*;
use crate::testing::{Visitor, encode};

const NEXT: &str = "seven otters in a canoe";

async fn session_ids(visitor: &Visitor) -> i64 {
    visitor.database.count("SELECT count(*) FROM sessions").await
}

#[tokio::test]
async fn the_page_shows_address_and_sessions() {
    let owner = Visitor::owner().await;
    let id = owner.session().id.to_string();
    insta::assert_snapshot!("page", owner.get(PATH).await.content().replace(&id, "SESSION"));
}

#[tokio::test]
async fn a_password_is_changed_with_the_present_one_and_the_browser_gets_a_new_session() {
    let owner = Visitor::owner().await;
    for (present, new, error) in [
        ("wrong horse battery", NEXT, "present-error"),
        (OLD, "short", "new-error"),
        (OLD, "owner@example.com", "new-error"),
        (OLD, "passwordpassword", "new-error"),
    ] {
        let answer = owner.post(PASSWORD_PATH, &encode(&[(&PRESENT, present), (&NEW, new)])).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.html.contains(error), "{new}");
        for typed in [present, new] {
            assert!(!answer.html.contains(&format!("value=\"{typed}\"")) || typed == "owner@example.com", "{typed}");
        }
    }
    let good = owner.post(PASSWORD_PATH, &encode(&[(&PRESENT, OLD), (&NEW, NEXT)])).await;
    assert_eq!((good.status, good.location()), (StatusCode::SEE_OTHER, PATH));
    let cookies: Vec<_> = good.headers.get_all("set-cookie").iter().map(|it| it.to_str().expect("text")).collect();
    assert!(cookies.iter().any(|cookie| cookie.starts_with("__Host-signet=")), "{cookies:?}");
    assert_eq!(session_ids(&owner).await, 1);
}

#[tokio::test]
async fn an_address_is_changed_with_the_password() {
    let owner = Visitor::owner().await;
    for (email, proof, error) in
        [("me", OLD, "email-error"), ("me@example.com", "wrong horse battery", "proof-error"), ("", OLD, "email-error")]
    {
        let answer = owner.post(EMAIL_PATH, &encode(&[(&EMAIL, email), (&PROOF, proof)])).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.html.contains(error), "{email}");
    }
    let good = owner.post(EMAIL_PATH, &encode(&[(&EMAIL, "me@example.com"), (&PROOF, OLD)])).await;
    assert_eq!((good.location(), good.flash()), (PATH, text::EMAIL_CHANGED.to_owned()));
}

#[tokio::test]
async fn sessions_are_ended_one_by_one_or_all_others_and_never_those_of_other_people() {
    let mut visitor = Visitor::owner().await;
    let of_owner = visitor.session().id;
    visitor.sign_in("owner@example.com").await;
    visitor.sign_in("owner@example.com").await;
    visitor.with_role(signet_model::Role::Admin).await;
    assert_eq!(visitor.post(&format!("{SESSIONS_PATH}/{of_owner}/end"), "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(session_ids(&visitor).await, 4);
    visitor.sign_in("owner@example.com").await;
    let ended = visitor.post(&format!("{SESSIONS_PATH}/{of_owner}/end"), "").await;
    assert_eq!((ended.location(), ended.flash()), (PATH, text::ENDED.to_owned()));
    assert_eq!(session_ids(&visitor).await, 4);
    let ended = visitor.post(&format!("{SESSIONS_PATH}/others/end"), "").await;
    assert_eq!(ended.flash(), text::OTHERS_ENDED);
    assert_eq!(session_ids(&visitor).await, 2, "this one, and that of the admin");
    let this = visitor.session().id;
    assert_eq!(visitor.post(&format!("{SESSIONS_PATH}/{this}/end"), "").await.location(), login::PATH);
}
