use super::*;
use crate::{
    Engine,
    service::sessions::Session,
    testing::{PASSWORD, TestDatabase, account, on_each_database, owner, resting_engine},
};

const ISSUER: &str = "https://id.example.com";

fn identity(subject: &str, verified_email: Option<&str>) -> Identity {
    Identity {
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        verified_email: verified_email.map(ToOwned::to_owned),
        values: Vec::new(),
    }
}

fn grants(texts: &[&str]) -> Vec<Grant> {
    texts.iter().map(|text| text.parse().expect("a grant")).collect()
}

async fn sign_in(engine: &Engine, identity: &Identity, given: &[&str]) -> Result<Session, IdentityError> {
    let sessions = engine.sessions();
    let signed_in = sessions.sign_in_with_identity(identity, &grants(given), &Browser::default()).await?;
    let token = signed_in.session().expect("a person without a second factor");
    Ok(sessions.get(token.reveal()).await.expect("an answer").expect("a session"))
}

on_each_database!(a_new_person_gets_the_accounts_of_the_claim);
async fn a_new_person_gets_the_accounts_of_the_claim(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let bob = identity("1", Some("Bob@Example.com"));
    let session = sign_in(&engine, &bob, &["acme:viewer", "nowhere:owner"]).await.expect("signed in");
    assert_eq!(
        (session.email(), session.account_id(), session.role()),
        (Some("bob@example.com"), Some(acme), Some(Role::Viewer))
    );
    let again = sign_in(&engine, &identity("1", None), &[&format!("{acme}:admin")]).await.expect("signed in");
    assert_eq!((again.person(), again.role()), (session.person(), Some(Role::Admin)), "the subject is enough");
    let password = engine.sessions().sign_in("bob@example.com", "", &Browser::default()).await.expect("an answer");
    assert_eq!(password, None, "no password fits");
}

on_each_database!(a_claim_without_the_account_takes_the_membership_and_its_sessions);
async fn a_claim_without_the_account_takes_the_membership_and_its_sessions(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    account(&engine, "acme").await;
    account(&engine, "other").await;
    let bob = identity("1", Some("bob@example.com"));
    let both = &["acme:admin", "other:viewer"];
    sign_in(&engine, &bob, both).await.expect("signed in");
    assert_eq!(database.count("SELECT count(*) FROM memberships").await, 2);
    sign_in(&engine, &bob, &["other:viewer"]).await.expect("signed in");
    assert_eq!(database.count("SELECT count(*) FROM memberships").await, 1);
    let lost = sign_in(&engine, &bob, &[]).await;
    assert!(matches!(lost, Err(IdentityError::NoAccount)), "{lost:?}");
    assert_eq!(database.count("SELECT count(*) FROM memberships").await, 0);
    assert_eq!(database.count("SELECT count(*) FROM sessions").await, 0);
    sign_in(&engine, &bob, both).await.expect("given again");
}

on_each_database!(a_claim_takes_the_last_owner_of_no_account);
async fn a_claim_takes_the_last_owner_of_no_account(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    account(&engine, "other").await;
    let bob = identity("1", Some("bob@example.com"));
    sign_in(&engine, &bob, &["acme:owner", "other:viewer"]).await.expect("signed in");
    for less in [&["acme:viewer"][..], &[]] {
        let session = sign_in(&engine, &bob, less).await.expect("still an owner");
        assert_eq!((session.account_id(), session.role()), (Some(acme), Some(Role::Owner)), "{less:?}");
    }
    let members = engine.as_operator_in(acme).members().list().await.expect("a list");
    assert_eq!(members.len(), 1);

    // With another owner the claim counts again.
    sign_in(&engine, &identity("2", Some("eve@example.com")), &["acme:owner"]).await.expect("signed in");
    let session = sign_in(&engine, &bob, &["acme:viewer"]).await.expect("signed in");
    assert_eq!(session.role(), Some(Role::Viewer));
    let lost = sign_in(&engine, &bob, &[]).await;
    assert!(matches!(lost, Err(IdentityError::NoAccount)), "{lost:?}");
}

