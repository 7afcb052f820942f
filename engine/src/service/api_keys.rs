//! The keys with which a backend sends events in.

use std::{sync::Arc, time::Duration};

use const_format::formatcp;
use serde_json::json;
use signet_model::{AccountId, ApiKeyId, Scopes, Timestamp, sql::Lossy, text::KeyName};
use uuid::Uuid;

use super::{
    AccountHandle, Error, Result, Service,
    carried::{CARRIED_LIFETIME, Purpose},
    change::Record,
    token,
};
use crate::{
    actor::{Actor, Operator},
    audit::Action,
    db::{self, Pool, Tx},
};

mod key_text;
mod recent;

pub use key_text::{KEY_PREFIX, can_be_key};
pub(crate) use recent::RecentKeys;

/// The number of characters of a key that are kept, by which a person recognises it.
const HINT_LEN: usize = 4;
/// The time in which a new key can be shown.
pub const SHOWN_WITHIN: Duration = CARRIED_LIFETIME;
/// The resolution of the last use of a key.
const USE_RESOLUTION: Duration = Duration::from_mins(1);
/// The time before its end in which a key is listed as one that expires soon.
const SOON: Duration = Duration::from_hours(14 * 24);

/// The columns of [`ApiKey`].
const COLUMNS: &str = "id, name, hint, scopes, created_at, last_used_at, expires_at, revoked_at";

/// Keys of an account (`$1`) older than one (`$2`), at most `$3`.
pub(crate) const PAGE: &str =
    formatcp!("SELECT {COLUMNS} FROM api_keys WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");

/// Keys of the operator older than one (`$1`), at most `$2`.
pub(crate) const OPERATORS_PAGE: &str =
    formatcp!("SELECT {COLUMNS} FROM api_keys WHERE account_id IS NULL AND id < $1 ORDER BY id DESC LIMIT $2");

/// The id after all others.
const LAST: ApiKeyId = ApiKeyId::from_uuid(Uuid::max());

/// An API key as the dashboard lists it; the key itself is kept only as a hash.
#[derive(Debug, Clone, PartialEq, Eq, sqlx_macros::FromRow)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The name that a person gave it.
    pub name: Lossy,
    /// Its last four characters.
    pub hint: Lossy,
    /// The kinds of requests that it allows.
    pub scopes: Scopes,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// Its last use, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// The instant from which it is refused.
    pub expires_at: Option<Timestamp>,
    /// The instant of its revocation.
    pub revoked_at: Option<Timestamp>,
}

/// The state of a key at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Its requests are let in.
    InForce,
    /// Its requests are let in, for two weeks more at most.
    ExpiresSoon(Timestamp),
    /// Its time has ended.
    Expired,
    /// It was revoked.
    Revoked,
}

impl ApiKey {
    /// The state at an instant.
    pub fn state(&self, now: Timestamp) -> KeyState {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => KeyState::Revoked,
            (None, Some(at)) if at <= now => KeyState::Expired,
            (None, Some(at)) if at.since(now) <= SOON => KeyState::ExpiresSoon(at),
            (None, _) => KeyState::InForce,
        }
    }
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyDraft {
    /// The name that a person gives it.
    pub name: KeyName,
    /// The kinds of requests that it is to allow.
    pub scopes: Scopes,
    /// The instant from which it is to be refused.
    pub expires_at: Option<Timestamp>,
}

/// A new key, with its text.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// The key as the dashboard lists it.
    pub key: ApiKey,
    /// The key itself, `signet_sk_…`. It is not kept, and cannot be shown again.
    pub text: String,
}

/// The holder of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key.
    pub key: ApiKeyId,
    /// Its account; `None` for a key of the operator, which may name any account.
    pub account: Option<AccountId>,
    /// The kinds of requests that it allows.
    pub scopes: Scopes,
    /// The instant from which it is refused.
    pub expires_at: Option<Timestamp>,
}

/// A key was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// The account has as many keys as it may.
    #[error("This account has {0} API keys, and may not have more. Revoke one that is no longer used.")]
    TooMany(u32),
    /// The key would be refused from the beginning.
    #[error("The key would have expired already. Choose a later time.")]
    Expired,
    /// The database failed, or the actor may make no keys.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for CreateKeyError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

impl<'e> AccountHandle<'e> {
    /// The API keys of the account.
    pub const fn api_keys(self) -> ApiKeys<'e> {
        ApiKeys { service: self.service, actor: self.actor, account: self.id }
    }
}

/// The API keys of an account.
#[derive(Debug, Clone, Copy)]
pub struct ApiKeys<'e> {
    service: &'e Arc<Service>,
    actor: &'e Actor,
    account: AccountId,
}

