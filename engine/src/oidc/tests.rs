//! Providers against one in this process, whose key signs what a test wants.

use std::time::Duration;

use serde_json::json;
use signet_model::Role;

use super::*;
use crate::testing::oidc_provider::{CLIENT, FakeProvider, SUBJECT, settings};

const REDIRECT: &str = "https://signet.example.com/login/oidc/company/callback";

/// Signs in, with the claims that `change` makes of right ones.
async fn sign_in(change: impl FnOnce(&mut serde_json::Value)) -> Result<Identity, FlowError> {
    let (fake, clock) = FakeProvider::start().await;
    let provider = fake.provider();
    let provider = provider.get("company").expect("the provider");
    let (address, begun) = provider.begin(&clock, REDIRECT, "/", false).await.expect("begun");
    let state = begun_state(&address);
    fake.answer_with(&address, &clock, change);
    provider.finish(&clock, begun, &state, "a code").await
}

fn begun_state(address: &url::Url) -> String {
    parameter(address, "state")
}

fn parameter(address: &url::Url, name: &str) -> String {
    address.query_pairs().find(|(key, _)| key == name).expect(name).1.into_owned()
}

#[tokio::test]
async fn a_right_token_names_the_person() {
    let identity = sign_in(|_| {}).await.expect("an identity");
    assert_eq!((identity.subject.as_str(), identity.verified_email.as_deref()), (SUBJECT, Some("bob@example.com")));
    assert_eq!(identity.values, ["developers", "all"]);
}

#[tokio::test]
async fn the_address_at_the_provider_has_a_challenge_a_state_and_a_nonce_that_are_never_the_same() {
    let (fake, clock) = FakeProvider::start().await;
    let providers = fake.provider();
    let provider = providers.get("company").expect("the provider");
    let (first, _) = provider.begin(&clock, REDIRECT, "/", false).await.expect("begun");
    let (second, _) = provider.begin(&clock, REDIRECT, "/", true).await.expect("begun");
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("code_challenge_method", "S256"),
        ("scope", "openid email"),
    ] {
        assert_eq!(parameter(&first, name), value);
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert!(parameter(&first, name).len() >= 22 && parameter(&first, name) != parameter(&second, name), "{name}");
    }
    assert_eq!((parameter(&second, "prompt").as_str(), parameter(&second, "max_age").as_str()), ("login", "0"));
    assert_eq!(fake.discoveries(), 1, "metadata are remembered");
}

