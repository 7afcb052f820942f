//! What is remembered, what is read, and what is forgotten.

use signet_model::AccountId;

use super::*;
use crate::{
    Engine,
    testing::{TestDatabase, account, databases, endpoint, resting_engine, sqlite},
};

/// Accounts with an endpoint each.
async fn accounts(engine: &Engine, count: usize) -> Vec<AccountId> {
    let mut accounts = Vec::new();
    for number in 0..count {
        let account = account(engine, &format!("account {number}")).await;
        endpoint(engine, account).await;
        accounts.push(account);
    }
    accounts.sort_unstable();
    accounts
}

async fn known(engine: &Engine, accounts: &[AccountId]) -> Views {
    engine.0.directory.known(&engine.0.db, accounts).await.expect("views")
}

/// A process that remembers nothing yet, and the accounts that another one has made.
async fn beginning(database: &TestDatabase, count: usize) -> (Engine, Vec<AccountId>) {
    let (maker, _) = resting_engine(database);
    let accounts = accounts(&maker, count).await;
    (resting_engine(database).0, accounts)
}

#[tokio::test]
async fn one_stranger_of_many_accounts_is_the_only_one_that_is_read() {
    for database in databases().await {
        let (engine, accounts) = beginning(&database, 20).await;
        let (stranger, familiar) = accounts.split_last().expect("accounts");
        known(&engine, familiar).await;
        let (views, missing) = engine.0.directory.cached(&accounts);
        assert_eq!((views.0.len(), missing), (19, vec![*stranger]));
        let views = known(&engine, &accounts).await;
        assert_eq!(views.0.values().map(|view| view.endpoints.len()).sum::<usize>(), 20);
        assert!(engine.0.directory.cached(&accounts).1.is_empty());
    }
}

#[tokio::test]
async fn what_another_process_has_changed_is_read_of_the_changed_account_alone() {
    for database in databases().await {
        let (engine, accounts) = beginning(&database, 3).await;
        let before = known(&engine, &accounts).await;
        let (other, _) = resting_engine(&database);
        endpoint(&other, accounts[1]).await;
        let after = engine.0.directory.learn(&engine.0.db, &accounts).await.expect("views");
        let same = |account: &AccountId| Arc::ptr_eq(&before.0[account], &after.0[account]);
        assert_eq!(accounts.iter().map(same).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(after.0[&accounts[1]].endpoints.len(), 2);
    }
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_in_no_view() {
    for database in databases().await {
        let (engine, accounts) = beginning(&database, 1).await;
        let unknown = AccountId::new(engine.0.clock.now(), [7; 10]);
        let views = known(&engine, &[accounts[0], unknown]).await;
        assert!(views.account(accounts[0]).is_some() && views.account(unknown).is_none());
    }
}

#[tokio::test]
async fn the_account_that_was_not_asked_for_for_the_longest_time_is_forgotten_alone() {
    for memory in [Memory::new(2, 10), Memory::new(10, 2)] {
        let database = sqlite().await;
        let (engine, accounts) = beginning(&database, 3).await;
        *engine.0.directory.memory() = memory;
        known(&engine, &accounts[..2]).await;
        known(&engine, &accounts[..1]).await;
        known(&engine, &accounts[2..]).await;
        assert_eq!(engine.0.directory.cached(&accounts).1, [accounts[1]]);
    }
}
