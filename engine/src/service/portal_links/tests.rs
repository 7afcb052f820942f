use std::time::Duration;

use signet_model::{
    AccountId, Role,
    portal::{PortalRole, SessionLifetime, Theme},
};

use super::*;
use crate::{
    Engine,
    actor::Operator,
    service::{Error, sessions::Holder},
    testing::{TestDatabase, account, on_each_database, owner, resting_engine},
};

fn draft() -> PortalLinkDraft {
    PortalLinkDraft {
        return_url: Some("https://app.example.com/settings".parse().expect("a URL")),
        subject: Some("user 7".parse().expect("text")),
        embedded: true,
        theme: Some(Theme::Dark),
        session_lasts: SessionLifetime::from_seconds(600).expect("a lifetime"),
        ..PortalLinkDraft::new(PortalRole::Developer)
    }
}

async fn link(engine: &Engine, account: AccountId, draft: &PortalLinkDraft) -> String {
    engine.as_operator_in(account).create_portal_link(draft).await.expect("a link").token
}

async fn open(engine: &Engine, token: &str) -> Option<SessionToken> {
    engine.portal_links().open(token, &Browser::default()).await.expect("the store").map(|opened| opened.token)
}

on_each_database!(a_link_begins_one_session_with_its_role_and_its_end);
async fn a_link_begins_one_session_with_its_role_and_its_end(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let token = link(&engine, acme, &draft()).await;
    for _ in 0..2 {
        let waiting = engine.portal_links().waiting(&token).await.expect("the store").expect("looking uses nothing up");
        assert_eq!((waiting.account, &*waiting.account_name, waiting.embedded), (acme, "acme", true));
    }
    let session = open(&engine, &token).await.expect("opened");
    assert_ne!(session.reveal(), token, "the token of the session is a new one");
    assert!(open(&engine, &token).await.is_none(), "a link is used once");
    assert!(engine.portal_links().waiting(&token).await.expect("the store").is_none());

    let found = engine.sessions().get(session.reveal()).await.expect("the store").expect("signed in");
    assert_eq!((found.account_id(), found.role(), found.operator), (Some(acme), Some(Role::Developer), false));
    let Holder::Portal(portal) = &found.holder else { panic!("{found:?}") };
    assert_eq!(portal.subject.as_deref(), Some("user 7"));
    assert_eq!(portal.return_url.as_ref().map(ReturnUrl::as_str), Some("https://app.example.com/settings"));
    assert_eq!((portal.embedded, portal.theme), (true, Some(Theme::Dark)));

    clock.advance(Duration::from_secs(599));
    assert!(engine.sessions().get(session.reveal()).await.expect("the store").is_some());
    clock.advance(Duration::from_secs(1));
    assert!(
        engine.sessions().get(session.reveal()).await.expect("the store").is_none(),
        "it ends however much it is used"
    );
}

on_each_database!(a_link_that_was_not_used_in_time_opens_nothing_and_is_removed);
async fn a_link_that_was_not_used_in_time_opens_nothing_and_is_removed(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let token = link(&engine, acme, &draft()).await;
    clock.advance(Duration::from_mins(5));
    assert!(open(&engine, &token).await.is_none());
    assert!(engine.portal_links().waiting(&token).await.expect("the store").is_none());
    assert_eq!(database.count("SELECT count(*) FROM sessions").await, 0);
    crate::testing::Hands(&engine).believe_the_clock().await;
    engine.sweep().await.expect("swept");
    assert_eq!(database.count("SELECT count(*) FROM portal_links").await, 0);
}

on_each_database!(only_a_hash_of_the_token_is_stored);
async fn only_a_hash_of_the_token_is_stored(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let made = engine.as_operator_in(acme).create_portal_link(&draft()).await.expect("a link");
    assert_eq!(made.token.len(), 43, "256 bits in base64url");
    for table in ["portal_links", "audit_log"] {
        let rows = database.rows(table).await.concat();
        assert!(!rows.is_empty() && !rows.contains(&made.token), "{rows}");
    }
    assert!(!format!("{made:?}").contains(&made.token));
}