on_each_database!(of_two_owners_who_lose_the_claim_at_once_one_stays);
async fn of_two_owners_who_lose_the_claim_at_once_one_stays(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    account(&engine, "acme").await;
    let [bob, eve] = [("1", "bob@example.com"), ("2", "eve@example.com")].map(|(id, email)| identity(id, Some(email)));
    for owner in [&bob, &eve] {
        sign_in(&engine, owner, &["acme:owner"]).await.expect("signed in");
    }
    let (first, second) = tokio::join!(sign_in(&engine, &bob, &[]), sign_in(&engine, &eve, &[]));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    assert_eq!(database.count("SELECT count(*) FROM memberships WHERE role = 'owner'").await, 1);
}

on_each_database!(a_membership_that_was_given_here_is_neither_changed_nor_taken);
async fn a_membership_that_was_given_here_is_neither_changed_nor_taken(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    owner(&engine, acme, "ada@example.com").await;
    let ada = identity("1", Some("ada@example.com"));
    for given in [&["acme:viewer"][..], &[]] {
        let session = sign_in(&engine, &ada, given).await.expect("signed in");
        assert_eq!((session.account_id(), session.role()), (Some(acme), Some(Role::Owner)), "{given:?}");
    }
}

on_each_database!(an_address_that_is_not_verified_takes_nobody_over_and_makes_nobody);
async fn an_address_that_is_not_verified_takes_nobody_over_and_makes_nobody(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    owner(&engine, acme, "ada@example.com").await;
    for verified_email in [None, Some("no address")] {
        let refused = sign_in(&engine, &identity("evil", verified_email), &["acme:owner"]).await;
        assert!(matches!(refused, Err(IdentityError::EmailUnverified)), "{refused:?}");
    }
    assert_eq!(database.count("SELECT count(*) FROM oidc_identities").await, 0);
    assert_eq!(database.count("SELECT count(*) FROM users").await, 1);
}

on_each_database!(a_person_of_another_provider_with_the_same_subject_is_another);
async fn a_person_of_another_provider_with_the_same_subject_is_another(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    account(&engine, "acme").await;
    let bob = sign_in(&engine, &identity("1", Some("bob@example.com")), &["acme:viewer"]).await.expect("signed in");
    let other = Identity { issuer: "https://other.example".to_owned(), ..identity("1", Some("eve@example.com")) };
    let eve = sign_in(&engine, &other, &["acme:viewer"]).await.expect("signed in");
    assert_ne!(bob.person(), eve.person());
    sign_in(&engine, &Identity { ..other }, &["acme:viewer"]).await.expect("signed in");
    assert_eq!(database.count("SELECT count(*) FROM memberships").await, 2, "one provider takes no account of another");
}

on_each_database!(nobody_is_made_without_an_account);
async fn nobody_is_made_without_an_account(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let refused = sign_in(&engine, &identity("1", Some("bob@example.com")), &["nowhere:owner"]).await;
    assert!(matches!(refused, Err(IdentityError::NoAccount)), "{refused:?}");
    assert_eq!(database.count("SELECT count(*) FROM users").await, 0);
}

on_each_database!(a_second_factor_here_is_asked_for_after_a_provider_too);
async fn a_second_factor_here_is_asked_for_after_a_provider_too(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let token = owner(&engine, acme, "ada@example.com").await;
    let ada = engine.sessions().get(token.reveal()).await.expect("an answer").expect("a session");
    let factors = engine.factors(&ada, None).expect("a person");
    factors.begin_totp().await.expect("begun");
    let seed = factors.new_totp().await.expect("a seed");
    factors.confirm_totp(&seed.code(engine.clock().now())).await.expect("confirmed");
    let sessions = engine.sessions();
    let ada = identity("1", Some("ada@example.com"));
    let signed_in = sessions.sign_in_with_identity(&ada, &[], &Browser::default()).await.expect("signed in");
    assert!(matches!(signed_in, SignedIn::Pending(_)));
    let password = sessions.sign_in("ada@example.com", PASSWORD, &Browser::default()).await.expect("an answer");
    assert!(password.is_some(), "the password still works");
}
