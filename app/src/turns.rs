//! An account has a few pages at a time: the rest wait, so that one customer's pages
//! leave the database's connections to the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use signet_engine::store::sessions::Session;
use signet_model::AccountId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::error::PageError;

/// How many pages of one account are made at the same time.
const AT_ONCE: usize = 4;
/// How long a page waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many accounts are kept before those without a page under way are forgotten.
const KEPT: usize = 1_024;

/// The accounts that have pages under way. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<AccountId, Weak<Semaphore>>>>);

impl Turns {
    /// Waits for a turn; `None` if that takes too long.
    async fn take(&self, account: AccountId) -> Option<OwnedSemaphorePermit> {
        let turns = self.of(account);
        timeout(PATIENCE, turns.acquire_owned()).await.ok()?.ok()
    }

    fn of(&self, account: AccountId) -> Arc<Semaphore> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = accounts.get(&account).and_then(Weak::upgrade) {
            return turns;
        }
        if accounts.len() >= KEPT {
            accounts.retain(|_, turns| turns.strong_count() > 0);
        }
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        accounts.insert(account, Arc::downgrade(&turns));
        turns
    }
}

/// Whether a request waits for a receiver, and not for the database.
fn waits_for_a_test(path: &str) -> bool {
    path.ends_with("/test")
}

/// Lets an account's requests through a few at a time.
pub(crate) async fn in_turn(State(turns): State<Turns>, request: Request, next: Next) -> Response {
    let account = request.extensions().get::<Session>().map(|session| session.account);
    let Some(account) = account.filter(|_| !waits_for_a_test(request.uri().path())) else {
        return next.run(request).await;
    };
    match turns.take(account).await {
        Some(_turn) => next.run(request).await,
        None => PageError::Busy.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use signet_model::Timestamp;

    use super::*;

    fn account(number: i64) -> AccountId {
        AccountId::new(Timestamp::from_unix_seconds(number), [0; 10])
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_has_a_few_pages_at_a_time_and_another_one_its_own() {
        let turns = Turns::default();
        let mut taken = Vec::new();
        for _ in 0..AT_ONCE {
            taken.push(turns.take(account(1)).await.expect("a turn"));
        }
        assert!(turns.take(account(1)).await.is_none(), "it has waited long enough");
        assert!(turns.take(account(2)).await.is_some());
        taken.pop();
        assert!(turns.take(account(1)).await.is_some());
    }

    #[tokio::test]
    async fn accounts_without_a_page_are_forgotten() {
        let turns = Turns::default();
        let kept = turns.take(account(0)).await;
        for number in 1..3_000 {
            assert!(turns.take(account(number)).await.is_some());
        }
        assert!(turns.0.lock().expect("it").len() <= KEPT);
        assert!(turns.0.lock().expect("it").contains_key(&account(0)), "it has a page under way");
        drop(kept);
    }
}
