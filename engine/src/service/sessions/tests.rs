use super::*;
use std::time::Duration;

use crate::{
    Engine, Settings, db,
    testing::{PASSWORD, TestDatabase, account, on_each_database, owner, resting_engine},
};

async fn sign_in(engine: &Engine, email: &str, password: &str) -> Option<SessionToken> {
    engine
        .sessions()
        .sign_in(email, password, &Browser::default())
        .await
        .expect("an answer")
        .and_then(SignedIn::session)
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
        assert_eq!(sign_in(&engine, email, password).await, None, "{email}");
    }
}

on_each_database!(a_session_ends_with_its_lifetime);
async fn a_session_ends_with_its_lifetime(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let token = owner(&engine, acme, "ada@example.com").await;
    let Settings { session_lifetime, session_idle, .. } = Settings::default();
    let days = session_lifetime.as_secs() / session_idle.as_secs();
    for _ in 0..days {
        database.run("UPDATE sessions SET used_at = expires_at").await;
        assert!(is_signed_in(&engine, &token).await);
        clock.advance(session_idle);
    }
    assert!(!is_signed_in(&engine, &token).await);
}

on_each_database!(signing_out_ends_one_session);
async fn signing_out_ends_one_session(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let laptop = owner(&engine, acme, "ada@example.com").await;
    let phone = sign_in(&engine, "ada@example.com", PASSWORD).await.expect("signed in");
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
    let again = sign_in(&engine, "ada@example.com", PASSWORD).await.expect("a person without an account");
    let session = engine.sessions().get(again.reveal()).await.expect("an answer").expect("a session");
    assert_eq!((session.account, session.operator), (None, false));
}

on_each_database!(a_session_shows_the_account_of_its_owner_alone);
async fn a_session_shows_the_account_of_its_owner_alone(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let ada = owner(&engine, acme, "ada@example.com").await;
    let bob = owner(&engine, other, "bob@example.com").await;
    for (token, account, email) in [(ada, acme, "ada@example.com"), (bob, other, "bob@example.com")] {
        let session = engine.sessions().get(token.reveal()).await.expect("an answer").expect("a session");
        assert_eq!((session.account_id(), session.email()), (Some(account), Some(email)));
        assert_eq!(session.role(), Some(Role::Owner));
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
    clock.advance(Settings::default().session_lifetime);
    sign_in(&engine, "ada@example.com", PASSWORD).await.expect("signed in");
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

on_each_database!(a_session_that_is_not_used_for_a_day_ends_and_one_that_is_used_goes_on);
async fn a_session_that_is_not_used_for_a_day_ends_and_one_that_is_used_goes_on(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let used = owner(&engine, acme, "ada@example.com").await;
    let unused = sign_in(&engine, "ada@example.com", PASSWORD).await.expect("signed in");
    clock.advance(Duration::from_hours(23));
    assert!(is_signed_in(&engine, &used).await);
    noted(&database, 1).await;
    clock.advance(Duration::from_hours(1));
    assert!(is_signed_in(&engine, &used).await);
    assert!(!is_signed_in(&engine, &unused).await);
}

on_each_database!(the_use_of_a_session_is_noted_once_a_minute_and_for_the_person_as_well);
async fn the_use_of_a_session_is_noted_once_a_minute_and_for_the_person_as_well(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let token = owner(&engine, acme, "ada@example.com").await;
    clock.advance(Duration::from_secs(59));
    assert!(is_signed_in(&engine, &token).await);
    assert_eq!(count_noted(&database).await, 0, "nothing is written within a minute");
    clock.advance(Duration::from_secs(1));
    assert!(is_signed_in(&engine, &token).await);
    noted(&database, 1).await;
    let seen =
        "SELECT count(*) FROM memberships m JOIN sessions s ON s.user_id = m.user_id WHERE m.seen_at = s.used_at";
    assert_eq!(database.count(seen).await, 1);
}

on_each_database!(a_browser_that_signs_in_again_has_one_session);
async fn a_browser_that_signs_in_again_has_one_session(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let first = owner(&engine, acme, "ada@example.com").await;
    let elsewhere = sign_in(&engine, "ada@example.com", PASSWORD).await.expect("signed in");
    let browser = Browser::new(None, None, Some(first.reveal()));
    let second = engine
        .sessions()
        .sign_in("ada@example.com", PASSWORD, &browser)
        .await
        .expect("an answer")
        .and_then(SignedIn::session);
    let second = second.expect("signed in");
    assert_ne!(first, second, "no token outlives a sign-in");
    assert!(!is_signed_in(&engine, &first).await);
    assert!(is_signed_in(&engine, &second).await && is_signed_in(&engine, &elsewhere).await);
}

on_each_database!(a_person_has_a_hundred_sessions_at_most_and_the_one_that_rested_longest_ends);
async fn a_person_has_a_hundred_sessions_at_most_and_the_one_that_rested_longest_ends(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let first = owner(&engine, acme, "ada@example.com").await;
    let user = engine.sessions().get(first.reveal()).await.expect("an answer").and_then(|it| it.person());
    let seat = Seat::Person { user: user.expect("a person"), account: Some(acme) };
    for _ in 0..100 {
        clock.advance(Duration::from_micros(1));
        let mut tx = engine.0.db.begin().await.expect("a transaction");
        begin(&engine.0, &mut tx, seat, &Browser::default()).await.expect("a session");
        tx.commit().await.expect("committed");
    }
    assert_eq!(count_sessions(&engine).await.expect("an answer"), 100);
    assert!(!is_signed_in(&engine, &first).await);
}

on_each_database!(a_session_of_a_portal_link_has_the_role_of_the_link_and_nobody);
async fn a_session_of_a_portal_link_has_the_role_of_the_link_and_nobody(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let seat = Seat::Portal { account: acme, role: Role::Viewer, lifetime: Duration::from_hours(1) };
    let mut tx = engine.0.db.begin().await.expect("a transaction");
    let token = begin(&engine.0, &mut tx, seat, &Browser::default()).await.expect("a session");
    tx.commit().await.expect("committed");
    let session = engine.sessions().get(token.reveal()).await.expect("an answer").expect("a session");
    assert_eq!((session.account_id(), session.role(), session.person()), (Some(acme), Some(Role::Viewer), None));
    assert_eq!(session.holder, Holder::Portal(Portal::default()));
    clock.advance(Duration::from_hours(1));
    assert!(!is_signed_in(&engine, &token).await);
}

async fn count_noted(database: &TestDatabase) -> i64 {
    database.count("SELECT count(*) FROM sessions WHERE used_at > created_at").await
}

/// Waits until the use of as many sessions is noted.
async fn noted(database: &TestDatabase, sessions: i64) {
    while count_noted(database).await < sessions {
        tokio::task::yield_now().await;
    }
}
