//! The accounts that names and ids mean, remembered until the engine says that an account
//! does not exist any more.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use hashlink::LruCache;
use signet_engine::{Engine, service};
use signet_model::AccountId;

/// The most names that are remembered. The one that was not asked for for the longest time
/// gives way to a new one.
const NAMES_MAX: usize = 50_000;

/// The accounts that names and ids were found to mean. A name, a former one too, means one
/// account for as long as that exists, and so does a finding hold. The account may be erased, by another
/// process too, and another one be given its name: then the engine refuses the id, and
/// [`Names::forget`] is called.
#[derive(Debug)]
pub struct Names(Mutex<LruCache<Box<str>, AccountId>>);

impl Default for Names {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(NAMES_MAX)))
    }
}

impl Names {
    /// The account with this id or name, for a key of `own` or of the operator. For a key
    /// of `own` another account never comes from memory: its name may be `own`'s by now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(
        &self,
        engine: &Engine,
        id_or_name: &str,
        own: Option<AccountId>,
    ) -> service::Result<Option<AccountId>> {
        match self.recall(id_or_name, own) {
            Some(known) => Ok(Some(known)),
            None => Ok(Box::pin(self.look_up(engine, &[id_or_name])).await?.get(id_or_name).copied()),
        }
    }

    /// The accounts with these ids or names. Those that are not remembered are looked up together.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find_all<'n>(
        &self,
        engine: &Engine,
        ids_or_names: HashSet<&'n str>,
        own: Option<AccountId>,
    ) -> service::Result<HashMap<&'n str, AccountId>> {
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

    async fn look_up<'n>(&self, engine: &Engine, names: &[&'n str]) -> service::Result<HashMap<&'n str, AccountId>> {
        let found = engine.accounts().find_all(names).await?;
        let mut known = self.known();
        for (name, id) in &found {
            known.insert((*name).into(), *id);
        }
        Ok(found)
    }

    /// Forgets all names of these accounts.
    pub fn forget(&self, gone: &HashSet<AccountId>) {
        if !gone.is_empty() {
            self.known().retain(|_, known| !gone.contains(known));
        }
    }

    fn known(&self) -> MutexGuard<'_, LruCache<Box<str>, AccountId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::{Answer, TestApi, event};

    /// Sends an event or a balance for acme, by its name. Returns true if it was accepted.
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

    on_each_database!(a_name_that_was_given_to_another_account_means_that_account_at_once_in_every_operation);
    async fn a_name_that_was_given_to_another_account_means_that_account_at_once_in_every_operation(
        database: TestDatabase,
    ) {
        for way in ["event", "batch", "balance"] {
            let api = TestApi::on(database.another().await).await.with_operator_key().await;
            assert!(sent(&api, way).await, "{way}");
            let renewed = api.erase_and_create_acme().await;
            assert!(sent(&api, way).await, "{way}");
            assert_eq!(renewed.balance(renewed.acme).await.is_some(), way == "balance");
        }
    }

    on_each_database!(the_key_of_an_account_that_was_given_a_known_name_may_use_it_at_once);
    async fn the_key_of_an_account_that_was_given_a_known_name_may_use_it_at_once(database: TestDatabase) {
        for way in ["event", "batch", "balance"] {
            let api = TestApi::on(database.another().await).await.with_operator_key().await;
            assert!(sent(&api, way).await, "{way}");
            assert!(sent(&api.erase_and_create_acme().await, way).await, "{way}");
        }
    }

    on_each_database!(an_account_that_was_erased_is_not_there);
    async fn an_account_that_was_erased_is_not_there(database: TestDatabase) {
        let api = TestApi::on(database).await.with_operator_key().await;
        assert!(sent(&api, "event").await && sent(&api, "balance").await);
        api.erase(api.acme).await;
        for _ in 0..2 {
            let answer = api.put("/v1/accounts/acme/balance", &json!({"balance": 1})).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
            assert!(!sent(&api, "event").await && !sent(&api, "batch").await);
        }
    }
}
