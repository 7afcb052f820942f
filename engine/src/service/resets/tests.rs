use super::*;
use crate::{
    Engine,
    service::sessions::Browser,
    testing::{PASSWORD, TestDatabase, account, on_each_database, owner, resting_engine},
};

const NEW: &str = "seven otters in a canoe";

async fn signs_in(engine: &Engine, password: &str) -> bool {
    let signed_in = engine.sessions().sign_in("ada@example.com", password, &Browser::default()).await;
    signed_in.expect("an answer").is_some()
}

on_each_database!(a_link_sets_another_password_once_and_ends_all_sessions);
async fn a_link_sets_another_password_once_and_ends_all_sessions(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let session = owner(&engine, acme, "ada@example.com").await;
    let first = engine.resets().request("Ada@example.com ").await.expect("an answer").expect("a link").token;
    let mail = engine.resets().request("ada@example.com").await.expect("an answer").expect("a link");
    assert_eq!(mail.email, "ada@example.com");
    assert!(!engine.resets().is_valid(&first).await.expect("an answer"), "a new link ends the earlier one");
    let weak = engine.resets().redeem(&mail.token, "ada@example.com 1234").await;
    assert!(matches!(weak, Err(ResetError::Password(Weak::OwnWords))), "{weak:?}");
    engine.resets().redeem(&mail.token, NEW).await.expect("set");
    assert!(engine.sessions().get(session.reveal()).await.expect("an answer").is_none());
    assert!(signs_in(&engine, NEW).await && !signs_in(&engine, PASSWORD).await);
    let again = engine.resets().redeem(&mail.token, PASSWORD).await;
    assert!(matches!(again, Err(ResetError::LinkInvalid)), "{again:?}");
}

on_each_database!(a_link_ends_after_an_hour);
async fn a_link_ends_after_an_hour(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    owner(&engine, acme, "ada@example.com").await;
    let link = engine.resets().make(&Operator::signet(), "ada@example.com").await.expect("a link");
    clock.advance(RESET_LIFETIME.saturating_sub(Duration::from_micros(1)));
    assert!(engine.resets().is_valid(&link).await.expect("an answer"));
    clock.advance(Duration::from_micros(1));
    assert!(!engine.resets().is_valid(&link).await.expect("an answer"));
    assert!(matches!(engine.resets().redeem(&link, NEW).await, Err(ResetError::LinkInvalid)));
    engine.sweep().await.expect("swept");
    assert_eq!(database.count("SELECT count(*) FROM password_resets").await, 0);
}

on_each_database!(an_address_of_nobody_gets_no_link);
async fn an_address_of_nobody_gets_no_link(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    for email in ["eve@example.com", "", "eve", "e\0ve@example.com"] {
        assert!(engine.resets().request(email).await.expect("an answer").is_none(), "{email}");
        let made = engine.resets().make(&Operator::signet(), email).await;
        assert!(matches!(made, Err(Error::PersonNotFound)), "{made:?}");
    }
    assert_eq!(database.count("SELECT count(*) FROM password_resets").await, 0);
}