impl ApiKeys<'_> {
    /// Creates a key.
    ///
    /// # Errors
    /// The account has as many keys as it may, or the key would have expired already.
    pub async fn create(self, draft: &ApiKeyDraft) -> Result<NewApiKey, CreateKeyError> {
        let new = make(self.service, draft)?;
        let mut change = self.service.change_locked(self.actor, Action::KeyCreated).await?;
        self.make_room(&mut change.tx).await?;
        insert(&mut change.tx, Some(self.account), &new).await?;
        change.commit(created(&new.key)).await?;
        Ok(new)
    }

    /// Checks that the account may have another key, and removes those of its revoked and
    /// expired keys that are too many to list. Its lock keeps the count as it is.
    async fn make_room(self, tx: &mut Tx<'_>) -> Result<(), CreateKeyError> {
        const COUNT: &str = "SELECT count(*) FROM api_keys
             WHERE account_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
        const REMOVE: &str = "DELETE FROM api_keys
             WHERE account_id = $1 AND (revoked_at IS NOT NULL OR expires_at <= $2) AND id NOT IN
               (SELECT id FROM api_keys WHERE account_id = $1 AND (revoked_at IS NOT NULL OR expires_at <= $2)
                 ORDER BY COALESCE(revoked_at, expires_at) DESC, id DESC LIMIT $3)";
        let (most, now) = (self.service.settings.max_api_keys_per_account, self.service.clock.now());
        tx.query(REMOVE).bind(self.account).bind(now).bind(i64::from(most)).execute().await?;
        let count: i64 = tx.query(COUNT).bind(self.account).bind(now).fetch_value().await?;
        if count.unsigned_abs() < u64::from(most) { Ok(()) } else { Err(CreateKeyError::TooMany(most)) }
    }

    /// Seals the text of a new key for the page that shows it once: a cookie takes the result.
    pub fn carry(self, text: &str) -> String {
        self.service.carry(Purpose::NewKey(self.account), text)
    }

    /// The text of the new key that was sealed so, in this account and a few minutes ago.
    pub fn carried(self, sealed: &str) -> Option<String> {
        self.service.carried(Purpose::NewKey(self.account), sealed)
    }

    /// Lists the keys, newest first, revoked ones included.
    pub async fn list(self) -> Result<Vec<ApiKey>> {
        const SQL: &str = formatcp!("SELECT {COLUMNS} FROM api_keys WHERE account_id = $1 ORDER BY id DESC");
        Ok(self.service.db.read(Pool::Pages).await?.query(SQL).bind(self.account).fetch_all().await?)
    }

    /// Lists up to `limit` keys that are older than one, newest first, revoked ones included.
    pub async fn page(self, before: Option<ApiKeyId>, limit: u32) -> Result<Vec<ApiKey>> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(PAGE).bind(self.account).bind(before.unwrap_or(LAST)).bind(i64::from(limit));
        Ok(query.fetch_all().await?)
    }

    /// Revokes a key. In this process it ends at once, in others within a second.
    pub async fn revoke(self, key: ApiKeyId) -> Result<()> {
        const SQL: &str = "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3) WHERE id = $1 AND account_id = $2";
        let now = self.service.clock.now();
        let mut change = self.service.change(self.actor, Action::KeyRevoked).await?;
        if change.tx.query(SQL).bind(key).bind(self.account).bind(now).execute().await? == 0 {
            return Err(Error::ApiKeyNotFound);
        }
        change.commit(Record::of("api_key", key)).await?;
        self.service.recent_keys.forget();
        Ok(())
    }
}

/// The API keys of the operator, which may name any account, and the holders of all keys.
#[derive(Debug, Clone, Copy)]
pub struct OperatorKeys<'e>(pub(crate) &'e Arc<Service>);

impl OperatorKeys<'_> {
    /// Creates a key. There may be any number of them.
    ///
    /// # Errors
    /// The key would have expired already.
    pub async fn create(self, operator: &Operator, draft: &ApiKeyDraft) -> Result<NewApiKey, CreateKeyError> {
        let new = make(self.0, draft)?;
        let mut change = self.0.change_installation(operator, Action::KeyCreated).await?;
        insert(&mut change.tx, None, &new).await?;
        change.commit(created(&new.key)).await?;
        Ok(new)
    }

    /// Lists up to `limit` keys that are older than one, newest first, revoked ones included.
    pub async fn page(self, before: Option<ApiKeyId>, limit: u32) -> Result<Vec<ApiKey>> {
        let mut conn = self.0.db.read(Pool::Pages).await?;
        Ok(conn.query(OPERATORS_PAGE).bind(before.unwrap_or(LAST)).bind(i64::from(limit)).fetch_all().await?)
    }

    /// The key of the operator with this id.
    pub async fn get(self, key: ApiKeyId) -> Result<ApiKey> {
        const SQL: &str = formatcp!("SELECT {COLUMNS} FROM api_keys WHERE id = $1 AND account_id IS NULL");
        let mut conn = self.0.db.read(Pool::Pages).await?;
        conn.query(SQL).bind(key).fetch_optional().await?.ok_or(Error::ApiKeyNotFound)
    }

    /// Revokes a key of the operator. In this process it ends at once, in others within a second.
    pub async fn revoke(self, operator: &Operator, key: ApiKeyId) -> Result<()> {
        const SQL: &str =
            "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1 AND account_id IS NULL";
        let now = self.0.clock.now();
        let mut change = self.0.change_installation(operator, Action::KeyRevoked).await?;
        if change.tx.query(SQL).bind(key).bind(now).execute().await? == 0 {
            return Err(Error::ApiKeyNotFound);
        }
        change.commit(Record::of("api_key", key)).await?;
        self.0.recent_keys.forget();
        Ok(())
    }
}

