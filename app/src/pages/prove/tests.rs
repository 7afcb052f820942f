use axum::http::StatusCode;
use signet_engine::{service::factors::proof::PROOF_LIFETIME, testing::PASSWORD as RIGHT};

use super::*;
use crate::testing::{Visitor, encode};

const NAME: Field = Field::named("kept.name");

#[tokio::test]
async fn a_right_password_leads_on_and_a_wrong_one_says_so() {
    let owner = Visitor::owner().await;
    let page = owner.get("/prove?next=/settings/account").await;
    assert!(page.html.contains(text::TITLE) && !page.html.contains(text::OR), "there is no app");
    for (password, said) in [("wrong", text::WRONG_PASSWORD), ("", text::NOTHING)] {
        let form = encode(&[(&PASSWORD, password), (&NEXT, "/settings/account")]);
        let refused = owner.post(PATH, &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.html.contains(said) && !refused.html.contains("value=\"wrong\""));
    }
    let proved = owner.post(PATH, &encode(&[(&PASSWORD, RIGHT), (&NEXT, "/settings/account")])).await;
    assert_eq!((proved.status, proved.location()), (StatusCode::SEE_OTHER, "/settings/account"));
    assert!(!proved.cookie_named(crate::cookie::SESSION).is_empty(), "the session has a new token");
    let evil = owner.post(PATH, &encode(&[(&PASSWORD, RIGHT), (&NEXT, "https://evil.example/")])).await;
    assert_eq!(evil.location(), HOME);
}

#[tokio::test]
async fn a_form_that_was_refused_is_kept_and_sent_again_after_the_proof() {
    let mut owner = Visitor::owner().await;
    owner.age_proof(PROOF_LIFETIME);
    let asked = owner.post("/settings/you/security/app", "name=a%22b&password=secret").await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN);
    assert_eq!(asked.hidden(TO.name), "/settings/you/security/app");
    assert_eq!(asked.hidden(NAME.name), "a&quot;b");
    assert!(!asked.html.contains("secret"), "a password is not kept");
    let form = encode(&[(&PASSWORD, RIGHT), (&TO, asked.hidden(TO.name)), (&NAME, "a\"b")]);
    let proved = owner.post(PATH, &form).await;
    assert_eq!(proved.status, StatusCode::OK);
    assert!(proved.html.contains(r#"action="/settings/you/security/app""#), "{}", proved.html);
    assert_eq!(proved.hidden("name"), "a&quot;b");
    let evil = owner.post(PATH, &encode(&[(&PASSWORD, RIGHT), (&TO, "https://evil.example/")])).await;
    assert_eq!(evil.location(), HOME, "a form is sent to this site alone");
}

#[tokio::test]
async fn without_a_session_there_is_nothing_to_prove() {
    let stranger = Visitor::owner().await.signed_out();
    assert_eq!(stranger.get(PATH).await.location(), login::PATH);
    assert_eq!(stranger.post(PATH, &encode(&[(&PASSWORD, RIGHT)])).await.status, StatusCode::UNAUTHORIZED);
}
