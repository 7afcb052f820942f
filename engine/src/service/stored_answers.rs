//! The answers to requests with an idempotency key, except for events, which have their own
//! way. A key is reserved before its request is done, so that no two of them are done, and the
//! answer is stored after: sealed, because it can hold a secret.

use std::sync::Arc;

use signet_model::{AccountId, Timestamp};
use uuid::Uuid;

use super::{Result, Service, retention::KEEP_KEYS};
use crate::db::Tx;

/// The most keys that are kept for requests about one account, or about none.
pub const KEYS_MAX: u32 = 10_000;

/// The keys of an account (`$1`) that are newer than an instant (`$2`), counted up to `$3`. Both
/// are compared at once: by the instant alone, the keys of all accounts could be passed over.
pub(crate) const COUNT: &str = "SELECT count(*) FROM
     (SELECT 1 FROM stored_answers WHERE account_id = $1 AND (account_id, created_at) > ($1, $2) LIMIT $3) AS kept";

/// The state of a key that came with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// The key is new, and reserved: the request is to be done, and its answer stored.
    New,
    /// The request was answered with this before.
    Answered(String),
    /// The key came with another request before.
    OtherRequest,
    /// The request came before, at this instant. It is under way, or it ended without an
    /// answer that is known.
    Unanswered(Timestamp),
    /// As many keys are kept as may be.
    TooMany,
}

/// The answers to the requests of one sender about one account, or about none.
#[derive(Debug, Clone, Copy)]
pub struct StoredAnswers<'e> {
    service: &'e Arc<Service>,
    account: Uuid,
    sender: Uuid,
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    request_hash: Vec<u8>,
    answer: Option<Vec<u8>>,
    created_at: Timestamp,
}

impl<'e> StoredAnswers<'e> {
    /// The answers about an account to a key of `sender`, or of the operator.
    pub(crate) fn new(service: &'e Arc<Service>, account: Option<AccountId>, sender: Option<AccountId>) -> Self {
        let id = |account: Option<AccountId>| account.map_or(Uuid::nil(), AccountId::uuid);
        Self { service, account: id(account), sender: id(sender) }
    }

    /// Reserves a key for a request (`hash`, its SHA-256), or tells of the request that came
    /// with the key before.
    pub async fn reserve(self, key: &str, hash: [u8; 32]) -> Result<Reservation> {
        const INSERT: &str = "INSERT INTO stored_answers (account_id, sender_id, key, request_hash, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let now = self.service.clock.now();
        let mut tx = self.service.db.begin().await?;
        let insert = tx.query(INSERT).bind(self.account).bind(self.sender).bind(key).bind(&hash[..]).bind(now);
        if insert.execute().await? == 0 {
            return self.known(&mut tx, key, hash, now).await;
        }
        if self.count(&mut tx, now).await? > i64::from(KEYS_MAX) {
            return Ok(Reservation::TooMany);
        }
        tx.commit().await?;
        Ok(Reservation::New)
    }

    async fn known(self, tx: &mut Tx<'_>, key: &str, hash: [u8; 32], now: Timestamp) -> Result<Reservation> {
        const SQL: &str = "SELECT request_hash, answer, created_at FROM stored_answers
             WHERE account_id = $1 AND sender_id = $2 AND key = $3";
        let row: Option<Row> = tx.query(SQL).bind(self.account).bind(self.sender).bind(key).fetch_optional().await?;
        Ok(match row {
            // The request that had reserved the key was refused at this very moment.
            None => Reservation::Unanswered(now),
            Some(row) if row.request_hash != hash => Reservation::OtherRequest,
            Some(Row { answer: Some(sealed), created_at, .. }) => match self.service.sealer.open(&sealed, &hash) {
                Ok(answer) => Reservation::Answered(answer),
                Err(_) => Reservation::Unanswered(created_at),
            },
            Some(row) => Reservation::Unanswered(row.created_at),
        })
    }

    /// Counts the keys that are honoured, up to one more than may be kept.
    async fn count(self, tx: &mut Tx<'_>, now: Timestamp) -> Result<i64> {
        let query = tx.query(COUNT).bind(self.account).bind(now - KEEP_KEYS).bind(i64::from(KEYS_MAX) + 1);
        Ok(query.fetch_value().await?)
    }

    /// Stores the answer to the request that has reserved a key.
    pub async fn store(self, key: &str, hash: [u8; 32], answer: &str) -> Result<()> {
        const SQL: &str = "UPDATE stored_answers SET answer = $4 WHERE account_id = $1 AND sender_id = $2 AND key = $3";
        let sealed = self.service.sealer.seal(answer, &hash, self.service.random.bytes());
        let mut tx = self.service.db.begin().await?;
        tx.query(SQL).bind(self.account).bind(self.sender).bind(key).bind(sealed).execute().await?;
        Ok(tx.commit().await?)
    }

