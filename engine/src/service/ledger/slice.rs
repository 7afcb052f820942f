//! Parts of the ledger, each of which is read in a snapshot of its own.
//!
//! While a snapshot is held, PostgreSQL keeps every version of every row that changes meanwhile.
//! A check of all accounts together would hold one for as long as it takes to read everything, and
//! so reads some accounts after the others. Each rule is about the rows of one account.

use const_format::formatcp;
use signet_model::{AccountId, Timestamp};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{
    db::{Pool, Query, Result, Tx},
    service::Service,
};

/// The accounts of a slice; few where tests have few.
const ACCOUNTS: i64 = if cfg!(test) { 1 } else { 100 };

/// The first account of the slice after the one that begins with an id (`$1`).
const BEYOND: &str = formatcp!("SELECT id FROM accounts WHERE id > $1 ORDER BY id LIMIT 1 OFFSET {ACCOUNTS}");

/// The rows of some accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slice {
    /// SQLite reads all of them at once: a reader keeps no versions of rows there, only the log
    /// of what is written meanwhile.
    Whole,
    /// The rows whose account, be there one or not, has an id from the first to the last one.
    Accounts(Uuid, Uuid),
}

impl Slice {
    /// Returns the slices that together are the whole ledger.
    pub(super) async fn all(service: &Service) -> Result<Vec<Self>> {
        let mut tx = service.db.snapshot(Pool::Patient).await?;
        if matches!(tx, Tx::Sqlite(_)) {
            return Ok(vec![Self::Whole]);
        }
        let (mut slices, mut from) = (Vec::new(), Uuid::nil());
        loop {
            let next: Option<AccountId> = tx.query(BEYOND).bind(from).fetch_optional_value().await?;
            let Some(next) = next.map(AccountId::uuid) else {
                slices.push(Self::Accounts(from, Uuid::max()));
                return Ok(slices);
            };
            slices.push(Self::Accounts(from, Uuid::from_u128(next.as_u128() - 1)));
            from = next;
        }
    }

    /// Makes a statement, which is made of constants alone, read the rows of the slice alone: the
    /// names of the tables stand for these. Its own parameters are so many.
    pub(super) fn of(self, sql: &str, parameters: usize) -> AssertSqlSafe<String> {
        let (first, last) = (parameters + 1, parameters + 2);
        AssertSqlSafe(match self {
            Self::Whole => sql.to_owned(),
            Self::Accounts(..) => {
                let table = |name: &str| {
                    format!(
                        "{name} AS NOT MATERIALIZED (SELECT * FROM {name} WHERE account_id BETWEEN ${first} AND ${last})"
                    )
                };
                let tables = ["events", "deliveries", "attempts", "idempotency_keys"].map(table).join(", ");
                match sql.strip_prefix("WITH ") {
                    Some(rest) => format!("WITH {tables}, {rest}"),
                    None => format!("WITH {tables} {sql}"),
                }
            }
        })
    }

    /// Binds the parameters of a statement of the slice that follow its own.
    pub(super) fn bind(self, query: Query<'_>) -> Query<'_> {
        match self {
            Self::Whole => query,
            Self::Accounts(first, last) => query.bind(first).bind(last),
        }
    }
}

/// A snapshot, and two instants around its own: all of it was stored before `now`, and every
/// delivery due by `began` was due.
pub(super) struct Snapshot {
    pub(super) tx: Tx<'static>,
    pub(super) began: Timestamp,
    pub(super) now: Timestamp,
}

impl Snapshot {
    pub(super) async fn take(service: &Service) -> Result<Self> {
        let mut tx = service.db.snapshot(Pool::Patient).await?;
        let began = service.clock.now();
        // The first statement fixes the snapshot, at some instant while it runs.
        tx.query("SELECT count(*) FROM schema_floor").fetch_value::<i64>().await?;
        Ok(Self { tx, began, now: service.clock.now() })
    }
}
