use axum::http::{StatusCode, header};
use signet_engine::{
    service::factors::{Seed, proof::PROOF_LIFETIME},
    testing::Authenticator,
};

use super::*;
use crate::{
    pages::prove,
    testing::{Answer, Visitor, encode},
};

const ORIGIN: &str = "http://localhost:8080";
const HOST: (header::HeaderName, &str) = (header::HOST, "localhost:8080");

async fn set_up(owner: &Visitor) -> (Seed, Answer) {
    assert_eq!(owner.post(&app::path(), "").await.location(), app::path());
    let seed = owner.engine.factors(owner.session(), None).expect("a person").new_totp().await.expect("a seed");
    let code = seed.code(owner.engine.clock().now());
    (seed, owner.post(&format!("{}/confirm", app::path()), &encode(&[(&app::CODE, &code)])).await)
}

#[tokio::test]
async fn an_app_is_set_up_with_a_code_of_dots_or_a_key_and_confirmed() {
    let owner = Visitor::owner().await;
    assert!(owner.get(PATH).await.html.contains(text::NO_FACTOR));
    owner.post(&app::path(), "").await;
    let page = owner.get(&app::path()).await;
    let seed = owner.engine.factors(owner.session(), None).expect("a person").new_totp().await.expect("a seed");
    assert!(
        page.html.contains("class=\"qr-code\"") && page.html.contains(&text::grouped(&seed.text())),
        "{}",
        page.html
    );
    let wrong = owner.post(&format!("{}/confirm", app::path()), &encode(&[(&app::CODE, "000000")])).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.html.contains(text::WRONG_CODE) && wrong.html.contains(&text::grouped(&seed.text())));
    let code = seed.code(owner.engine.clock().now());
    let done = owner.post(&format!("{}/confirm", app::path()), &encode(&[(&app::CODE, &code)])).await;
    assert_eq!(done.location(), recovery_codes::path());
    assert!(owner.get(PATH).await.html.contains(text::HAS_FACTOR));
}

#[tokio::test]
async fn recovery_codes_are_on_the_next_page_once_and_in_no_address() {
    let owner = Visitor::owner().await;
    let (_, done) = set_up(&owner).await;
    let cookie = done.cookie_named("__Host-signet-codes");
    assert!(cookie.len() > 100 && !done.location().contains('?'), "{cookie}");
    let page = owner.get_with_cookie(&recovery_codes::path(), cookie).await;
    let (_, codes) = page.html.split_once("recovery-codes mono\">").expect("a list");
    assert_eq!(codes.split_once("</ul>").expect("its end").0.matches("<li>").count(), 10);
    assert_eq!(page.cookie_named("__Host-signet-codes"), "__Host-signet-codes=", "the cookie goes");
    let again = owner.get(&recovery_codes::path()).await;
    assert_eq!((again.location(), again.flash()), (PATH, text::CODES_GONE.to_owned()));
    let renewed = owner.post(&recovery_codes::path(), "").await;
    let renewed = renewed.cookie_named("__Host-signet-codes");
    assert!(renewed.len() > 100 && renewed != cookie);
}

#[tokio::test]
async fn an_app_is_removed_after_a_question() {
    let owner = Visitor::owner().await;
    let path = format!("{}/remove", app::path());
    assert_eq!(owner.get(&path).await.status, StatusCode::NOT_FOUND);
    set_up(&owner).await;
    assert!(owner.get(&path).await.html.contains(text::REMOVE_APP_QUESTION));
    let removed = owner.post(&path, "").await;
    assert_eq!((removed.location(), removed.flash()), (PATH, text::APP_REMOVED.to_owned()));
    assert!(owner.get(PATH).await.html.contains(text::NO_FACTOR));
}

#[tokio::test]
async fn a_passkey_is_added_with_a_name_listed_and_removed() {
    let owner = Visitor::owner().await;
    let page = owner.get_with(PATH, &[HOST]).await;
    let answer = Authenticator::new().register(&page.passkey_options(), ORIGIN);
    let challenge = page.hidden(passkeys::CHALLENGE.name).to_owned();
    let path = format!("{PATH}/passkeys");
    let form = |name| encode(&[(&passkeys::NAME, name), (&CHALLENGE, &challenge), (&ANSWER, &answer)]);
    let nameless = owner.post_with(&path, &form(""), &[HOST]).await;
    assert_eq!(nameless.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(nameless.html.contains(text::NAME_MISSING));
    let added = owner.post_with(&path, &form("my <laptop>"), &[HOST]).await;
    assert_eq!((added.status, added.location()), (StatusCode::SEE_OTHER, recovery_codes::path().as_str()));
    let page = owner.get(PATH).await;
    assert!(page.html.contains("my &lt;laptop&gt;") && !page.html.contains("<laptop>"));
    let id =
        owner.engine.factors(owner.session(), None).expect("a person").overview().await.expect("an answer").passkeys[0]
            .id;
    let remove = format!("{PATH}/passkeys/{id}/remove");
    assert!(owner.get(&remove).await.html.contains(text::REMOVE_PASSKEY_QUESTION));
    let mut eve = owner;
    eve.sign_up_elsewhere("eve@example.com").await;
    assert_eq!(eve.get(&remove).await.status, StatusCode::NOT_FOUND);
    assert_eq!(eve.post(&remove, "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(eve.database.count("SELECT count(*) FROM passkeys").await, 1);
}

#[tokio::test]
async fn an_answer_of_another_origin_or_none_adds_nothing() {
    let owner = Visitor::owner().await;
    let page = owner.get_with(PATH, &[HOST]).await;
    let evil = Authenticator::new().register(&page.passkey_options(), "https://evil.example");
    for answer in [evil.as_str(), "", "{}"] {
        let challenge = page.hidden(CHALLENGE.name);
        let form = encode(&[(&passkeys::NAME, "laptop"), (&CHALLENGE, challenge), (&ANSWER, answer)]);
        let refused = owner.post_with(&format!("{PATH}/passkeys"), &form, &[HOST]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.html.contains(text::PASSKEY_REFUSED), "{answer}");
    }
    assert_eq!(owner.database.count("SELECT count(*) FROM passkeys").await, 0);
}

#[tokio::test]
async fn at_an_address_of_numbers_the_page_says_where_passkeys_work() {
    let owner = Visitor::owner().await;
    let page = owner.get(PATH).await;
    assert!(page.html.contains(text::NO_PASSKEYS_HERE) && !page.html.contains("PasskeyButton"));
}

#[tokio::test]
async fn every_change_asks_for_proof_when_the_last_is_old() {
    let mut owner = Visitor::owner().await;
    set_up(&owner).await;
    owner.age_proof(PROOF_LIFETIME);
    for path in [app::path(), format!("{}/remove", app::path()), recovery_codes::path()] {
        let asked = owner.post(&path, "").await;
        assert_eq!(asked.status, StatusCode::FORBIDDEN, "{path}");
        assert!(asked.html.contains(prove::text::TITLE), "{path}");
    }
    assert!(owner.get(PATH).await.html.contains(text::HAS_FACTOR));
}
