use std::time::Duration;

use signet_model::{text::AccountName, time::Clock};

use super::*;
use crate::{
    service::backlog::Count,
    testing::{TestDatabase, account, completed, endpoint, on_each_database, owner, resting_engine},
};

async fn names_found(accounts: Accounts<'_>, beginning: &str) -> Vec<String> {
    accounts.search(beginning, 3).await.expect("the store").into_iter().map(|it| it.name).collect()
}

async fn accounts_are_found_by_the_beginning_of_a_name_or_an_id(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let mut ids = Vec::new();
    for name in ["Acme", "acme two", "Beta", "Ünique", "100%_b", "acz"] {
        clock.advance(Duration::from_secs(1));
        ids.push(account(&engine, name).await);
    }
    let accounts = engine.accounts();
    assert_eq!(names_found(accounts, "ACM").await, ["Acme", "acme two"]);
    assert_eq!(names_found(accounts, "ac").await, ["Acme", "acme two", "acz"]);
    assert_eq!(names_found(accounts, "Ün").await, ["Ünique"]);
    assert_eq!(names_found(accounts, "100%_").await, ["100%_b"]);
    for wild in ["%", "_cme", "cme", "b\0eta", "zzz", "acc", "\u{10ffff}"] {
        assert_eq!(names_found(accounts, wild).await.len(), usize::from(wild == "b\0eta"), "{wild:?}");
    }
    let id = ids[2].to_string();
    assert_eq!(names_found(accounts, &id).await, ["Beta"]);
    assert!(names_found(accounts, &id[..9]).await.contains(&"Acme".to_owned()), "made in the same minute");
    let name: AccountName = "Gamma".parse().expect("a name");
    engine.as_operator_in(ids[2]).rename(&name).await.expect("renamed");
    assert_eq!(names_found(accounts, "Beta").await, ["Gamma"], "by its former name");
    assert_eq!(names_found(accounts, "Bet").await, <[&str; 0]>::default());
}

on_each_database!(accounts_are_found_by_the_beginning_of_a_name_or_an_id);

async fn accounts_are_listed_newest_first_a_page_after_another(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    for name in ["a", "b", "c"] {
        clock.advance(Duration::from_secs(1));
        account(&engine, name).await;
    }
    let first = engine.accounts().newest(None, 2).await.expect("a page");
    let second = engine.accounts().newest(Some(first[1].id), 2).await.expect("a page");
    let names: Vec<_> = first.iter().chain(&second).map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["c", "b", "a"]);
}

on_each_database!(accounts_are_listed_newest_first_a_page_after_another);

async fn the_activity_of_an_account_is_its_own(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let hands = crate::testing::Hands(&engine);
    endpoint(&engine, acme).await;
    hands.ingest(completed(&engine, acme, "task")).await.0.expect("accepted");
    let at = clock.now();
    let token = owner(&engine, acme, "owner@example.com").await;
    engine.sessions().get(token.reveal()).await.expect("the store");
    let activity = engine.as_operator_in(acme).activity().await.expect("the activity");
    assert_eq!(activity.webhooks, Count::from(1));
    assert!(activity.last_event_at.is_some_and(|it| at.since(it) < Duration::from_millis(1)), "{activity:?}");
    assert_eq!(engine.as_operator_in(acme).events_left().await.expect("a count"), Count::from(1));
    let activity = engine.as_operator_in(other).activity().await.expect("the activity");
    let none = Activity { last_event_at: None, last_seen_at: None, webhooks: Count::from(0) };
    assert_eq!(activity, none);
}

on_each_database!(the_activity_of_an_account_is_its_own);
