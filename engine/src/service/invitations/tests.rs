use std::sync::LazyLock;

use super::*;
use crate::{
    Engine, Settings,
    actor::Actor,
    service::factors::second_step::SignedIn,
    testing::{
        PASSWORD, TestDatabase, account, api_key, engine as engine_with, on_each_database, owner, resting_engine,
    },
};

static BROWSER: LazyLock<Browser> = LazyLock::new(Browser::default);

on_each_database!(the_link_makes_an_owner_and_signs_them_in_and_they_can_sign_in_again);
async fn the_link_makes_an_owner_and_signs_them_in_and_they_can_sign_in_again(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    assert!(!engine.users().exist().await.expect("an answer"));

    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    let first =
        engine.invitations().accept_as_new(&link, " Ada@Example.com", PASSWORD, &BROWSER).await.expect("an owner");
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

on_each_database!(an_account_with_people_but_no_owner_has_none_and_its_link_makes_one);
async fn an_account_with_people_but_no_owner_has_none_and_its_link_makes_one(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let operator = engine.as_operator_in(acme);
    let expired = operator.create_setup_link().await.expect("a link");
    let invited = operator.members().invite("bob@example.com", Role::Viewer).await.expect("invited");
    engine.invitations().accept_as_new(&invited, "", PASSWORD, &BROWSER).await.expect("a viewer");
    clock.advance(SETUP_LINK_LIFETIME);
    assert!(!operator.has_owner().await.expect("an answer"));
    let link = operator.create_setup_link().await.expect("a link");
    let late = engine.invitations().accept_as_new(&expired, "ada@example.com", PASSWORD, &BROWSER).await;
    assert!(matches!(late, Err(AcceptError::LinkInvalid)), "{late:?}");
    engine.invitations().accept_as_new(&link, "ada@example.com", PASSWORD, &BROWSER).await.expect("an owner");
    assert!(operator.has_owner().await.expect("an answer"));
}

on_each_database!(a_link_works_once);
async fn a_link_works_once(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    engine.invitations().accept_as_new(&link, "ada@example.com", PASSWORD, &BROWSER).await.expect("an owner");
    assert_eq!(engine.invitations().find(&link).await.expect("an answer"), None);
    let second = engine.invitations().accept_as_new(&link, "eve@example.com", PASSWORD, &BROWSER).await;
    assert!(matches!(second, Err(AcceptError::LinkInvalid)), "{second:?}");
    assert_eq!(engine.sessions().sign_in("eve@example.com", PASSWORD, &BROWSER).await.expect("an answer"), None);
}

on_each_database!(of_two_people_with_one_link_one_becomes_the_owner);
async fn of_two_people_with_one_link_one_becomes_the_owner(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    let (ada, eve) = tokio::join!(
        engine.invitations().accept_as_new(&link, "ada@example.com", PASSWORD, &BROWSER),
        engine.invitations().accept_as_new(&link, "eve@example.com", PASSWORD, &BROWSER),
    );
    assert!(ada.is_ok() != eve.is_ok(), "{ada:?} {eve:?}");
}

on_each_database!(a_link_ends_after_a_day);
async fn a_link_ends_after_a_day(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    clock.advance(SETUP_LINK_LIFETIME.saturating_sub(Duration::from_micros(1)));
    assert_eq!(
        engine.invitations().find(&link).await.expect("an answer").map(|it| it.account_name).as_deref(),
        Some("acme")
    );
    clock.advance(Duration::from_micros(1));
    assert_eq!(engine.invitations().find(&link).await.expect("an answer"), None);
    let late = engine.invitations().accept_as_new(&link, "ada@example.com", PASSWORD, &BROWSER).await;
    assert!(matches!(late, Err(AcceptError::LinkInvalid)), "{late:?}");
}

on_each_database!(a_new_link_ends_the_earlier_ones_of_its_account_alone);
async fn a_new_link_ends_the_earlier_ones_of_its_account_alone(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let first = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    let foreign = engine.as_operator_in(other).create_setup_link().await.expect("a link");
    let second = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    assert_eq!(engine.invitations().find(&first).await.expect("an answer"), None);
    assert_eq!(
        engine.invitations().find(&foreign).await.expect("an answer").map(|it| it.account_name),
        Some("other".to_owned())
    );
    assert_eq!(
        engine.invitations().find(&second).await.expect("an answer").map(|it| it.account_name),
        Some("acme".to_owned())
    );
}

on_each_database!(an_address_that_is_taken_leaves_the_link_good);
async fn an_address_that_is_taken_leaves_the_link_good(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    engine.invitations().accept_as_new(&link, "ada@example.com", PASSWORD, &BROWSER).await.expect("an owner");
    let link = engine.as_operator_in(other).create_setup_link().await.expect("a link");
    let taken = engine.invitations().accept_as_new(&link, "ADA@example.com", PASSWORD, &BROWSER).await;
    assert!(matches!(taken, Err(AcceptError::EmailTaken)), "{taken:?}");
    engine.invitations().accept_as_new(&link, "bob@example.com", PASSWORD, &BROWSER).await.expect("an owner");
}

#[tokio::test]
async fn a_wrong_entry_leaves_the_link_valid() {
    let database = crate::testing::sqlite().await;
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    let create =
        async |email: &str, password: &str| engine.invitations().accept_as_new(&link, email, password, &BROWSER).await;
    assert!(matches!(create("ada", PASSWORD).await, Err(AcceptError::Email)));
    for guessed in ["elevenchars", "passwordpassword", "ada@example.com!", "               "] {
        assert!(matches!(create("ada@example.com", guessed).await, Err(AcceptError::Password(_))), "{guessed}");
    }
    assert!(create("ada@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn neither_the_link_nor_the_password_is_kept() {
    let database = crate::testing::sqlite().await;
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let link = engine.as_operator_in(acme).create_setup_link().await.expect("a link");
    let session =
        engine.invitations().accept_as_new(&link, "ada@example.com", PASSWORD, &BROWSER).await.expect("an owner");
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

async fn session(engine: &Engine, token: &SessionToken) -> Session {
    engine.sessions().get(token.reveal()).await.expect("an answer").expect("a session")
}

async fn actor(engine: &Engine, token: &SessionToken) -> Actor {
    session(engine, token).await.actor(None).expect("an account")
}

on_each_database!(an_invitation_makes_a_person_with_its_address_and_its_role);
async fn an_invitation_makes_a_person_with_its_address_and_its_role(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let ada = actor(&engine, &owner(&engine, acme, "ada@example.com").await).await;
    let members = engine.account(&ada).members();
    let link = members.invite("Bob@Example.com", Role::Developer).await.expect("invited");
    let invited = engine.invitations().find(&link).await.expect("an answer").expect("an invitation");
    assert_eq!((invited.email.as_deref(), invited.role), (Some("bob@example.com"), Role::Developer));
    assert_eq!(members.invitations().await.expect("a list").len(), 1);
    clock.advance(INVITATION_LIFETIME.saturating_sub(Duration::from_micros(1)));
    // The address of the form does not count: the link was for bob.
    let token = engine.invitations().accept_as_new(&link, "eve@example.com", PASSWORD, &BROWSER).await;
    let bob = session(&engine, &token.expect("accepted")).await;
    assert_eq!(
        (bob.email(), bob.account_id(), bob.role()),
        (Some("bob@example.com"), Some(acme), Some(Role::Developer))
    );
    assert_eq!(members.invitations().await.expect("a list"), []);
    let list: Vec<_> = members.list().await.expect("a list").into_iter().map(|it| (it.email, it.role)).collect();
    assert_eq!(list, [("ada@example.com".to_owned(), Role::Owner), ("bob@example.com".to_owned(), Role::Developer)]);
}

on_each_database!(a_person_who_is_signed_in_joins_a_second_account_and_the_session_moves_there);
async fn a_person_who_is_signed_in_joins_a_second_account_and_the_session_moves_there(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let ada = actor(&engine, &owner(&engine, acme, "ada@example.com").await).await;
    let token = owner(&engine, other, "bob@example.com").await;
    let before = session(&engine, &token).await;
    let link = engine.account(&ada).members().invite("someone@example.com", Role::Viewer).await.expect("invited");
    let moved = engine.invitations().accept(&link, &before, &BROWSER).await.expect("accepted");
    assert!(engine.sessions().get(token.reveal()).await.expect("an answer").is_none(), "the token has changed");
    let after = session(&engine, &moved).await;
    assert_eq!(
        (after.email(), after.account_id(), after.role()),
        (Some("bob@example.com"), Some(acme), Some(Role::Viewer))
    );
    assert_eq!((after.proved_at, after.created_at), (before.proved_at, before.created_at));
    // Who belongs to the account already keeps the link for somebody else.
    let link = engine.account(&ada).members().invite("another@example.com", Role::Viewer).await.expect("invited");
    let again = engine.invitations().accept(&link, &after, &BROWSER).await;
    assert!(matches!(again, Err(AcceptError::MemberAlready)), "{again:?}");
    assert!(engine.invitations().find(&link).await.expect("an answer").is_some());
}

on_each_database!(an_invitation_ends_after_a_week_or_when_it_is_taken_back);
async fn an_invitation_ends_after_a_week_or_when_it_is_taken_back(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let ada = actor(&engine, &owner(&engine, acme, "ada@example.com").await).await;
    let eve = actor(&engine, &owner(&engine, other, "eve@example.com").await).await;
    let members = engine.account(&ada).members();
    let taken_back = members.invite("bob@example.com", Role::Viewer).await.expect("invited");
    let id = members.invitations().await.expect("a list")[0].id;
    let foreign = engine.account(&eve).members().withdraw(id).await;
    assert!(matches!(foreign, Err(Error::InvitationNotFound)), "{foreign:?}");
    assert!(engine.invitations().find(&taken_back).await.expect("an answer").is_some());
    members.withdraw(id).await.expect("taken back");
    assert_eq!(engine.invitations().find(&taken_back).await.expect("an answer"), None);
    let late = members.invite("bob@example.com", Role::Viewer).await.expect("invited");
    clock.advance(INVITATION_LIFETIME);
    let refused = engine.invitations().accept_as_new(&late, "", PASSWORD, &BROWSER).await;
    assert!(matches!(refused, Err(AcceptError::LinkInvalid)), "{refused:?}");
}

on_each_database!(an_admin_invites_no_owner_and_a_developer_nobody);
async fn an_admin_invites_no_owner_and_a_developer_nobody(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let ada = actor(&engine, &owner(&engine, acme, "ada@example.com").await).await;
    for (role, email) in
        [(Role::Admin, "bob@example.com"), (Role::Developer, "eve@example.com"), (Role::Viewer, "vic@example.com")]
    {
        let link = engine.account(&ada).members().invite(email, role).await.expect("invited");
        let token = engine.invitations().accept_as_new(&link, "", PASSWORD, &BROWSER).await.expect("accepted");
        let actor = actor(&engine, &token).await;
        let members = engine.account(&actor).members();
        let (of_owner, of_viewer) =
            (members.invite("x@example.com", Role::Owner).await, members.invite("y@example.com", Role::Viewer).await);
        if role == Role::Admin {
            assert!(matches!(of_owner, Err(InviteError::OwnersOnly)) && of_viewer.is_ok(), "{of_owner:?}");
        } else {
            assert!(matches!(of_owner, Err(InviteError::Store(Error::Forbidden(_)))), "{of_owner:?}");
            assert!(matches!(of_viewer, Err(InviteError::Store(Error::Forbidden(_)))), "{of_viewer:?}");
            assert!(matches!(members.invitations().await, Err(Error::Forbidden(_))));
            assert_eq!(
                members.list().await.expect("everybody sees who belongs to the account").len(),
                if role == Role::Viewer { 4 } else { 3 }
            );
        }
    }
}

on_each_database!(an_account_has_no_more_people_and_invitations_than_the_limit);
async fn an_account_has_no_more_people_and_invitations_than_the_limit(database: TestDatabase) {
    let settings = Settings { max_people_per_account: 3, ..Settings::default() };
    let (engine, _) = engine_with(&database, settings, Vec::new());
    let acme = account(&engine, "acme").await;
    let ada = actor(&engine, &owner(&engine, acme, "ada@example.com").await).await;
    let members = engine.account(&ada).members();
    for _ in 0..3 {
        members.invite("bob@example.com", Role::Viewer).await.expect("the same address again replaces the invitation");
    }
    members.invite("eve@example.com", Role::Viewer).await.expect("invited");
    let above = members.invite("vic@example.com", Role::Viewer).await;
    assert!(matches!(above, Err(InviteError::TooMany(3))), "{above:?}");
    let member = members.invite("ada@example.com", Role::Viewer).await;
    assert!(matches!(member, Err(InviteError::MemberAlready)), "{member:?}");
    assert!(matches!(members.invite("ada", Role::Viewer).await, Err(InviteError::Email)));
}

on_each_database!(inviting_tells_nothing_about_people_of_other_accounts);
async fn inviting_tells_nothing_about_people_of_other_accounts(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let ada = actor(&engine, &owner(&engine, acme, "ada@example.com").await).await;
    owner(&engine, other, "known@example.com").await;
    for email in ["known@example.com", "unknown@example.com"] {
        engine.account(&ada).members().invite(email, Role::Viewer).await.expect("invited");
    }
    let list = engine.account(&ada).members().invitations().await.expect("a list");
    assert_eq!(list.len(), 2);
    assert_eq!(list[0].role, list[1].role);
}
