//! The keys with which a backend sends events in.

use signet_model::{AccountId, ApiKeyId, Timestamp};

use super::Result;
use crate::Engine;

/// An API key as the dashboard lists it; the key itself is kept only as a hash.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What a person called it.
    pub name: String,
    /// Its last four characters.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Whom a key speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key.
    pub key: ApiKeyId,
    /// Its account; `None` for a key of the operator, which may name any account.
    pub account: Option<AccountId>,
}

impl Engine {
    /// Makes a key, for one account or (`None`) for all. Returns it with its
    /// text, `sk_…`, which is not kept and cannot be shown again.
    pub async fn create_api_key(&self, _account: Option<AccountId>, _name: &str) -> Result<(ApiKey, String)> {
        todo!()
    }

    /// The account's keys, newest first, revoked ones included.
    pub async fn api_keys(&self, _account: AccountId) -> Result<Vec<ApiKey>> {
        todo!()
    }

    /// Revokes a key of the account.
    pub async fn revoke_api_key(&self, _account: AccountId, _key: ApiKeyId) -> Result<()> {
        todo!()
    }

    /// Whom a bearer token speaks for; `None` if it is no key or was revoked.
    /// Answers from memory for up to a second.
    pub async fn authenticate(&self, _token: &str) -> Result<Option<KeyHolder>> {
        todo!()
    }
}
