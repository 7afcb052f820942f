//! The accounts that names and ids mean, remembered until the engine says that an account
//! does not exist any more.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use hashlink::LruCache;
use signet_engine::{Engine, service};
use signet_model::AccountId;
use tokio::sync::{Mutex as Turns, oneshot};

use crate::problem::Problem;

/// The most names that are remembered. The one that was not asked for for the longest time
/// gives way to a new one.
const NAMES_MAX: usize = 50_000;
/// The most names that one statement looks up for requests that wait at the same time.
const TOGETHER_MAX: usize = 256;

/// The accounts that names and ids were found to mean. A name, a former one too, means one
/// account for as long as that exists, and so does a finding hold. The account may be erased, by another
/// process too, and another one be given its name: then the engine refuses the id, and
/// [`Names::forget`] is called.
#[derive(Debug)]
pub struct Names {
    known: Mutex<LruCache<Box<str>, AccountId>>,
    /// The names for which requests wait, in the order in which they came.
    asked: Mutex<Vec<(Box<str>, Answer)>>,
    /// Who holds it looks names up; the others wait for its answer, or for their turn.
    turns: Turns<()>,
}

/// The way to answer a request that waits for a name.
type Answer = oneshot::Sender<Result<Option<AccountId>, Problem>>;

impl Default for Names {
    fn default() -> Self {
        Self { known: Mutex::new(LruCache::new(NAMES_MAX)), asked: Mutex::default(), turns: Turns::default() }
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
    ) -> Result<Option<AccountId>, Problem> {
        match (self.recall(id_or_name, own), own) {
            (Some(known), _) => Ok(Some(known)),
            (None, Some(_)) => Ok(Box::pin(self.look_up(engine, &[id_or_name])).await?.get(id_or_name).copied()),
            (None, None) => Box::pin(self.look_up_with_others(engine, id_or_name)).await,
        }
    }

    /// Looks a name up along with those for which other requests wait. One such statement is under way
    /// at a time: while a server that has just been started meets its accounts, the next one has
    /// the names of all who have come meanwhile.
    async fn look_up_with_others(&self, engine: &Engine, id_or_name: &str) -> Result<Option<AccountId>, Problem> {
        let (answer, mut told) = oneshot::channel();
        lock(&self.asked).push((id_or_name.into(), answer));
        let _turn = tokio::select! {
            biased;
            // Without an answer the request that looked the name up was given up.
            Ok(found) = &mut told => return found,
            turn = self.turns.lock() => turn,
        };
        if let Ok(found) = told.try_recv() {
            return found;
        }
        let (asked, answers) = self.take_asked();
        // Its own is among them, but for a crowd, and after a request that was given up.
        let names: Vec<_> = asked.iter().map(|name| &**name).chain([id_or_name]).collect();
        let found = self.look_up(engine, &names).await.map_err(Problem::from);
        let account = |name: &str| found.as_ref().map(|found| found.get(name).copied()).map_err(Clone::clone);
        for (name, answer) in asked.iter().zip(answers) {
            // The request may have been given up.
            let _ = answer.send(account(name));
        }
        account(id_or_name)
    }

    /// Takes the first names for which requests wait, with the ways to answer these.
    fn take_asked(&self) -> (Vec<Box<str>>, Vec<Answer>) {
        let mut asked = lock(&self.asked);
        let count = asked.len().min(TOGETHER_MAX);
        asked.drain(..count).unzip()
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
        lock(&self.known)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use axum::{http::StatusCode, response::IntoResponse};
    use futures_util::future::join_all;
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, account, on_each_database, sqlite};

    use super::{Names, TOGETHER_MAX};
    use crate::testing::{Answer, TestApi, event};

    on_each_database!(requests_that_ask_at_the_same_time_get_the_answers_to_their_own_names);
    async fn requests_that_ask_at_the_same_time_get_the_answers_to_their_own_names(database: TestDatabase) {
        let api = TestApi::resting(database).await;
        let (names, ada) = (Names::default(), account(&api.engine, "ada").await);
        let id = ada.to_string();
        let known = [("acme", Some(api.acme)), ("ada", Some(ada)), (&*id, Some(ada)), ("nobody", None), ("\0", None)];
        let asked: Vec<_> = known.iter().cycle().take(2 * TOGETHER_MAX + known.len()).collect();
        let found = join_all(asked.iter().map(|(name, _)| names.find(&api.engine, name, None))).await;
        for ((name, account), found) in asked.into_iter().zip(found) {
            assert_eq!(found.expect("an answer"), *account, "{name}");
        }
    }

    on_each_database!(a_request_that_is_given_up_keeps_no_other_waiting);
    async fn a_request_that_is_given_up_keeps_no_other_waiting(database: TestDatabase) {
        let api = TestApi::resting(database).await;
        let names = Names::default();
        let first = names.find(&api.engine, "acme", None);
        let second = names.find(&api.engine, "other", None);
        tokio::select! {
            biased;
            _ = first => panic!("it was asked once and not waited for"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(second.await.expect("an answer"), Some(api.other));
    }

    #[tokio::test]
    async fn requests_that_ask_together_fail_together() {
        let api = TestApi::resting(sqlite().await).await;
        api.close_database().await;
        let names = Names::default();
        for found in join_all(["acme", "other"].map(|name| names.find(&api.engine, name, None))).await {
            let answer = found.expect_err("the store is gone").into_response();
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        }
    }

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
