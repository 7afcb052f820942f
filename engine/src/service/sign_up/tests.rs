use super::*;
use crate::testing::{PASSWORD, TestDatabase, account, on_each_database, owner, resting_engine};

on_each_database!(a_stranger_makes_an_account_and_is_its_owner);
async fn a_stranger_makes_an_account_and_is_its_owner(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let taken = account(&engine, "taken").await;
    owner(&engine, taken, "ada@example.com").await;
    let browser = Browser::default();
    let sign_up = async |name: &str, email: &str, password: &str| {
        engine.users().sign_up(&name.parse().expect("a name"), email, password, &browser).await
    };
    let before = database.rows("accounts").await;
    assert!(matches!(sign_up("taken", "bob@example.com", PASSWORD).await, Err(SignUpError::NameTaken)));
    assert!(matches!(sign_up("new", "bob", PASSWORD).await, Err(SignUpError::Email)));
    assert!(matches!(sign_up("new", "ada@example.com", PASSWORD).await, Err(SignUpError::EmailTaken)));
    assert!(matches!(sign_up("new", "bob@example.com", "short").await, Err(SignUpError::Password(_))));
    assert_eq!(database.rows("accounts").await, before);
    let made = sign_up("new", "Bob@example.com", PASSWORD).await.expect("signed up");
    let session = engine.sessions().get(made.reveal()).await.expect("an answer").expect("a session");
    assert_eq!((session.email(), session.role()), (Some("bob@example.com"), Some(Role::Owner)));
    assert_eq!(session.account.map(|it| it.name).as_deref(), Some("new"));
}
