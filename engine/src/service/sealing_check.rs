//! The proof, stored in the database, that the sealing key is the one that the stored secrets
//! were sealed with.

use signet_model::EndpointId;
use uuid::Uuid;

use super::Service;
use crate::{
    db::{self, Database, Look, Pool, Result, Tx},
    seal::{KeyRing, Sealer},
};

/// The sealed text, and its context.
const TEXT: &str = "signet";
const CONTEXT: &[u8] = b"sealing check";

/// The number of secrets that one statement reads.
const PAGE: i64 = 1_000;

/// The sealing key is not proved to be the right one.
#[derive(Debug, thiserror::Error)]
pub enum SealingKeyError {
    /// The database was sealed with another key.
    #[error("the sealing key is not the one that the secrets in this database were sealed with")]
    Wrong,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl Database {
    /// True if the database holds a secret that only the right sealing key opens.
    pub async fn has_sealed(&self) -> Result<bool> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM sealing_check) OR EXISTS (SELECT 1 FROM endpoints)";
        self.read(Pool::Pages).await?.query(SQL).fetch_value().await
    }
}

/// What a look tells of the sealing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealFound {
    /// Nothing is sealed yet: any key will do.
    Nothing,
    /// The key opens what was sealed.
    Opens,
    /// It does not.
    Wrong,
    /// No server has left a proof; a server looks for a secret that opens when it starts.
    NoProof,
}

/// Tries the keys at hand at the proof in a database, and changes nothing.
///
/// # Errors
/// The database failed.
pub async fn look(look: &mut Look, keys: &KeyRing) -> Result<SealFound> {
    let sealed: Option<Vec<u8>> = look.query("SELECT sealed FROM sealing_check").fetch_optional_value().await?;
    Ok(match sealed {
        Some(sealed) if Sealer::new(keys.clone()).open(&sealed, CONTEXT).as_deref() == Ok(TEXT) => SealFound::Opens,
        Some(_) => SealFound::Wrong,
        None if look.query("SELECT EXISTS (SELECT 1 FROM endpoints)").fetch_value().await? => SealFound::NoProof,
        None => SealFound::Nothing,
    })
}

/// Proves that the key at hand is the one that the database was sealed with, and
/// notes that in it. The first server leaves the proof for those that follow; where
/// there is none yet, a secret that opens is proof enough.
pub(crate) async fn prove(service: &Service) -> Result<(), SealingKeyError> {
    // Of several servers that start at once, the first one's proof counts for all.
    const NOTE: &str = "INSERT INTO sealing_check (id, sealed, checked_at) VALUES (1, $1, $2)
         ON CONFLICT (id) DO UPDATE SET checked_at = excluded.checked_at RETURNING sealed";
    let mut tx = service.db.begin().await?;
    if !is_proved(&mut tx).await? && !opens_a_secret(service, &mut tx).await? {
        return Err(SealingKeyError::Wrong);
    }
    let proof = service.sealer.seal(TEXT, CONTEXT, service.random.bytes());
    let sealed: Vec<u8> = tx.query(NOTE).bind(proof).bind(service.clock.now()).fetch_value().await?;
    if !opens_proof(&service.sealer, &sealed) {
        return Err(SealingKeyError::Wrong);
    }
    Ok(tx.commit().await?)
}

/// Seals the proof with the key that seals now.
pub(crate) async fn seal_anew(service: &Service, tx: &mut Tx<'_>) -> Result<()> {
    const SQL: &str = "UPDATE sealing_check SET sealed = $1, checked_at = $2";
    let proof = service.sealer.seal(TEXT, CONTEXT, service.random.bytes());
    tx.query(SQL).bind(proof).bind(service.clock.now()).execute().await.map(drop)
}

/// True if these keys open a stored proof.
pub(crate) fn opens_proof(sealer: &Sealer, proof: &[u8]) -> bool {
    sealer.open(proof, CONTEXT).as_deref() == Ok(TEXT)
}

async fn is_proved(tx: &mut Tx<'_>) -> Result<bool> {
    tx.query("SELECT EXISTS (SELECT 1 FROM sealing_check)").fetch_value().await
}

/// True if any stored secret opens, or there is none.
async fn opens_a_secret(service: &Service, tx: &mut Tx<'_>) -> Result<bool> {
    const SQL: &str = "SELECT id, secret FROM endpoints WHERE id > $1 ORDER BY id LIMIT $2";
    let mut after = Uuid::nil();
    loop {
        let page: Vec<(EndpointId, Vec<u8>)> = tx.query(SQL).bind(after).bind(PAGE).fetch_all().await?;
        let Some((last, _)) = page.last() else { return Ok(after.is_nil()) };
        after = last.uuid();
        if page.iter().any(|(id, sealed)| service.sealer.open_secret(*id, sealed).is_ok()) {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;
    use crate::testing::{TestDatabase, account, endpoint, engine_with_key, on_each_database, resting_engine};

    fn with_key(database: &TestDatabase, key: u8) -> Engine {
        engine_with_key(database, [key; 32])
    }

    fn is_refused(proved: &Result<(), SealingKeyError>) -> bool {
        matches!(proved, Err(SealingKeyError::Wrong))
    }

    on_each_database!(the_first_key_counts_for_all_that_follow);
    async fn the_first_key_counts_for_all_that_follow(database: TestDatabase) {
        assert!(!database.db.has_sealed().await.expect("an answer"));
        with_key(&database, 1).prove_sealing_key().await.expect("a new database takes any key");
        assert!(database.db.has_sealed().await.expect("an answer"));
        assert!(is_refused(&with_key(&database, 2).prove_sealing_key().await));
        with_key(&database, 1).prove_sealing_key().await.expect("the same key");
    }

    on_each_database!(a_look_tells_whether_a_key_is_the_one);
    async fn a_look_tells_whether_a_key_is_the_one(database: TestDatabase) {
        let found = async |key: u8| {
            let mut connection = Look::at(&database.url).await.expect("a connection");
            look(&mut connection, &KeyRing::from([key; 32])).await.expect("an answer")
        };
        assert_eq!(found(1).await, SealFound::Nothing);
        let (engine, _) = resting_engine(&database);
        let acme = account(&engine, "acme").await;
        endpoint(&engine, acme).await;
        assert_eq!(found(1).await, SealFound::NoProof);
        with_key(&database, 1).prove_sealing_key().await.expect("proved");
        assert_eq!((found(1).await, found(2).await), (SealFound::Opens, SealFound::Wrong));
    }

    on_each_database!(a_secret_that_opens_proves_the_key_of_a_database_without_a_proof);
    async fn a_secret_that_opens_proves_the_key_of_a_database_without_a_proof(database: TestDatabase) {
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
