use super::*;
use crate::Engine;
use crate::testing::{TestDatabase, account, on_each_database, resting_engine};

const PASSWORD: &str = "correct horse battery";

async fn owner(engine: &Engine, account: AccountId, email: &str) -> SessionToken {
    let link = engine.as_operator_in(account).create_setup_link().await.expect("a link");
    engine.users().create_owner(&link, email, PASSWORD).await.expect("an owner")
}

async fn is_signed_in(engine: &Engine, token: &SessionToken) -> bool {
    engine.sessions().get(token.reveal()).await.expect("an answer").is_some()
}

on_each_database!(a_wrong_password_and_an_unknown_address_are_answered_alike);
async fn a_wrong_password_and_an_unknown_address_are_answered_alike(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    owner(&engine, acme, "ada@example.com").await;
    for (email, password) in [
        ("ada@example.com", "wrong horse battery"),
        ("eve@example.com", PASSWORD),
        ("ada@example.com", ""),
        ("", PASSWORD),
        ("ada@example.com", &PASSWORD.repeat(100)),
    ] {
        assert_eq!(engine.sessions().sign_in(email, password).await.expect("an answer"), None, "{email}");
    }
}

on_each_database!(a_session_ends_with_its_lifetime);
async fn a_session_ends_with_its_lifetime(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let token = owner(&engine, acme, "ada@example.com").await;
    clock.advance(SESSION_LIFETIME.saturating_sub(Duration::from_micros(1)));
    assert!(is_signed_in(&engine, &token).await);
    clock.advance(Duration::from_micros(1));
    assert!(!is_signed_in(&engine, &token).await);
}

on_each_database!(signing_out_ends_one_session);
async fn signing_out_ends_one_session(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let laptop = owner(&engine, acme, "ada@example.com").await;
    let phone = engine.sessions().sign_in("ada@example.com", PASSWORD).await.expect("an answer").expect("signed in");
    engine.sessions().sign_out(laptop.reveal()).await.expect("signed out");
    assert!(!is_signed_in(&engine, &laptop).await);
    assert!(is_signed_in(&engine, &phone).await);
}

on_each_database!(a_session_ends_with_the_membership);
async fn a_session_ends_with_the_membership(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let ada = owner(&engine, acme, "ada@example.com").await;
    let bob = owner(&engine, other, "bob@example.com").await;
    end_memberships(&engine, acme).await.expect("ended");
    assert!(!is_signed_in(&engine, &ada).await);
    assert!(is_signed_in(&engine, &bob).await);
    assert_eq!(engine.sessions().sign_in("ada@example.com", PASSWORD).await.expect("an answer"), None);
}

on_each_database!(a_session_shows_the_account_of_its_owner_alone);
async fn a_session_shows_the_account_of_its_owner_alone(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let ada = owner(&engine, acme, "ada@example.com").await;
    let bob = owner(&engine, other, "bob@example.com").await;
    for (token, account, email) in [(ada, acme, "ada@example.com"), (bob, other, "bob@example.com")] {
        let session = engine.sessions().get(token.reveal()).await.expect("an answer").expect("a session");
        assert_eq!((session.account, session.email.as_str()), (account, email));
    }
}

on_each_database!(a_text_that_is_no_token_opens_no_session);
async fn a_text_that_is_no_token_opens_no_session(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let token = owner(&engine, acme, "ada@example.com").await;
    for wrong in ["", "' OR 1=1 --", &token.reveal()[1..], &token.reveal().to_lowercase()] {
        assert!(engine.sessions().get(wrong).await.expect("an answer").is_none(), "{wrong}");
    }
}

on_each_database!(sessions_that_have_ended_are_cleared_away_at_the_next_sign_in);
async fn sessions_that_have_ended_are_cleared_away_at_the_next_sign_in(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    owner(&engine, acme, "ada@example.com").await;
    clock.advance(SESSION_LIFETIME);
    engine.sessions().sign_in("ada@example.com", PASSWORD).await.expect("an answer").expect("signed in");
    assert_eq!(count_sessions(&engine).await.expect("an answer"), 1);
}

async fn end_memberships(engine: &Engine, account: AccountId) -> db::Result<()> {
    let mut tx = engine.0.db.begin().await?;
    tx.query("DELETE FROM memberships WHERE account_id = $1").bind(account).execute().await?;
    tx.commit().await
}

async fn count_sessions(engine: &Engine) -> db::Result<i64> {
    engine.0.db.read(Pool::Pages).await?.query("SELECT count(*) FROM sessions").fetch_value().await
}
