//! The chain of hashes.

use sha2::{Digest, Sha256};
use signet_model::{AccountId, Timestamp};
use uuid::Uuid;

use super::entry::{Draft, Entry, NEXT, Row};
use crate::db::{Result, Sql, Tx};

/// The hash before the first entry.
const ORIGIN: Hash = [0; 32];
/// Entries that are read at a time.
const PAGE_LEN: i64 = 500;

type Hash = [u8; 32];

/// The head of a chain (`$1`), locked until the transaction ends.
const HEAD: Sql = Sql {
    sqlite: "SELECT number, hash FROM audit_heads WHERE account_id = $1",
    postgres: "SELECT number, hash FROM audit_heads WHERE account_id = $1 FOR UPDATE",
};

/// The chain of an account; zeros are the installation's.
fn chain_id(account: Option<AccountId>) -> Uuid {
    account.map_or(Uuid::nil(), AccountId::uuid)
}

/// Appends an entry to its chain.
pub(crate) async fn append(tx: &mut Tx<'_>, draft: &Draft, at: Timestamp) -> Result<()> {
    const BEGIN: &str =
        "INSERT INTO audit_heads (account_id, number, hash) VALUES ($1, 0, $2) ON CONFLICT (account_id) DO NOTHING";
    const MOVE: &str = "UPDATE audit_heads SET number = $2, hash = $3 WHERE account_id = $1";
    let chain = AccountId::from_uuid(chain_id(draft.account));
    tx.query(BEGIN).bind(chain).bind(&ORIGIN[..]).execute().await?;
    let (number, before): (i64, Vec<u8>) = tx.query(HEAD).bind(chain).fetch_one().await?;
    let entry = draft.numbered(number + 1, at);
    let hash = hash(chain, &before, &entry);
    insert(tx, chain, &entry, &hash).await?;
    tx.query(MOVE).bind(chain).bind(entry.number).bind(&hash[..]).execute().await?;
    Ok(())
}

async fn insert(tx: &mut Tx<'_>, chain: AccountId, entry: &Entry, hash: &Hash) -> Result<()> {
    const SQL: &str =
        "INSERT INTO audit_log (account_id, number, at, action, actor_kind, actor_id, actor_name, address,
           target_kind, target_id, before_change, after_change, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let query = tx.query(SQL).bind(chain).bind(entry.number).bind(entry.at).bind(&entry.action);
    let query = query.bind(&entry.actor_kind).bind(entry.actor_id.as_deref()).bind(&entry.actor_name);
    let query = query.bind(entry.address.as_deref()).bind(entry.target_kind.as_deref());
    let query = query.bind(entry.target_id.as_deref()).bind(entry.before.as_deref()).bind(entry.after.as_deref());
    query.bind(&hash[..]).execute().await.map(drop)
}

/// SHA-256 over the hash before and each column with its length, so that no two entries have
/// one text.
fn hash(chain: AccountId, before: &[u8], entry: &Entry) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"signet audit 1");
    hash.update(before);
    hash.update(chain.uuid().as_bytes());
    hash.update(entry.number.to_be_bytes());
    hash.update(entry.at.unix_micros().to_be_bytes());
    let columns = [
        Some(&entry.action),
        Some(&entry.actor_kind),
        entry.actor_id.as_ref(),
        Some(&entry.actor_name),
        entry.address.as_ref(),
        entry.target_kind.as_ref(),
        entry.target_id.as_ref(),
        entry.before.as_ref(),
        entry.after.as_ref(),
    ];
    for column in columns {
        let len = column.map_or(u64::MAX, |text| text.len() as u64);
        hash.update(len.to_be_bytes());
        hash.update(column.map_or("", |text| text));
    }
    hash.finalize().into()
}

/// A chain that was tampered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    /// `None` is the installation's.
    pub(crate) account: Option<AccountId>,
    /// The first entry that does not follow from the one before, or that is missing.
    pub(crate) number: i64,
}

/// Checks every chain of a snapshot, and returns the broken ones.
pub(crate) async fn verify(tx: &mut Tx<'_>) -> Result<Vec<Broken>> {
    const HEADS: &str =
        "SELECT account_id, number, hash FROM audit_heads WHERE account_id > $1 ORDER BY account_id LIMIT $2";
    const HEADLESS: &str = "SELECT DISTINCT account_id FROM audit_log
         WHERE NOT EXISTS (SELECT 1 FROM audit_heads WHERE audit_heads.account_id = audit_log.account_id)";
    let headless: Vec<AccountId> = tx.query(HEADLESS).fetch_values().await?;
    let mut broken: Vec<_> = headless.into_iter().map(|chain| Broken::at(chain, 1)).collect();
    // No chain has an id below that of the installation.
    broken.extend(verify_head(tx, AccountId::from_uuid(Uuid::nil())).await?);
    let mut after = AccountId::from_uuid(Uuid::nil());
    loop {
        let heads: Vec<(AccountId, i64, Vec<u8>)> = tx.query(HEADS).bind(after).bind(PAGE_LEN).fetch_all().await?;
        let Some((last, ..)) = heads.last() else { return Ok(broken) };
        after = *last;
        for (chain, number, hash) in heads {
            broken.extend(verify_chain(tx, chain, number, &hash).await?);
        }
    }
}

async fn verify_head(tx: &mut Tx<'_>, chain: AccountId) -> Result<Option<Broken>> {
    const SQL: &str = "SELECT number, hash FROM audit_heads WHERE account_id = $1";
    let head: Option<(i64, Vec<u8>)> = tx.query(SQL).bind(chain).fetch_optional().await?;
    match head {
        Some((number, hash)) => verify_chain(tx, chain, number, &hash).await,
        None => Ok(None),
    }
}

async fn verify_chain(tx: &mut Tx<'_>, chain: AccountId, last: i64, head: &[u8]) -> Result<Option<Broken>> {
    let (mut number, mut before) = (0, ORIGIN.to_vec());
    loop {
        let rows: Vec<Row> = tx.query(NEXT).bind(chain).bind(number).bind(PAGE_LEN).fetch_all().await?;
        if rows.is_empty() {
            let is_whole = number == last && before == head;
            return Ok((!is_whole).then(|| Broken::at(chain, number + 1)));
        }
        for row in rows {
            let stored = row.hash.clone();
            let entry = Entry::from(row);
            if entry.number != number + 1 || stored != hash(chain, &before, &entry) {
                return Ok(Some(Broken::at(chain, number + 1)));
            }
            (number, before) = (entry.number, stored);
        }
    }
}

impl Broken {
    fn at(chain: AccountId, number: i64) -> Self {
        Self { account: (chain.uuid() != Uuid::nil()).then_some(chain), number }
    }
}
