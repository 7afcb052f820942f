use super::*;
use crate::{
    Engine,
    service::factors::second_step::SignedIn,
    testing::{PASSWORD, TestDatabase, account, on_each_database, owner, resting_engine},
};

const NEW: &str = "seven otters in a canoe";

async fn session(engine: &Engine, token: &SessionToken) -> Option<Session> {
    engine.sessions().get(token.reveal()).await.expect("an answer")
}

async fn sign_in(engine: &Engine, email: &str, password: &str) -> Option<SessionToken> {
    engine
        .sessions()
        .sign_in(email, password, &Browser::default())
        .await
        .expect("an answer")
        .and_then(SignedIn::session)
}

on_each_database!(a_change_of_password_ends_all_sessions_and_gives_this_browser_a_new_one);
async fn a_change_of_password_ends_all_sessions_and_gives_this_browser_a_new_one(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let token = owner(&engine, acme, "ada@example.com").await;
    let elsewhere = sign_in(&engine, "ada@example.com", PASSWORD).await.expect("signed in");
    let reset = engine.resets().request("ada@example.com").await.expect("an answer").expect("a link").token;
    let (this, browser) = (session(&engine, &token).await.expect("a session"), Browser::default());
    let ada = engine.myself(&this, &browser).expect("a person");
    let wrong = ada.change_password("wrong horse battery", NEW).await;
    assert!(matches!(wrong, Err(ChangeError::WrongPassword)), "{wrong:?}");
    for guessed in ["ada@example.com!!", "short", "passwordpassword"] {
        assert!(matches!(ada.change_password(PASSWORD, guessed).await, Err(ChangeError::Password(_))), "{guessed}");
    }
    assert!(session(&engine, &token).await.is_some() && session(&engine, &elsewhere).await.is_some());
    let new = ada.change_password(PASSWORD, NEW).await.expect("changed");
    assert!(session(&engine, &token).await.is_none() && session(&engine, &elsewhere).await.is_none());
    assert_eq!(session(&engine, &new).await.and_then(|it| it.account_id()), Some(acme));
    assert!(!engine.resets().is_valid(&reset).await.expect("an answer"));
    assert!(sign_in(&engine, "ada@example.com", PASSWORD).await.is_none());
    assert!(sign_in(&engine, "ada@example.com", NEW).await.is_some());
}

on_each_database!(an_address_is_changed_with_the_password_and_not_to_that_of_another_person);
async fn an_address_is_changed_with_the_password_and_not_to_that_of_another_person(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let token = owner(&engine, acme, "ada@example.com").await;
    owner(&engine, other, "bob@example.com").await;
    let (this, browser) = (session(&engine, &token).await.expect("a session"), Browser::default());
    let ada = engine.myself(&this, &browser).expect("a person");
    let change = async |email: &str, password: &str| ada.change_email(email, password).await;
    assert!(matches!(change("ada", PASSWORD).await, Err(ChangeError::Email)));
    assert!(matches!(change("lovelace@example.com", "wrong").await, Err(ChangeError::WrongPassword)));
    assert!(matches!(change("Bob@example.com", PASSWORD).await, Err(ChangeError::EmailTaken)));
    change("Lovelace@example.com", PASSWORD).await.expect("changed");
    assert!(sign_in(&engine, "ada@example.com", PASSWORD).await.is_none());
    assert!(sign_in(&engine, "lovelace@example.com", PASSWORD).await.is_some());
}