on_each_database!(one_of_two_browsers_that_use_a_link_at_once_gets_in);
async fn one_of_two_browsers_that_use_a_link_at_once_gets_in(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let token = link(&engine, acme, &draft()).await;
    let (one, two) = tokio::join!(open(&engine, &token), open(&engine, &token));
    assert!(one.is_some() != two.is_some());
    assert_eq!(database.count("SELECT count(*) FROM sessions").await, 1);
}

on_each_database!(neither_people_nor_portal_sessions_make_links);
async fn neither_people_nor_portal_sessions_make_links(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    for role in Role::ALL {
        let actor = Actor { rights: Rights::Role(role), ..Operator::command().in_account(acme) };
        let refused = engine.account(&actor).create_portal_link(&draft()).await.expect_err("refused");
        assert!(matches!(refused, Error::Forbidden(_)), "{role}: {refused:?}");
    }
    assert_eq!(database.count("SELECT count(*) FROM portal_links").await, 0);
}

on_each_database!(an_erased_account_ends_its_links_and_their_sessions_and_no_others);
async fn an_erased_account_ends_its_links_and_their_sessions_and_no_others(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let unused = link(&engine, acme, &draft()).await;
    let session = open(&engine, &link(&engine, acme, &draft()).await).await.expect("opened");
    let others = open(&engine, &link(&engine, other, &draft()).await).await.expect("opened");
    engine.as_operator_in(acme).erase().await.expect("erased");
    assert!(engine.sessions().get(session.reveal()).await.expect("the store").is_none());
    assert!(open(&engine, &unused).await.is_none());
    assert!(engine.sessions().get(others.reveal()).await.expect("the store").is_some());
    assert_eq!(database.count("SELECT count(*) FROM portal_links").await, 0);
    assert_eq!(database.count("SELECT count(*) FROM portal_sessions").await, 1);
}

on_each_database!(a_link_ends_the_session_that_the_browser_had_before);
async fn a_link_ends_the_session_that_the_browser_had_before(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let acme = account(&engine, "acme").await;
    let person = owner(&engine, acme, "ada@example.com").await;
    let browser = Browser::new(None, None, Some(person.reveal()));
    let token = link(&engine, acme, &draft()).await;
    engine.portal_links().open(&token, &browser).await.expect("the store").expect("opened");
    assert!(engine.sessions().get(person.reveal()).await.expect("the store").is_none());
}

on_each_database!(the_oldest_links_and_sessions_give_way_to_new_ones);
async fn the_oldest_links_and_sessions_give_way_to_new_ones(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let of_other = link(&engine, other, &draft()).await;
    let first = open(&engine, &link(&engine, acme, &draft()).await).await.expect("opened");
    let oldest = link(&engine, acme, &draft()).await;
    clock.advance(Duration::from_secs(1));
    for (rows, most) in [("portal_links", MOST_LINKS), ("sessions", MOST_SESSIONS)] {
        let mut last = String::new();
        for _ in 0..most {
            last = link(&engine, acme, &draft()).await;
            if rows == "sessions" {
                open(&engine, &last).await.expect("opened");
            }
        }
        assert!(rows == "sessions" || engine.portal_links().waiting(&last).await.expect("the store").is_some());
        assert_eq!(
            database
                .count(&format!("SELECT count(*) FROM {rows} WHERE account_id = {}", database.literal(acme.uuid())))
                .await,
            most
        );
    }
    assert!(engine.portal_links().waiting(&oldest).await.expect("the store").is_none());
    assert!(engine.sessions().get(first.reveal()).await.expect("the store").is_none());
    assert!(open(&engine, &of_other).await.is_some(), "another account is not concerned");
}
