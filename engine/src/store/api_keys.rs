//! The keys with which a backend sends events in.

use std::time::Duration;

use signet_model::{AccountId, ApiKeyId, Timestamp, sql::Lossy, text::KeyName};

use super::token;
use crate::{
    Engine,
    db::{Error, Pool, Result, Tx},
    queue::Lock,
};

mod recent;

pub(crate) use recent::RecentKeys;

/// What every key begins with.
pub const KEY_PREFIX: &str = "sk_";
/// How many characters of a key are kept, by which a person recognises it.
const HINT_LEN: usize = 4;
/// How exactly it is kept when a key was last used.
const USE_RESOLUTION: Duration = Duration::from_mins(1);

/// An API key as the dashboard lists it; the key itself is kept only as a hash.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What a person called it.
    #[sqlx(try_from = "Lossy")]
    pub name: String,
    /// Its last four characters.
    #[sqlx(try_from = "Lossy")]
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

/// Why a key was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// The account has as many keys as it may.
    #[error("This account has {0} API keys, and may not have more. Revoke one that is no longer used.")]
    TooMany(u32),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Engine {
    /// Makes a key, for one account or (`None`) for all. Returns it with its
    /// text, `sk_…`, which is not kept and cannot be shown again.
    ///
    /// # Errors
    /// The account has as many keys as it may.
    pub async fn create_api_key(
        &self,
        account: Option<AccountId>,
        name: &KeyName,
    ) -> Result<(ApiKey, String), CreateKeyError> {
        let text = format!("{KEY_PREFIX}{}", token::new_token(&self.0.random));
        let created_at = self.0.clock.now();
        let key = ApiKey {
            id: ApiKeyId::new(created_at, self.0.random.bytes()),
            name: name.to_string(),
            hint: text[text.len() - HINT_LEN..].to_owned(),
            created_at,
            last_used_at: None,
            revoked_at: None,
        };
        let mut tx = self.0.db.begin().await?;
        if let Some(account) = account {
            self.make_room(&mut tx, account).await?;
        }
        insert(&mut tx, account, &key, &token::hash(&text)).await?;
        tx.commit().await?;
        Ok((key, text))
    }

    /// Checks that the account may have another key, and removes those of its
    /// revoked keys that are too many to list. Its lock keeps the count as it is.
    async fn make_room(&self, tx: &mut Tx<'_>, account: AccountId) -> Result<(), CreateKeyError> {
        const COUNT: &str = "SELECT count(*) FROM api_keys WHERE account_id = $1 AND revoked_at IS NULL";
        const REMOVE: &str = "DELETE FROM api_keys WHERE account_id = $1 AND revoked_at IS NOT NULL AND id NOT IN
               (SELECT id FROM api_keys WHERE account_id = $1 AND revoked_at IS NOT NULL
                 ORDER BY revoked_at DESC, id DESC LIMIT $2)";
        let most = self.0.settings.max_api_keys_per_account;
        tx.lock_accounts(&[account], Lock::Exclusive).await?;
        tx.query(REMOVE).bind(account).bind(i64::from(most)).execute().await?;
        let count: i64 = tx.query(COUNT).bind(account).fetch_value().await?;
        if count.unsigned_abs() < u64::from(most) { Ok(()) } else { Err(CreateKeyError::TooMany(most)) }
    }

    /// The account's keys, newest first, revoked ones included.
    pub async fn api_keys(&self, account: AccountId) -> Result<Vec<ApiKey>> {
        const SQL: &str = "SELECT id, name, hint, created_at, last_used_at, revoked_at
             FROM api_keys WHERE account_id = $1 ORDER BY id DESC";
        self.0.db.read(Pool::Pages).await?.query(SQL).bind(account).fetch_all().await
    }

    /// Revokes a key of the account. In this process it ends at once, in others
    /// within a second.
    pub async fn revoke_api_key(&self, account: AccountId, key: ApiKeyId) -> Result<()> {
        const SQL: &str = "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3) WHERE id = $1 AND account_id = $2";
        let mut tx = self.0.db.begin().await?;
        if tx.query(SQL).bind(key).bind(account).bind(self.0.clock.now()).execute().await? == 0 {
            return Err(Error::NotFound);
        }
        tx.commit().await?;
        self.0.recent_keys.forget();
        Ok(())
    }

    /// Whom a bearer token speaks for; `None` if it is no key or was revoked.
    /// Answers from memory for up to a second.
    pub async fn authenticate(&self, token: &str) -> Result<Option<KeyHolder>> {
        if !token.starts_with(KEY_PREFIX) {
            return Ok(None);
        }
        let now = self.0.clock.now();
        let hash = token::hash(token);
        let look_up = match self.0.recent_keys.get(&hash, now) {
            Ok(holder) => return Ok(Some(holder)),
            Err(look_up) => look_up,
        };
        let Some(found) = self.living_key(&hash).await? else {
            return Ok(None);
        };
        let holder = KeyHolder { key: found.id, account: found.account_id };
        self.0.recent_keys.put(look_up, hash, holder, now);
        if found.last_used_at.is_none_or(|at| now.since(at) >= USE_RESOLUTION) {
            let engine = self.clone();
            tokio::spawn(async move { engine.note_use(holder.key, now).await });
        }
        Ok(Some(holder))
    }

    async fn living_key(&self, hash: &[u8; 32]) -> Result<Option<LivingKey>> {
        const SQL: &str =
            "SELECT id, account_id, last_used_at FROM api_keys WHERE token_hash = $1 AND revoked_at IS NULL";
        self.0.db.read(Pool::Callers).await?.query(SQL).bind(&hash[..]).fetch_optional().await
    }

    /// Keeps when a key was used. Nothing waits for it, and nothing depends on it.
    async fn note_use(&self, key: ApiKeyId, at: Timestamp) {
        if let Err(error) = self.store_use(key, at).await {
            tracing::debug!(%key, error = &error as &dyn std::error::Error, "the use of a key was not noted");
        }
    }

    async fn store_use(&self, key: ApiKeyId, at: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE api_keys SET last_used_at = $2
             WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)";
        let mut tx = self.0.db.begin().await?;
        tx.query(SQL).bind(key).bind(at).bind(at - USE_RESOLUTION).execute().await?;
        tx.commit().await
    }
}

