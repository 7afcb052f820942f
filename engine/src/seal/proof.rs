//! Whether the sealing key is the one that the stored secrets were sealed with.

use signet_model::EndpointId;
use uuid::Uuid;

use crate::{
    Engine,
    db::{Database, Error, Pool, Result, Tx},
    deliver::endpoint_cache::open_secret,
};

/// The sealed text, and its context.
const TEXT: &str = "signet";
const CONTEXT: &[u8] = b"sealing check";

/// How many secrets one statement reads.
const PAGE: i64 = 1_000;

impl Database {
    /// Whether something is stored that only the right sealing key opens.
    pub async fn has_sealed(&self) -> Result<bool> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM sealing_check) OR EXISTS (SELECT 1 FROM endpoints)";
        self.read(Pool::Pages).await?.query(SQL).fetch_value().await
    }
}

impl Engine {
    /// Proves that this engine's key is the one that the database was sealed with, and
    /// notes that in it. The first server leaves the proof for those that follow; where
    /// there is none yet, a secret that opens is proof enough.
    ///
    /// # Errors
    /// [`Error::WrongKey`], or the database cannot be written.
    pub async fn prove_sealing_key(&self) -> Result<()> {
        // Of several servers that start at once, the first one's proof counts for all.
        const NOTE: &str = "INSERT INTO sealing_check (id, sealed, checked_at) VALUES (1, $1, $2)
             ON CONFLICT (id) DO UPDATE SET checked_at = excluded.checked_at RETURNING sealed";
        let mut tx = self.0.db.begin().await?;
        if !is_proved(&mut tx).await? && !self.opens_a_secret(&mut tx).await? {
            return Err(Error::WrongKey);
        }
        let proof = self.0.sealer.seal(TEXT, CONTEXT, self.0.random.bytes());
        let now = self.0.clock.now();
        let sealed: Vec<u8> = tx.query(NOTE).bind(proof).bind(now).fetch_value().await?;
        if self.0.sealer.open(&sealed, CONTEXT).as_deref() != Ok(TEXT) {
            return Err(Error::WrongKey);
        }
        tx.commit().await
    }

    /// Whether any stored secret opens, or there is none.
    async fn opens_a_secret(&self, tx: &mut Tx<'_>) -> Result<bool> {
        const SQL: &str = "SELECT id, secret FROM endpoints WHERE id > $1 ORDER BY id LIMIT $2";
        let mut after = Uuid::nil();
        loop {
            let page: Vec<(EndpointId, Vec<u8>)> = tx.query(SQL).bind(after).bind(PAGE).fetch_all().await?;
            let Some((last, _)) = page.last() else { return Ok(after.is_nil()) };
            after = last.uuid();
            if page.iter().any(|(id, sealed)| open_secret(&self.0.sealer, *id, sealed).is_ok()) {
                return Ok(true);
            }
        }
    }

    /// Commits a change that means nothing, to see whether that can be done.
    pub(crate) async fn probe(&self) -> Result<()> {
        const SQL: &str = "UPDATE sealing_check SET checked_at = $1";
        let mut tx = self.0.db.begin().await?;
        tx.query(SQL).bind(self.0.clock.now()).execute().await?;
        tx.commit().await
    }
}

async fn is_proved(tx: &mut Tx<'_>) -> Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM sealing_check)";
    tx.query(SQL).fetch_value().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestDatabase, account, databases, endpoint, engine_with_key, resting_engine};

    fn with_key(database: &TestDatabase, key: u8) -> Engine {
        engine_with_key(database, [key; 32])
    }

    fn is_refused(proved: &Result<()>) -> bool {
        matches!(proved, Err(Error::WrongKey))
    }

    #[tokio::test]
    async fn the_first_key_counts_for_all_that_follow() {
        for database in databases().await {
            assert!(!database.db.has_sealed().await.expect("an answer"));
            with_key(&database, 1).prove_sealing_key().await.expect("a new database takes any key");
            assert!(database.db.has_sealed().await.expect("an answer"));
            assert!(is_refused(&with_key(&database, 2).prove_sealing_key().await));
            with_key(&database, 1).prove_sealing_key().await.expect("the same key");
        }
    }

    #[tokio::test]
    async fn a_secret_that_opens_proves_the_key_of_a_database_without_a_proof() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            let lost = endpoint(&engine, acme).await;
            endpoint(&engine, acme).await;
            let lost = database.literal(lost.uuid());
            let other = format!("(SELECT secret FROM endpoints WHERE id <> {lost})");
            database.run(&format!("UPDATE endpoints SET secret = {other} WHERE id = {lost}")).await;
            assert!(is_refused(&with_key(&database, 2).prove_sealing_key().await), "neither secret opens");
            with_key(&database, 1).prove_sealing_key().await.expect("one of them does");
        }
    }
}
