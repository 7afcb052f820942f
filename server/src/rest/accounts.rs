//! Which account a name or an id means, remembered until the engine says that
//! the account is gone.

use std::{
    collections::{HashMap, HashSet},
    sync::{PoisonError, RwLock},
};

use signet_engine::{
    Engine,
    deliver::ingest::{Accepted, IngestError, NewEvent},
    store,
};
use signet_model::{AccountId, Amount};

use super::Api;

/// How many names are remembered, before all are forgotten and asked for again.
const MOST: usize = 50_000;

/// What names and ids were found to mean. An account keeps its name, so that
/// what was found once stays true for as long as there is the account. It may
/// be erased, by another process too, and another one be given its name: whoever
/// is told by the engine that it is gone has it forgotten, see [`Api::ingest`].
#[derive(Debug, Default)]
pub struct Accounts(RwLock<HashMap<Box<str>, AccountId>>);

impl Accounts {
    /// The account with this id or name.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(&self, engine: &Engine, id_or_name: &str) -> store::Result<Option<AccountId>> {
        match self.recall(id_or_name) {
            Some(known) => Ok(Some(known)),
            None => self.look_up(engine, id_or_name).await,
        }
    }

    /// Whether this is the id or the name of an account. The engine is never
    /// asked about another one, so that a no must not come from memory.
    ///
    /// # Errors
    /// The store failed.
    pub async fn is(&self, engine: &Engine, id_or_name: &str, account: AccountId) -> store::Result<bool> {
        Ok(self.recall(id_or_name) == Some(account) || self.look_up(engine, id_or_name).await? == Some(account))
    }

    fn recall(&self, id_or_name: &str) -> Option<AccountId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id_or_name).copied()
    }

    async fn look_up(&self, engine: &Engine, id_or_name: &str) -> store::Result<Option<AccountId>> {
        if id_or_name.contains('\0') {
            // PostgreSQL refuses to compare with it, as if the store had failed.
            return Ok(None);
        }
        let found = engine.find_account(id_or_name).await?.map(|account| account.id);
        if let Some(id) = found {
            self.remember(id_or_name, id);
        }
        Ok(found)
    }

    fn remember(&self, id_or_name: &str, id: AccountId) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id_or_name.into(), id);
    }

    /// Forgets whatever meant one of these accounts.
    fn forget(&self, gone: &HashSet<AccountId>) {
        if !gone.is_empty() {
            self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|_, known| !gone.contains(known));
        }
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
    pub async fn set_balance(&self, account: AccountId, balance: Amount) -> store::Result<()> {
        let answer = self.engine.set_balance(account, balance).await;
        if let Err(store::Error::NotFound) = answer {
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