async fn insert(tx: &mut Tx<'_>, account: Option<AccountId>, key: &ApiKey, hash: &[u8; 32]) -> Result<()> {
    const SQL: &str = "INSERT INTO api_keys (id, account_id, name, token_hash, hint, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)";
    tx.query(SQL)
        .bind(key.id)
        .bind(account)
        .bind(&key.name)
        .bind(&hash[..])
        .bind(&key.hint)
        .bind(key.created_at)
        .execute()
        .await
        .map(drop)
}

#[derive(sqlx::FromRow)]
struct LivingKey {
    id: ApiKeyId,
    account_id: Option<AccountId>,
    last_used_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Settings,
        testing::{account, api_key, databases, engine, resting_engine},
    };

    async fn holder(engine: &Engine, token: &str) -> Option<KeyHolder> {
        engine.authenticate(token).await.expect("an answer")
    }

    #[tokio::test]
    async fn a_key_speaks_for_its_account() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
            let (one, one_text) = api_key(&engine, Some(acme), "one").await;
            let (two, two_text) = api_key(&engine, Some(other), "two").await;
            let (all, all_text) = api_key(&engine, None, "all").await;
            for _ in ["from the store", "from memory"] {
                assert_eq!(holder(&engine, &one_text).await, Some(KeyHolder { key: one.id, account: Some(acme) }));
                assert_eq!(holder(&engine, &two_text).await, Some(KeyHolder { key: two.id, account: Some(other) }));
                assert_eq!(holder(&engine, &all_text).await, Some(KeyHolder { key: all.id, account: None }));
            }
        }
    }

    #[tokio::test]
    async fn a_key_reads_sk_and_43_characters_and_is_recognised_by_its_last_four() {
        let database = crate::testing::sqlite().await;
        let (engine, _) = resting_engine(&database);
        let (key, text) = api_key(&engine, None, "all").await;
        assert_eq!(text.len(), 3 + 43);
        assert!(text.starts_with("sk_") && text.ends_with(&key.hint) && key.hint.len() == 4, "{text} {}", key.hint);
    }

    #[tokio::test]
    async fn what_is_no_key_speaks_for_nobody() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let (_, text) = api_key(&engine, None, "all").await;
            for wrong in ["", "sk_", "sk_' OR 1=1 --", &text[3..], &text[..45], &format!("{text} ")] {
                assert_eq!(holder(&engine, wrong).await, None, "{wrong}");
            }
        }
    }

    #[tokio::test]
    async fn an_account_lists_its_own_keys_newest_first() {
        for database in databases().await {
            let (engine, clock) = resting_engine(&database);
            let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
            let (old, _) = api_key(&engine, Some(acme), "old").await;
            clock.advance(Duration::from_secs(1));
            let (new, _) = api_key(&engine, Some(acme), "new").await;
            let (foreign, _) = api_key(&engine, Some(other), "foreign").await;
            api_key(&engine, None, "all").await;
            assert_eq!(engine.api_keys(acme).await.expect("keys"), [new, old]);
            assert_eq!(engine.api_keys(other).await.expect("keys"), [foreign]);
        }
    }

    #[tokio::test]
    async fn a_revoked_key_speaks_for_nobody_at_once_and_stays_listed() {
        for database in databases().await {
            let (engine, clock) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            let (key, text) = api_key(&engine, Some(acme), "one").await;
            assert!(holder(&engine, &text).await.is_some());
            let revoked_at = engine.0.clock.now();
            engine.revoke_api_key(acme, key.id).await.expect("revoked");
            assert_eq!(holder(&engine, &text).await, None);
            clock.advance(Duration::from_secs(5));
            engine.revoke_api_key(acme, key.id).await.expect("revoked again");
            let listed = engine.api_keys(acme).await.expect("keys");
            assert_eq!(listed[0].revoked_at, Some(revoked_at), "the first time counts");
        }
    }

    #[tokio::test]
    async fn another_account_cannot_revoke_a_key() {
        for database in databases().await {
            let (engine, clock) = resting_engine(&database);
            let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
            let (key, text) = api_key(&engine, Some(acme), "one").await;
            let (all, all_text) = api_key(&engine, None, "all").await;
            for id in [key.id, all.id] {
                let tried = engine.revoke_api_key(other, id).await;
                assert!(matches!(tried, Err(Error::NotFound)), "{tried:?}");
            }
            clock.advance(Duration::from_secs(2));
            assert!(holder(&engine, &text).await.is_some() && holder(&engine, &all_text).await.is_some());
        }
    }

    #[tokio::test]
    async fn an_account_has_so_many_keys_and_may_replace_a_revoked_one() {
        for database in databases().await {
            let settings = Settings { max_api_keys_per_account: 2, ..Settings::default() };
            let (engine, clock) = engine(&database, settings, Vec::new());
            let acme = account(&engine, "acme").await;
            let name = "one".parse().expect("a name");
            for _ in 0..5 {
                clock.advance(Duration::from_secs(1));
                let (first, _) = engine.create_api_key(Some(acme), &name).await.expect("the first");
                let (second, _) = engine.create_api_key(Some(acme), &name).await.expect("the second");
                let refused = engine.create_api_key(Some(acme), &name).await;
                assert!(matches!(refused, Err(CreateKeyError::TooMany(2))), "{refused:?}");
                for key in [first, second] {
                    engine.revoke_api_key(acme, key.id).await.expect("revoked");
                }
            }
            let (last, _) = engine.create_api_key(Some(acme), &name).await.expect("room again");
            let listed = engine.api_keys(acme).await.expect("keys");
            assert_eq!(listed.len(), 3, "two revoked ones stay listed: {listed:?}");
            assert!(listed.contains(&last));
            engine.create_api_key(None, &name).await.expect("the operator has no limit");
        }
    }

    #[tokio::test]
    async fn a_key_that_another_process_revokes_ends_within_a_second() {
        for database in databases().await {
            let (here, clock) = resting_engine(&database);
            let (elsewhere, _) = resting_engine(&database);
            let acme = account(&here, "acme").await;
            let (key, text) = api_key(&here, Some(acme), "one").await;
            assert!(holder(&here, &text).await.is_some());
            elsewhere.revoke_api_key(acme, key.id).await.expect("revoked");
            assert!(holder(&here, &text).await.is_some(), "from memory");
            clock.advance(Duration::from_secs(1));
            assert_eq!(holder(&here, &text).await, None);
        }
    }

    #[tokio::test]
    async fn the_last_use_is_kept_to_the_minute() {
        for database in databases().await {
            let (engine, clock) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            let (key, _) = api_key(&engine, Some(acme), "one").await;
            let first = engine.0.clock.now();
            engine.store_use(key.id, first).await.expect("noted");
            clock.advance(Duration::from_secs(59));
            engine.store_use(key.id, engine.0.clock.now()).await.expect("left out");
            assert_eq!(engine.api_keys(acme).await.expect("keys")[0].last_used_at, Some(first));
            clock.advance(Duration::from_secs(1));
            let second = engine.0.clock.now();
            engine.store_use(key.id, second).await.expect("noted");
            assert_eq!(engine.api_keys(acme).await.expect("keys")[0].last_used_at, Some(second));
        }
    }

    #[tokio::test]
    async fn using_a_key_notes_it_without_being_waited_for() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            let (_, text) = api_key(&engine, Some(acme), "one").await;
            assert!(holder(&engine, &text).await.is_some());
            while engine.api_keys(acme).await.expect("keys")[0].last_used_at.is_none() {
                tokio::task::yield_now().await;
            }
        }
    }
}
