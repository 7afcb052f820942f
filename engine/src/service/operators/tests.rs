use super::*;
use crate::{
    Engine,
    audit::Filter,
    testing::{PASSWORD, TestDatabase, account, on_each_database, owner, resting_engine},
};

async fn emails(engine: &Engine) -> Vec<String> {
    engine.operators().list().await.expect("the operators").into_iter().map(|it| it.email).collect()
}

async fn link(engine: &Engine, email: &str) -> String {
    match engine.operators().add(&Operator::signet(), email).await.expect("a link") {
        Added::Link(token) => token,
        other => panic!("no link: {other:?}"),
    }
}

async fn a_link_makes_an_operator_without_an_account_once(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let (first, token) = (link(&engine, "Ops@Example.com").await, link(&engine, "ops@example.com").await);
    assert_eq!(engine.operators().invited(&first).await.expect("the store"), None, "the later one replaces it");
    assert_eq!(engine.operators().invited(&token).await.expect("the store").as_deref(), Some("ops@example.com"));
    let accept = |token: String, password: &'static str| {
        let engine = engine.clone();
        async move { engine.operators().accept(&token, password, &Browser::default()).await }
    };
    assert!(matches!(accept(token.clone(), "ops@example.com").await, Err(OperatorError::Password(_))));
    let session = accept(token.clone(), PASSWORD).await.expect("signed in");
    let session = engine.sessions().get(session.reveal()).await.expect("the store").expect("a session");
    assert!(session.operator && session.account.is_none());
    assert!(matches!(accept(token, PASSWORD).await, Err(OperatorError::LinkInvalid)));
    assert_eq!(emails(&engine).await, ["ops@example.com"]);
    let late = link(&engine, "late@example.com").await;
    clock.advance(OPERATOR_LINK_LIFETIME);
    assert!(matches!(accept(late, PASSWORD).await, Err(OperatorError::LinkInvalid)));
    let log = engine.audit_log().page(&Filter::default(), None, 50).await.expect("the log");
    assert!(log.entries.iter().any(|entry| entry.action == Action::OperatorJoined.as_str()), "{log:?}");
}

on_each_database!(a_link_makes_an_operator_without_an_account_once);

async fn a_person_becomes_an_operator_and_is_one_no_more(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let token = owner(&engine, acme, "me@example.com").await;
    let session = || async { engine.sessions().get(token.reveal()).await.expect("the store") };
    assert!(session().await.is_some_and(|session| !session.operator));
    let operators = engine.operators();
    let added = operators.add(&Operator::signet(), "me@example.com").await.expect("added");
    assert!(matches!(added, Added::Person(_)));
    assert_eq!(operators.add(&Operator::signet(), "me@example.com").await.expect("added"), Added::Already);
    assert!(session().await.is_some_and(|session| session.operator));
    assert!(operators.remove(&Operator::signet(), "me@example.com").await.expect("removed"));
    assert!(session().await.is_none(), "their sessions end");
    assert!(!operators.remove(&Operator::signet(), "me@example.com").await.expect("the store"));
    assert_eq!(emails(&engine).await, <[&str; 0]>::default());
    assert!(matches!(operators.add(&Operator::signet(), "nonsense").await, Err(OperatorError::Email)));
}

on_each_database!(a_person_becomes_an_operator_and_is_one_no_more);

async fn only_the_invitation_that_says_so_makes_an_operator(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (first, customer) = (account(&engine, "default").await, account(&engine, "customer").await);
    let link = engine.as_operator_in(first).create_setup_link().await.expect("a link");
    engine.operators().add_by_invitation(&Operator::signet(), &link).await.expect("noted");
    owner(&engine, customer, "customer@example.com").await;
    assert_eq!(emails(&engine).await, <[&str; 0]>::default(), "a customer's owner is none");
    assert_eq!(engine.operators().invited(&link).await.expect("the store"), None, "it is an invitation alone");
    engine
        .invitations()
        .accept_as_new(&link, "first@example.com", PASSWORD, &Browser::default())
        .await
        .expect("an owner");
    assert_eq!(emails(&engine).await, ["first@example.com"]);
}

on_each_database!(only_the_invitation_that_says_so_makes_an_operator);

async fn an_operator_removes_others_but_not_the_last_one(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let operators = engine.operators();
    let mut people = Vec::new();
    for email in ["ada@example.com", "bob@example.com"] {
        let token = owner(&engine, acme, email).await;
        operators.add(&Operator::signet(), email).await.expect("added");
        people.push(engine.sessions().get(token.reveal()).await.expect("the store").expect("a session"));
    }
    let [ada, bob] = [0, 1].map(|person: usize| people[person].as_operator(None).expect("an operator"));
    let (first, second) =
        tokio::join!(operators.remove(&ada, "bob@example.com"), operators.remove(&bob, "ada@example.com"));
    let outcomes = [first, second];
    let removed = outcomes.iter().filter(|outcome| matches!(outcome, Ok(true))).count();
    let kept = outcomes.iter().filter(|outcome| matches!(outcome, Err(RemoveOperatorError::Last))).count();
    assert_eq!((removed, kept), (1, 1), "{outcomes:?}");
    let left = emails(&engine).await;
    let last = operators.remove(&ada, &left[0]).await;
    assert!(matches!(last, Err(RemoveOperatorError::Last)), "{last:?}");
    assert!(operators.remove(&Operator::command(), &left[0]).await.expect("the store"), "a command may");
}

on_each_database!(an_operator_removes_others_but_not_the_last_one);
