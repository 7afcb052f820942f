use axum::http::StatusCode;
use signet_engine::{
    service::factors::proof::PROOF_LIFETIME,
    testing::{PASSWORD as RIGHT, account, oidc_provider::FakeProvider},
};
use signet_model::Role;

use super::*;
use crate::testing::{Answer, Visitor, encode};

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
    assert_eq!(stranger.post(PATH, &encode(&[(&PASSWORD, RIGHT)])).await.location(), login::PATH);
}

/// Proves at the provider, as the person who owns the account, and returns the page after it.
async fn prove_at(provider: &FakeProvider, owner: &mut Visitor, begun: &Answer) -> Answer {
    let address: url::Url = begun.location().parse().expect("the address of the provider");
    provider.answer_with(&address, &owner.clock, |claims| {
        claims["email"] = "owner@example.com".into();
        claims["auth_time"] = claims["iat"].clone();
    });
    let state = address.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    let callback = format!("/login/oidc/company/callback?code=a&state={state}");
    let back = owner.get_with_cookie(&callback, begun.cookie_named("__Host-signet-oidc")).await;
    assert_eq!((back.status, back.location()), (StatusCode::SEE_OTHER, "/prove/kept"), "{}", back.html);
    owner.with_cookie_of(&back).await;
    owner.get_with_cookie("/prove/kept", begun.cookie_named("__Host-signet-kept")).await
}

#[tokio::test]
async fn a_form_is_kept_on_the_way_to_a_provider_and_sent_in_its_account() {
    let (provider, _) = FakeProvider::start().await;
    let mut owner = Visitor::owner().await.with_providers(provider.provider());
    let acme = owner.account;
    owner.age_proof(PROOF_LIFETIME);
    let asked = owner.post("/settings/you/security/app", "name=a%22b&password=secret").await;
    assert!(asked.html.contains(r#"action="/prove/oidc/company""#), "{}", asked.html);
    let form = encode(&[(&TO, asked.hidden(TO.name)), (&NAME, "a\"b")]);
    let begun = owner.post("/prove/oidc/company", &form).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER);
    let cookie = begun.cookie_named("__Host-signet-kept").to_owned();
    assert!(cookie.len() > 60 && !cookie.contains("app"), "it is sealed: {cookie}");

    // The person has worked in another account since.
    let other = account(&owner.engine, "other").await;
    owner.join(other, Role::Viewer).await;
    let page = prove_at(&provider, &mut owner, &begun).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.html);
    assert!(page.html.contains(r#"action="/settings/you/security/app""#), "{}", page.html);
    assert_eq!(page.hidden("name"), "a&quot;b");
    assert!(!page.html.contains("secret"));
    if !page.cookie_named(crate::cookie::SESSION).is_empty() {
        owner.with_cookie_of(&page).await;
    }
    assert_eq!(owner.session().account_id(), Some(acme));

    // The cookie opens for nobody else.
    owner.sign_up_elsewhere("eve@example.com").await;
    assert_eq!(owner.get_with_cookie("/prove/kept", &cookie).await.location(), HOME);
    assert_eq!(owner.get("/prove/kept").await.location(), HOME);
}

#[tokio::test]
async fn a_form_that_is_too_long_to_be_carried_is_said_to_be_before() {
    let (provider, _) = FakeProvider::start().await;
    let mut owner = Visitor::owner().await.with_providers(provider.provider());
    owner.age_proof(PROOF_LIFETIME);
    let long = format!("name={}", "a".repeat(3_000));
    let asked = owner.post("/settings/you/security/app", &long).await;
    assert!(asked.html.contains(text::TOO_LONG) && !asked.html.contains("/prove/oidc/"), "{}", asked.html);
    assert!(
        asked.html.contains("/login/oidc/company?next=/settings/you/security/app"),
        "it leads to the page of the form"
    );
    let forged = owner.post("/prove/oidc/company", &format!("to=/settings&kept.{long}")).await;
    assert_eq!(forged.status, StatusCode::BAD_REQUEST);
    let evil = owner.post("/prove/oidc/company", "to=https://evil.example/").await;
    assert_eq!(evil.status, StatusCode::BAD_REQUEST);
    assert_eq!(owner.post("/prove/oidc/nobody", "to=/settings").await.status, StatusCode::NOT_FOUND);
}