#[tokio::test]
async fn a_token_that_does_not_hold_signs_nobody_in() {
    type Change = fn(&mut serde_json::Value);
    let wrong: [(&str, Change); 6] = [
        ("another issuer", |claims| claims["iss"] = json!("https://evil.example")),
        ("for another client", |claims| claims["aud"] = json!("another")),
        ("expired", |claims| claims["exp"] = json!(claims["iat"].as_i64().expect("a time") - 1)),
        ("another nonce", |claims| claims["nonce"] = json!("another")),
        ("without a nonce", |claims| drop(claims.as_object_mut().expect("claims").remove("nonce"))),
        ("another key", |claims| claims["signed by"] = json!("another key")),
    ];
    for (name, change) in wrong {
        let refused = sign_in(change).await;
        assert!(matches!(refused, Err(FlowError::Token { .. })), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn an_address_that_the_provider_has_not_verified_is_not_taken() {
    for value in [json!(false), json!(null)] {
        let identity = sign_in(|claims| claims["email_verified"] = value).await.expect("an identity");
        assert_eq!(identity.verified_email, None);
    }
}

#[tokio::test]
async fn an_answer_for_another_sign_in_is_refused_before_the_code_is_exchanged() {
    let (fake, clock) = FakeProvider::start().await;
    let providers = fake.provider();
    let provider = providers.get("company").expect("the provider");
    for state in ["", "another"] {
        let (_, begun) = provider.begin(&clock, REDIRECT, "/", false).await.expect("begun");
        let refused = provider.finish(&clock, begun, state, "a code").await;
        assert!(matches!(refused, Err(FlowError::State)), "{refused:?}");
    }
    assert_eq!(fake.exchanges(), 0);
}

#[tokio::test]
async fn the_code_is_exchanged_with_the_verifier_and_the_secret() {
    let (fake, clock) = FakeProvider::start().await;
    let providers = fake.provider();
    let provider = providers.get("company").expect("the provider");
    let (address, begun) = provider.begin(&clock, REDIRECT, "/", false).await.expect("begun");
    fake.answer_with(&address, &clock, |_| {});
    provider.finish(&clock, begun, &begun_state(&address), "a code").await.expect("an identity");
    let (authorization, form) = fake.exchange();
    assert!(authorization.starts_with("Basic "), "{authorization}");
    assert!(
        form.contains("code=a+code") && form.contains("code_verifier=") && !form.contains("client_secret"),
        "{form}"
    );
}

#[tokio::test]
async fn a_person_who_was_to_sign_in_again_must_have() {
    let (fake, clock) = FakeProvider::start().await;
    let providers = fake.provider();
    let provider = providers.get("company").expect("the provider");
    for (age, is_taken) in [(None, false), (Some(3_600), false), (Some(10), true)] {
        let (address, begun) = provider.begin(&clock, REDIRECT, "/", true).await.expect("begun");
        fake.answer_with(&address, &clock, |claims| {
            if let Some(age) = age {
                claims["auth_time"] = json!(claims["iat"].as_i64().expect("a time") - age);
            }
        });
        let finished = provider.finish(&clock, begun, &begun_state(&address), "a code").await;
        assert_eq!(finished.is_ok(), is_taken, "{age:?}: {finished:?}");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_named_in_the_error_and_asked_again_later() {
    let (fake, clock) = FakeProvider::start().await;
    let providers = fake.provider();
    let provider = providers.get("company").expect("the provider");
    fake.fail(true);
    let refused = provider.begin(&clock, REDIRECT, "/", false).await;
    assert!(matches!(&refused, Err(FlowError::Provider { provider, .. }) if provider == "company"), "{refused:?}");
    fake.fail(false);
    assert!(provider.begin(&clock, REDIRECT, "/", false).await.is_err(), "it is left alone for a moment");
    clock.advance(Duration::from_secs(5));
    provider.begin(&clock, REDIRECT, "/", false).await.expect("begun");
    clock.advance(Duration::from_hours(1));
    provider.begin(&clock, REDIRECT, "/", false).await.expect("begun");
    assert_eq!(fake.discoveries(), 2, "metadata are read anew after an hour");
}

#[test]
fn the_stronger_of_two_roles_counts() {
    let settings = settings("https://id.example.com");
    let given = |values: &[&str]| settings.grants(&values.iter().map(ToString::to_string).collect::<Vec<_>>());
    let grant = |account: &str, role| Grant { account: account.to_owned(), role };
    assert_eq!(given(&["nothing"]), [grant("lobby", Role::Viewer)]);
    assert_eq!(given(&["developers"]), [grant("lobby", Role::Viewer), grant("acme", Role::Developer)]);
    assert_eq!(given(&["developers", "admins"]), [grant("lobby", Role::Viewer), grant("acme", Role::Admin)]);
    assert_eq!(given(&["admins", "developers"]), [grant("lobby", Role::Viewer), grant("acme", Role::Admin)]);
}

#[test]
fn a_provider_is_reached_over_tls_except_on_this_machine() {
    for good in
        ["https://id.example.com", "https://id.example.com/realm", "http://127.0.0.1:9000", "http://localhost:9000"]
    {
        assert!(ProviderSettings::parse_issuer(good).is_ok(), "{good}");
    }
    for bad in ["http://id.example.com", "ftp://id.example.com", "id.example.com", ""] {
        assert!(ProviderSettings::parse_issuer(bad).is_err(), "{bad}");
    }
}

#[test]
fn grants_and_names_are_read_strictly() {
    assert_eq!("a:b:owner".parse(), Ok(Grant { account: "a:b".to_owned(), role: Role::Owner }));
    for text in ["acme", "acme:king", ":owner", "", "acme:"] {
        assert!(text.parse::<Grant>().is_err(), "{text}");
    }
    assert!("company-2".parse::<ProviderName>().is_ok());
    for text in ["", "Company", "a/b", "a b", &"a".repeat(41)] {
        assert!(text.parse::<ProviderName>().is_err(), "{text}");
    }
}