/// The entry of a new key.
fn created(key: &ApiKey) -> Record {
    let expires_at = key.expires_at.map(|at| at.to_string());
    let after = json!({ "name": key.name.0, "scopes": key.scopes.to_string(), "expiresAt": expires_at });
    Record::of("api_key", key.id).after(after)
}

fn make(service: &Service, draft: &ApiKeyDraft) -> Result<NewApiKey, CreateKeyError> {
    let created_at = service.clock.now();
    if draft.expires_at.is_some_and(|at| at <= created_at) {
        return Err(CreateKeyError::Expired);
    }
    let text = key_text::new_text(&service.random);
    let key = ApiKey {
        id: ApiKeyId::new(created_at, service.random.bytes()),
        name: Lossy(draft.name.to_string()),
        hint: Lossy(text[text.len() - HINT_LEN..].to_owned()),
        scopes: draft.scopes,
        created_at,
        last_used_at: None,
        expires_at: draft.expires_at,
        revoked_at: None,
    };
    Ok(NewApiKey { key, text })
}

async fn insert(tx: &mut Tx<'_>, account: Option<AccountId>, NewApiKey { key, text }: &NewApiKey) -> db::Result<()> {
    const SQL: &str = "INSERT INTO api_keys (id, account_id, name, token_hash, hint, created_at, scopes, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let insert = tx.query(SQL).bind(key.id).bind(account).bind(&key.name).bind(&token::hash(text)[..]);
    let insert = insert.bind(&key.hint).bind(key.created_at).bind(key.scopes).bind(key.expires_at);
    insert.execute().await.map(drop)
}

/// Finds the holder of a bearer token; `None` if it is no key, has expired or was revoked.
/// Answers from memory for up to a second.
///
/// The look-up compares SHA-256 hashes, not the token: the time that it takes tells at most
/// how much of a hash is right, from which no token follows.
pub(crate) async fn authenticate(service: &Arc<Service>, token: &str) -> Result<Option<KeyHolder>> {
    if !can_be_key(token) {
        return Ok(None);
    }
    let now = service.clock.now();
    let hash = token::hash(token);
    let look_up = match service.recent_keys.get(&hash, now) {
        Ok(holder) => return Ok(Some(holder)),
        Err(look_up) => look_up,
    };
    let Some(found) = living_key(service, &hash, now).await? else {
        return Ok(None);
    };
    let LivingKey { id, account_id, scopes, expires_at, last_used_at } = found;
    let holder = KeyHolder { key: id, account: account_id, scopes, expires_at };
    service.recent_keys.put(look_up, hash, holder, now);
    if last_used_at.is_none_or(|at| now.since(at) >= USE_RESOLUTION) {
        let service = Arc::clone(service);
        tokio::spawn(async move { note_use(&service, holder.key, now).await });
    }
    Ok(Some(holder))
}

#[derive(sqlx_macros::FromRow)]
struct LivingKey {
    id: ApiKeyId,
    account_id: Option<AccountId>,
    scopes: Scopes,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

async fn living_key(service: &Service, hash: &[u8; 32], now: Timestamp) -> db::Result<Option<LivingKey>> {
    const SQL: &str = "SELECT id, account_id, scopes, last_used_at, expires_at FROM api_keys
         WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
    service.db.read(Pool::Callers).await?.query(SQL).bind(&hash[..]).bind(now).fetch_optional().await
}

/// Stores the use of a key. No request waits for it, and no rule depends on it.
async fn note_use(service: &Service, key: ApiKeyId, at: Timestamp) {
    if let Err(error) = store_use(service, key, at).await {
        tracing::debug!(%key, error = &error as &dyn std::error::Error, "the use of a key was not noted");
    }
}

async fn store_use(service: &Service, key: ApiKeyId, at: Timestamp) -> db::Result<()> {
    const SQL: &str = "UPDATE api_keys SET last_used_at = $2
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)";
    let mut tx = service.db.begin().await?;
    tx.query(SQL).bind(key).bind(at).bind(at - USE_RESOLUTION).execute().await?;
    tx.commit().await
}

#[cfg(test)]
mod tests;
