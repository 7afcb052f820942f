//! Hits, misses and evictions of the cache.

use signet_model::AccountId;

use super::*;
use crate::{
    Engine,
    testing::{TestDatabase, account, endpoint, on_each_database, resting_engine, sqlite},
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

async fn cached(engine: &Engine, accounts: &[AccountId]) -> Snapshot {
    engine.0.delivery.endpoint_cache.cached(&engine.0.delivery.queue, accounts).await.expect("snapshot")
}

/// A process with an empty cache, and the accounts that another one has made.
async fn beginning(database: &TestDatabase, count: usize) -> (Engine, Vec<AccountId>) {
    let (maker, _) = resting_engine(database);
    let accounts = accounts(&maker, count).await;
    (resting_engine(database).0, accounts)
}

on_each_database!(only_the_accounts_that_are_missing_are_read);
async fn only_the_accounts_that_are_missing_are_read(database: TestDatabase) {
    let (engine, accounts) = beginning(&database, 20).await;
    let (stranger, familiar) = accounts.split_last().expect("accounts");
    cached(&engine, familiar).await;
    let (snapshot, missing) = engine.0.delivery.endpoint_cache.split_cached(&accounts);
    assert_eq!((snapshot.0.len(), missing), (19, vec![*stranger]));
    let snapshot = cached(&engine, &accounts).await;
    assert_eq!(snapshot.0.values().map(|view| view.endpoints.len()).sum::<usize>(), 20);
    assert!(engine.0.delivery.endpoint_cache.split_cached(&accounts).1.is_empty());
}

on_each_database!(only_the_account_that_another_process_has_changed_is_read_again);
async fn only_the_account_that_another_process_has_changed_is_read_again(database: TestDatabase) {
    let (engine, accounts) = beginning(&database, 3).await;
    let before = cached(&engine, &accounts).await;
    let (other, _) = resting_engine(&database);
    endpoint(&other, accounts[1]).await;
    let after = engine.0.delivery.endpoint_cache.refresh(&engine.0.delivery.queue, &accounts).await.expect("snapshot");
    let same = |account: &AccountId| Arc::ptr_eq(&before.0[account], &after.0[account]);
    assert_eq!(accounts.iter().map(same).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(after.0[&accounts[1]].endpoints.len(), 2);
}

on_each_database!(an_account_that_does_not_exist_is_in_no_snapshot);
async fn an_account_that_does_not_exist_is_in_no_snapshot(database: TestDatabase) {
    let (engine, accounts) = beginning(&database, 1).await;
    let unknown = AccountId::new(engine.0.clock.now(), [7; 10]);
    let snapshot = cached(&engine, &[accounts[0], unknown]).await;
    assert!(snapshot.account(accounts[0]).is_some() && snapshot.account(unknown).is_none());
}

#[tokio::test]
async fn the_least_recently_used_account_is_evicted_alone() {
    for limits in [CachedAccounts::new(2, 10), CachedAccounts::new(10, 2)] {
        let database = sqlite().await;
        let (engine, accounts) = beginning(&database, 3).await;
        *engine.0.delivery.endpoint_cache.accounts() = limits;
        cached(&engine, &accounts[..2]).await;
        cached(&engine, &accounts[..1]).await;
        cached(&engine, &accounts[2..]).await;
        assert_eq!(engine.0.delivery.endpoint_cache.split_cached(&accounts).1, [accounts[1]]);
    }
}
