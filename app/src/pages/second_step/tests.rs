use axum::http::{StatusCode, header};
use signet_engine::{
    service::factors::Seed,
    testing::{Authenticator, PASSWORD},
};

use super::*;
use crate::{
    pages::login::{EMAIL, PASSWORD as PASSWORD_FIELD},
    testing::{Answer, Visitor, encode},
};

const ORIGIN: &str = "http://localhost:8080";
const HOST: (header::HeaderName, &str) = (header::HOST, "localhost:8080");
const NAME: Field = Field::named("name");

/// A stranger at the server of a person with an app, whose clock is at the next code.
async fn with_app() -> (Visitor, Seed) {
    let owner = Visitor::owner().await;
    let factors = owner.engine.factors(owner.session(), None).expect("a person");
    factors.begin_totp().await.expect("begun");
    let seed = factors.new_totp().await.expect("a seed");
    factors.confirm_totp(&seed.code(owner.engine.clock().now())).await.expect("confirmed");
    owner.clock.advance(std::time::Duration::from_secs(30));
    (owner.signed_out(), seed)
}

async fn give_password(stranger: &Visitor) -> Answer {
    let form = [(&EMAIL, "owner@example.com"), (&PASSWORD_FIELD, PASSWORD), (&NEXT, "/settings/account")];
    stranger.post(login::PATH, &encode(&form)).await
}

#[tokio::test]
async fn the_password_leads_to_the_second_step_and_a_code_to_the_page_that_was_asked_for() {
    let (mut visitor, seed) = with_app().await;
    let answer = give_password(&visitor).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/login/second?next=/settings/account"));
    assert_eq!(answer.cookie_named(cookie::SESSION), "", "there is no session yet");
    let pending = answer.cookie_named(COOKIE).to_owned();
    let page = visitor.get_with_cookie(answer.location(), &pending).await;
    assert!(page.html.contains(text::CODE_HINT) && page.html.contains(r#"value="/settings/account""#));
    let wrong = visitor.post_with(PATH, &encode(&[(&CODE, "000000")]), &[(header::COOKIE, &pending)]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.html.contains(text::WRONG) && !wrong.html.contains("000000"));
    let code = seed.code(visitor.engine.clock().now());
    let form = encode(&[(&CODE, &code), (&NEXT, "/settings/account")]);
    let right = visitor.post_with(PATH, &form, &[(header::COOKIE, &pending)]).await;
    assert_eq!((right.status, right.location()), (StatusCode::SEE_OTHER, "/settings/account"));
    assert_eq!(right.cookie_named(COOKIE), format!("{COOKIE}="));
    visitor.with_cookie_of(&right).await;
    assert_eq!(visitor.get("/settings/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_the_password_there_is_no_second_step() {
    let (stranger, seed) = with_app().await;
    let code = seed.code(stranger.engine.clock().now());
    for cookie in ["", "__Host-signet-pending=wrong"] {
        let answer = stranger.post_with(PATH, &encode(&[(&CODE, &code)]), &[(header::COOKIE, cookie)]).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, login::PATH));
        assert_eq!(answer.cookie_named(cookie::SESSION), "");
        assert_eq!(stranger.get_with_cookie(PATH, cookie).await.location(), login::PATH);
    }
}

#[tokio::test]
async fn a_second_step_leads_to_pages_of_this_site_alone() {
    let (stranger, seed) = with_app().await;
    let pending = give_password(&stranger).await.cookie_named(COOKIE).to_owned();
    let code = seed.code(stranger.engine.clock().now());
    let form = encode(&[(&CODE, &code), (&NEXT, "//evil.example/")]);
    let right = stranger.post_with(PATH, &form, &[(header::COOKIE, &pending)]).await;
    assert_eq!(right.location(), HOME);
}

#[tokio::test]
async fn a_passkey_is_the_second_step_or_signs_in_alone() {
    let owner = Visitor::owner().await;
    let page = owner.get_with("/settings/you/security", &[HOST]).await;
    let mut laptop = Authenticator::new();
    let answer = laptop.register(&page.passkey_options(), ORIGIN);
    let form = encode(&[(&NAME, "laptop"), (&CHALLENGE, page.hidden(CHALLENGE.name)), (&ANSWER, &answer)]);
    owner.post_with("/settings/you/security/passkeys", &form, &[HOST]).await;
    let mut visitor = owner.signed_out();

    let pending = give_password(&visitor).await.cookie_named(COOKIE).to_owned();
    let page = visitor.get_with(PATH, &[HOST, (header::COOKIE, &pending)]).await;
    let signed = laptop.sign(&page.passkey_options(), ORIGIN);
    let form = encode(&[(&CHALLENGE, page.hidden(CHALLENGE.name)), (&ANSWER, &signed)]);
    let second = visitor.post_with(PASSKEY_PATH, &form, &[HOST, (header::COOKIE, &pending)]).await;
    assert_eq!((second.status, second.location()), (StatusCode::SEE_OTHER, HOME));

    let page = visitor.get_with("/login?next=/settings/account", &[HOST]).await;
    let signed = laptop.sign(&page.passkey_options(), ORIGIN);
    let fields = [(&CHALLENGE, page.hidden(CHALLENGE.name)), (&ANSWER, &signed), (&NEXT, "/settings/account")];
    let alone = visitor.post_with("/login/passkey", &encode(&fields), &[HOST]).await;
    assert_eq!((alone.status, alone.location()), (StatusCode::SEE_OTHER, "/settings/account"));
    visitor.with_cookie_of(&alone).await;
    assert_eq!(visitor.session().email(), Some("owner@example.com"));
    let again = visitor.post_with("/login/passkey", &encode(&fields), &[HOST]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "a challenge counts once");
}
