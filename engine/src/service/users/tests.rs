use std::sync::LazyLock;

use super::*;
use crate::service::factors::second_step::SignedIn;
use crate::testing::{PASSWORD, TestDatabase, account, api_key, on_each_database, resting_engine};

static BROWSER: LazyLock<Browser> = LazyLock::new(Browser::default);

on_each_database!(the_link_makes_an_owner_and_signs_them_in_and_they_can_sign_in_again);
async fn the_link_makes_an_owner_and_signs_them_in_and_they_can_sign_in_again(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    assert!(!engine.users().exist().await.expect("an answer"));

    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    let first = engine.users().create_owner(&link, " Ada@Example.com", PASSWORD, &BROWSER).await.expect("an owner");
    assert!(engine.users().exist().await.expect("an answer"));
    let again = engine
        .sessions()
        .sign_in("ada@EXAMPLE.com ", PASSWORD, &BROWSER)
        .await
        .expect("an answer")
        .and_then(SignedIn::session)
        .expect("signed in");
    for token in [first, again] {
        let session = engine.sessions().get(token.reveal()).await.expect("an answer").expect("a session");
        assert_eq!(session.account.as_ref().map(|it| (it.id, it.name.as_str())), Some((acme, "acme")));
        assert_eq!(session.email(), Some("ada@example.com"));
    }
}

on_each_database!(a_link_works_once);
async fn a_link_works_once(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    engine.users().create_owner(&link, "ada@example.com", PASSWORD, &BROWSER).await.expect("an owner");
    assert_eq!(engine.users().invited_to(&link).await.expect("an answer"), None);
    let second = engine.users().create_owner(&link, "eve@example.com", PASSWORD, &BROWSER).await;
    assert!(matches!(second, Err(SetupError::LinkInvalid)), "{second:?}");
    assert_eq!(engine.sessions().sign_in("eve@example.com", PASSWORD, &BROWSER).await.expect("an answer"), None);
}

on_each_database!(of_two_people_with_one_link_one_becomes_the_owner);
async fn of_two_people_with_one_link_one_becomes_the_owner(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    let (ada, eve) = tokio::join!(
        engine.users().create_owner(&link, "ada@example.com", PASSWORD, &BROWSER),
        engine.users().create_owner(&link, "eve@example.com", PASSWORD, &BROWSER),
    );
    assert!(ada.is_ok() != eve.is_ok(), "{ada:?} {eve:?}");
}

on_each_database!(a_link_ends_after_a_day);
async fn a_link_ends_after_a_day(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    clock.advance(SETUP_LINK_LIFETIME.saturating_sub(Duration::from_micros(1)));
    assert_eq!(engine.users().invited_to(&link).await.expect("an answer").as_deref(), Some("acme"));
    clock.advance(Duration::from_micros(1));
    assert_eq!(engine.users().invited_to(&link).await.expect("an answer"), None);
    let late = engine.users().create_owner(&link, "ada@example.com", PASSWORD, &BROWSER).await;
    assert!(matches!(late, Err(SetupError::LinkInvalid)), "{late:?}");
}

on_each_database!(a_new_link_ends_the_earlier_ones_of_its_account_alone);
async fn a_new_link_ends_the_earlier_ones_of_its_account_alone(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let first = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    let foreign = engine.as_operator_in(other).create_setup_link().await.expect("a link");
    let second = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    assert_eq!(engine.users().invited_to(&first).await.expect("an answer"), None);
    assert_eq!(engine.users().invited_to(&foreign).await.expect("an answer").as_deref(), Some("other"));
    assert_eq!(engine.users().invited_to(&second).await.expect("an answer").as_deref(), Some("acme"));
}

on_each_database!(an_address_that_is_taken_leaves_the_link_good);
async fn an_address_that_is_taken_leaves_the_link_good(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    engine.users().create_owner(&link, "ada@example.com", PASSWORD, &BROWSER).await.expect("an owner");
    let link = engine.as_operator_in(other).create_setup_link().await.expect("a link");
    let taken = engine.users().create_owner(&link, "ADA@example.com", PASSWORD, &BROWSER).await;
    assert!(matches!(taken, Err(SetupError::EmailTaken)), "{taken:?}");
    engine.users().create_owner(&link, "bob@example.com", PASSWORD, &BROWSER).await.expect("an owner");
}

#[tokio::test]
async fn a_wrong_entry_leaves_the_link_valid() {
    let database = crate::testing::sqlite().await;
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    let create =
        async |email: &str, password: &str| engine.users().create_owner(&link, email, password, &BROWSER).await;
    assert!(matches!(create("ada", PASSWORD).await, Err(SetupError::Email)));
    assert!(matches!(create("ada@example.com", "elevenchars").await, Err(SetupError::PasswordTooShort)));
    assert!(matches!(create("ada@example.com", &"é".repeat(1_001)).await, Err(SetupError::PasswordTooLong)));
    assert!(create("ada@example.com", &"é".repeat(1_000)).await.is_ok());
}

#[tokio::test]
async fn neither_the_link_nor_the_password_is_kept() {
    let database = crate::testing::sqlite().await;
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    let session = engine.users().create_owner(&link, "ada@example.com", PASSWORD, &BROWSER).await.expect("an owner");
    let left = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    let (_, key) = api_key(&engine, Some(acme), "backend").await;
    let crate::db::DatabaseUrl::Sqlite(path) = &database.url else { unreachable!("it is SQLite") };
    let mut kept = std::fs::read(path).expect("readable");
    kept.extend(std::fs::read(path.with_extension("db-wal")).unwrap_or_default());
    let contains = |text: &str| kept.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(contains("ada@example.com") && contains("backend"), "this is where things are kept");
    for secret in [PASSWORD, &link, &left, session.reveal(), &key] {
        assert!(!contains(secret));
    }
}

#[test]
fn addresses_are_trimmed_and_in_lower_case() {
    assert_eq!(parse_email(" Ada.Lovelace+x@Mail.Example.COM ").as_deref(), Some("ada.lovelace+x@mail.example.com"));
}

#[test]
fn a_text_that_is_no_address_is_refused() {
    let long = format!("{}@example.com", "a".repeat(250));
    for text in
        ["", "ada", "@example.com", "ada@", "ada@example", "a@b@c.d", "a da@b.c", "a@b..c", "a@.b", "a@b.", &long]
    {
        assert_eq!(parse_email(text), None, "{text}");
    }
}
