//! Which account a name or an id means, remembered until the engine says that
//! the account is gone.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use hashlink::LruCache;
use signet_engine::{
    Engine,
    deliver::ingest::{Accepted, IngestError, NewEvent},
    store,
};
use signet_model::{AccountId, Amount};

use super::Api;

/// How many names are remembered. Beyond that the one that was not asked for for the
/// longest time is forgotten.
const NAMES_MAX: usize = 50_000;

/// What names and ids were found to mean. An account keeps its name, so that
/// what was found once stays true for as long as there is the account. It may
/// be erased, by another process too, and another one be given its name: whoever
/// is told by the engine that it is gone has it forgotten, see [`Api::ingest`].
#[derive(Debug)]
pub struct Accounts(Mutex<LruCache<Box<str>, AccountId>>);

impl Default for Accounts {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(NAMES_MAX)))
    }
}

impl Accounts {
    /// The account with this id or name, for a key of `own` or of the operator. The
    /// engine is never asked about an account that is not the key's own, so that
    /// "another one" must not come from memory.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(
        &self,
        engine: &Engine,
        id_or_name: &str,
        own: Option<AccountId>,
    ) -> store::Result<Option<AccountId>> {
        match self.recall(id_or_name, own) {
            Some(known) => Ok(Some(known)),
            None => Ok(self.look_up(engine, &[id_or_name]).await?.get(id_or_name).copied()),
        }
    }

    /// The same of many, of which those that are not remembered are looked up together.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find_all<'n>(
        &self,
        engine: &Engine,
        ids_or_names: HashSet<&'n str>,
        own: Option<AccountId>,
    ) -> store::Result<HashMap<&'n str, AccountId>> {
        let recalled = |name: &'n str| Some((name, self.recall(name, own)?));
        let mut found: HashMap<_, _> = ids_or_names.iter().copied().filter_map(recalled).collect();
        let missing: Vec<_> = ids_or_names.into_iter().filter(|name| !found.contains_key(name)).collect();
        if !missing.is_empty() {
            found.extend(self.look_up(engine, &missing).await?);
        }
        Ok(found)
    }

    fn recall(&self, id_or_name: &str, own: Option<AccountId>) -> Option<AccountId> {
        self.known().get(id_or_name).copied().filter(|id| own.is_none_or(|own| own == *id))
    }

    async fn look_up<'n>(&self, engine: &Engine, names: &[&'n str]) -> store::Result<HashMap<&'n str, AccountId>> {
        let found = engine.find_accounts(names).await?;
        let mut known = self.known();
        for (name, id) in &found {
            known.insert((*name).into(), *id);
        }
        Ok(found)
    }

    /// Forgets whatever meant one of these accounts.
    fn forget(&self, gone: &HashSet<AccountId>) {
        if !gone.is_empty() {
            self.known().retain(|_, known| !gone.contains(known));
        }
    }

    fn known(&self) -> MutexGuard<'_, LruCache<Box<str>, AccountId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Api {
    /// Takes events in, with one answer for each, in order.
    pub async fn ingest(&self, events: Vec<NewEvent>) -> Vec<Result<Accepted, IngestError>> {
        let accounts: Vec<_> = events.iter().map(|event| event.account).collect();
        let answers = self.engine.ingest_batch(events).await;
        let gone = accounts.iter().zip(&answers).filter(|(_, answer)| **answer == Err(IngestError::UnknownAccount));
        self.accounts.forget(&gone.map(|(&account, _)| account).collect());
        answers
    }

    /// Records a balance.
    pub async fn set_balance(&self, account: AccountId, balance: Amount) -> Result<(), IngestError> {
        let answer = self.engine.set_balance(account, balance).await;
        if answer == Err(IngestError::UnknownAccount) {
            self.accounts.forget(&HashSet::from([account]));
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;

    use crate::rest::testing::{Answer, TestApi, event};

    /// Whether something is sent for acme, named.
    async fn sent(api: &TestApi, way: &str) -> bool {
        let mut named = event();
        named["account"] = json!("acme");
        let Answer { status, json, .. } = match way {
            "event" => api.post("/v1/events", &named).await,
            "batch" => api.post("/v1/events/batch", &json!([named, named])).await,
            _ => api.put("/v1/accounts/acme/balance", &json!({"balance": 1})).await,
        };
        status.is_success() && json["results"][0]["error"].is_null()
    }

    #[tokio::test]
    async fn a_name_that_was_given_to_another_account_means_that_account_at_once_in_every_operation() {
        for way in ["event", "batch", "balance"] {
            let api = TestApi::new().await.with_operator_key().await;
            assert!(sent(&api, way).await, "{way}");
            let renewed = api.erase_and_create_acme().await;
            assert!(sent(&api, way).await, "{way}");
            assert_eq!(renewed.balance(renewed.acme).await.is_some(), way == "balance");
        }
    }

    #[tokio::test]
    async fn the_key_of_an_account_that_was_given_a_known_name_may_use_it_at_once() {
        for way in ["event", "batch", "balance"] {
            let api = TestApi::new().await.with_operator_key().await;
            assert!(sent(&api, way).await, "{way}");
            assert!(sent(&api.erase_and_create_acme().await, way).await, "{way}");
        }
    }

    #[tokio::test]
    async fn an_account_that_was_erased_is_not_there() {
        let api = TestApi::new().await.with_operator_key().await;
        assert!(sent(&api, "event").await && sent(&api, "balance").await);
        api.erase(api.acme).await;
        for _ in 0..2 {
            let answer = api.put("/v1/accounts/acme/balance", &json!({"balance": 1})).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
            assert!(!sent(&api, "event").await && !sent(&api, "batch").await);
        }
    }
}
