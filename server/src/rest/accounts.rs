//! Which account a name or an id means, remembered.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use signet_engine::{Engine, store};
use signet_model::AccountId;

/// How many names are remembered, before all are forgotten and asked for again.
const MOST: usize = 50_000;

/// What names and ids were found to mean. An account keeps its name, so that
/// what was found once stays true; should the account go, ingest says so.
#[derive(Debug, Default)]
pub struct Accounts(RwLock<HashMap<Box<str>, AccountId>>);

impl Accounts {
    /// The account with this id or name.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(&self, engine: &Engine, id_or_name: &str) -> store::Result<Option<AccountId>> {
        if let Some(&known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(id_or_name) {
            return Ok(Some(known));
        }
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

    /// Forgets what turned out to be true no more.
    pub fn forget(&self, id_or_name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id_or_name);
    }

    fn remember(&self, id_or_name: &str, id: AccountId) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id_or_name.into(), id);
    }
}