    /// Frees the key of a request that was refused, and has changed nothing.
    pub async fn release(self, key: &str) -> Result<()> {
        const SQL: &str = "DELETE FROM stored_answers
             WHERE account_id = $1 AND sender_id = $2 AND key = $3 AND answer IS NULL";
        let mut tx = self.service.db.begin().await?;
        tx.query(SQL).bind(self.account).bind(self.sender).bind(key).execute().await?;
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use signet_model::time::Clock;

    use super::*;
    use crate::testing::{Hands, TestDatabase, account, on_each_database, resting_engine};

    const REQUEST: [u8; 32] = [1; 32];

    on_each_database!(a_repeated_request_gets_the_first_answer);
    async fn a_repeated_request_gets_the_first_answer(database: TestDatabase) {
        let (engine, clock) = resting_engine(&database);
        let acme = account(&engine, "acme").await;
        let answers = engine.stored_answers(Some(acme), None);
        assert_eq!(answers.reserve("k", REQUEST).await.expect("reserved"), Reservation::New);
        let began = clock.now();
        assert_eq!(answers.reserve("k", REQUEST).await.expect("known"), Reservation::Unanswered(began));
        answers.store("k", REQUEST, "the answer").await.expect("stored");
        clock.advance(Duration::from_hours(23));
        assert_eq!(answers.reserve("k", REQUEST).await.expect("known"), Reservation::Answered("the answer".into()));
        assert_eq!(answers.reserve("k", [2; 32]).await.expect("known"), Reservation::OtherRequest);
        answers.release("k").await.expect("an answered key stays");
        assert_eq!(answers.reserve("k", [2; 32]).await.expect("known"), Reservation::OtherRequest);
    }

    on_each_database!(the_key_of_a_refused_request_is_free_again);
    async fn the_key_of_a_refused_request_is_free_again(database: TestDatabase) {
        let (engine, _) = resting_engine(&database);
        let answers = engine.stored_answers(None, None);
        answers.reserve("k", REQUEST).await.expect("reserved");
        answers.release("k").await.expect("released");
        assert_eq!(answers.reserve("k", [2; 32]).await.expect("reserved"), Reservation::New);
    }

    on_each_database!(senders_and_accounts_have_keys_of_their_own);
    async fn senders_and_accounts_have_keys_of_their_own(database: TestDatabase) {
        let (engine, _) = resting_engine(&database);
        let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
        for (about, sender) in [(Some(acme), None), (Some(acme), Some(acme)), (Some(other), None), (None, None)] {
            let reserved = engine.stored_answers(about, sender).reserve("k", REQUEST).await.expect("reserved");
            assert_eq!(reserved, Reservation::New);
        }
    }

    on_each_database!(answers_are_kept_for_a_day_and_sealed);
    async fn answers_are_kept_for_a_day_and_sealed(database: TestDatabase) {
        let (engine, clock) = resting_engine(&database);
        let answers = engine.stored_answers(None, None);
        answers.reserve("k", REQUEST).await.expect("reserved");
        answers.store("k", REQUEST, "whsec_secret").await.expect("stored");
        let clear = match &database.db {
            crate::db::Database::Sqlite(_) => "instr(answer, CAST('whsec_' AS BLOB)) > 0",
            crate::db::Database::Postgres(_) => "position('whsec_'::bytea in answer) > 0",
        };
        assert_eq!(database.count(&format!("SELECT count(*) FROM stored_answers WHERE {clear}")).await, 0);
        engine.sweep().await.expect("swept");
        assert_eq!(database.count("SELECT count(*) FROM stored_answers").await, 1);
        clock.advance(KEEP_KEYS + Duration::from_secs(1));
        Hands(&engine).believe_the_clock().await;
        engine.sweep().await.expect("swept");
        assert_eq!(database.count("SELECT count(*) FROM stored_answers").await, 0);
    }

    on_each_database!(no_more_keys_are_kept_than_may_be);
    async fn no_more_keys_are_kept_than_may_be(database: TestDatabase) {
        let (engine, clock) = resting_engine(&database);
        let acme = account(&engine, "acme").await;
        let literal = database.literal(acme.uuid());
        let (zeros, hash, now) = match &database.db {
            crate::db::Database::Sqlite(_) => ("zeroblob(16)", "zeroblob(32)", clock.now().unix_micros().to_string()),
            crate::db::Database::Postgres(_) => (
                "'00000000-0000-0000-0000-000000000000'::uuid",
                "decode(repeat('00', 32), 'hex')",
                format!("'{}'::timestamptz", clock.now()),
            ),
        };
        database
            .run(&format!(
                "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {KEYS_MAX})
                 INSERT INTO stored_answers (account_id, sender_id, key, request_hash, created_at)
                 SELECT {literal}, {zeros}, 'k' || n, {hash}, {now} FROM counted"
            ))
            .await;
        let reserve =
            async |about| engine.stored_answers(about, None).reserve("one more", REQUEST).await.expect("read");
        assert_eq!(reserve(Some(acme)).await, Reservation::TooMany);
        assert_eq!(reserve(None).await, Reservation::New, "another account is not concerned");
        clock.advance(KEEP_KEYS);
        assert_eq!(reserve(Some(acme)).await, Reservation::New);
    }
}