on_each_database!(a_person_lists_and_ends_their_own_sessions_alone);
async fn a_person_lists_and_ends_their_own_sessions_alone(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let token = owner(&engine, acme, "ada@example.com").await;
    let eve = owner(&engine, other, "eve@example.com").await;
    let phone = Browser::new(Some("Mozilla/5.0 (iPhone) Safari/604.1"), "192.0.2.7".parse().ok(), None);
    let second = engine
        .sessions()
        .sign_in("ada@example.com", PASSWORD, &phone)
        .await
        .expect("an answer")
        .and_then(SignedIn::session)
        .expect("in");
    let third = sign_in(&engine, "ada@example.com", PASSWORD).await.expect("signed in");
    let (this, browser) = (session(&engine, &token).await.expect("a session"), Browser::default());
    let ada = engine.myself(&this, &browser).expect("a person");
    let list = ada.sessions().await.expect("a list");
    assert_eq!(list.len(), 3);
    let on_phone =
        list.iter().find(|it| it.device.0 == "Safari, iPhone" && it.address.0 == "192.0.2.7").expect("the phone");
    let of_eve = session(&engine, &eve).await.expect("a session").id;
    assert!(matches!(ada.end_session(of_eve).await, Err(Error::SessionNotFound)));
    ada.end_session(on_phone.id).await.expect("ended");
    assert!(session(&engine, &second).await.is_none() && session(&engine, &third).await.is_some());
    ada.end_other_sessions().await.expect("ended");
    assert!(session(&engine, &third).await.is_none());
    assert!(session(&engine, &token).await.is_some() && session(&engine, &eve).await.is_some());
}

on_each_database!(a_session_moves_to_another_account_of_its_person_alone_with_a_new_token);
async fn a_session_moves_to_another_account_of_its_person_alone_with_a_new_token(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let token = owner(&engine, acme, "ada@example.com").await;
    let before = session(&engine, &token).await.expect("a session");
    let browser = Browser::new(None, None, Some(token.reveal()));
    let ada = engine.myself(&before, &browser).expect("a person");
    assert!(matches!(ada.switch(other).await, Err(Error::AccountNotFound)), "ada does not belong to it");
    let person = database.literal(before.person().expect("a person").uuid());
    let there = database.literal(other.uuid());
    database
        .run(&format!(
            "INSERT INTO memberships (account_id, user_id, role, created_at)
             SELECT {there}, {person}, 'viewer', created_at FROM accounts LIMIT 1"
        ))
        .await;
    assert_eq!(ada.accounts().await.expect("a list").iter().map(|it| it.id).collect::<Vec<_>>(), [acme, other]);
    clock.advance(std::time::Duration::from_secs(30));
    let moved = ada.switch(other).await.expect("moved");
    assert!(session(&engine, &token).await.is_none());
    let after = session(&engine, &moved).await.expect("a session");
    assert_eq!((after.account_id(), after.role()), (Some(other), Some(Role::Viewer)));
    assert_eq!((after.proved_at, after.created_at), (before.proved_at, before.created_at), "moving proves nothing");
    // The next sign-in comes back to it.
    let again = sign_in(&engine, "ada@example.com", PASSWORD).await.expect("signed in");
    assert_eq!(session(&engine, &again).await.and_then(|it| it.account_id()), Some(other));
}

on_each_database!(a_chosen_time_zone_is_that_of_all_sessions_of_the_person_and_of_nobody_else);
async fn a_chosen_time_zone_is_that_of_all_sessions_of_the_person_and_of_nobody_else(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let tokens = [owner(&engine, acme, "ada@example.com").await, owner(&engine, acme, "bob@example.com").await];
    let elsewhere = sign_in(&engine, "ada@example.com", PASSWORD).await.expect("signed in");
    let zone = async |token: &SessionToken| session(&engine, token).await.expect("a session").time_zone;
    assert_eq!(zone(&tokens[0]).await, None);
    let (this, browser) = (session(&engine, &tokens[0]).await.expect("a session"), Browser::default());
    let ada = engine.myself(&this, &browser).expect("a person");
    for name in ["Europe/Vienna", "America/Argentina/Buenos_Aires"] {
        ada.set_time_zone(Some(&name.parse().expect("a name"))).await.expect("chosen");
        assert_eq!((zone(&tokens[0]).await.as_deref(), zone(&elsewhere).await.as_deref()), (Some(name), Some(name)));
        assert_eq!(zone(&tokens[1]).await, None, "it is hers alone");
    }
    let later = sign_in(&engine, "ada@example.com", PASSWORD).await.expect("signed in");
    assert!(zone(&later).await.is_some(), "it is kept from one session to the next");
    ada.set_time_zone(None).await.expect("left to the browser");
    assert_eq!((zone(&tokens[0]).await, zone(&later).await), (None, None));
}
