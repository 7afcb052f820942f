//! The limit of pages that one account has made at the same time, or one person without an
//! account. Further requests
//! wait, so that one customer's pages leave the database's connections to the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use signet_engine::service::sessions::Session;
use signet_model::{AccountId, UserId};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::error::PageError;

/// The pages of one account that are made at the same time.
const PAGES_PER_ACCOUNT: usize = 4;
/// The longest wait of a request for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// The parties in memory beyond which those without a page under way are forgotten.
const PARTIES_KEPT: usize = 1_024;

/// Those who share a number of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Party {
    /// All who are signed in for an account.
    Account(AccountId),
    /// A person who is signed in for none.
    Person(UserId),
}

impl Party {
    fn of(session: &Session) -> Option<Self> {
        let account = session.account_id().map(Self::Account);
        account.or_else(|| session.person().map(Self::Person))
    }
}

/// The parties that have pages under way. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct PageLimit(Arc<Mutex<HashMap<Party, Weak<Semaphore>>>>);

impl PageLimit {
    /// Waits for a permit; `None` if that takes too long.
    async fn acquire(&self, party: Party) -> Option<OwnedSemaphorePermit> {
        let permits = self.permits(party);
        timeout(PATIENCE, permits.acquire_owned()).await.ok()?.ok()
    }

    fn permits(&self, party: Party) -> Arc<Semaphore> {
        let mut parties = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(permits) = parties.get(&party).and_then(Weak::upgrade) {
            return permits;
        }
        if parties.len() >= PARTIES_KEPT {
            parties.retain(|_, permits| permits.strong_count() > 0);
        }
        let permits = Arc::new(Semaphore::new(PAGES_PER_ACCOUNT));
        parties.insert(party, Arc::downgrade(&permits));
        permits
    }
}

/// Returns `true` for a request that waits for a receiver, and not for the database.
fn waits_for_a_test(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path().ends_with("/test")
}

/// Lets an account's requests through a few at a time.
pub(crate) async fn apply(State(limit): State<PageLimit>, request: Request, next: Next) -> Response {
    let party = request.extensions().get::<Session>().and_then(Party::of);
    let Some(party) = party.filter(|_| !waits_for_a_test(&request)) else {
        return next.run(request).await;
    };
    match limit.acquire(party).await {
        Some(_permit) => next.run(request).await,
        None => PageError::Busy.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use signet_model::Timestamp;

    use super::*;

    fn account(number: i64) -> Party {
        Party::Account(AccountId::new(Timestamp::from_unix_seconds(number), [0; 10]))
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_has_a_few_pages_at_a_time_and_another_one_its_own() {
        let limit = PageLimit::default();
        let mut permits = Vec::new();
        for _ in 0..PAGES_PER_ACCOUNT {
            permits.push(limit.acquire(account(1)).await.expect("a permit"));
        }
        assert!(limit.acquire(account(1)).await.is_none(), "all permits of the account are taken");
        assert!(limit.acquire(account(2)).await.is_some());
        permits.pop();
        assert!(limit.acquire(account(1)).await.is_some());
    }

    #[tokio::test]
    async fn accounts_without_a_page_are_forgotten() {
        let limit = PageLimit::default();
        let permit = limit.acquire(account(0)).await;
        for number in 1..3_000 {
            assert!(limit.acquire(account(number)).await.is_some());
        }
        assert!(limit.0.lock().expect("the accounts").len() <= PARTIES_KEPT);
        assert!(limit.0.lock().expect("the accounts").contains_key(&account(0)), "a page of it is under way");
        drop(permit);
    }
}
