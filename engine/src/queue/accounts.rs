//! Accounts as the hot path needs them: locked, or read at some moment.

use signet_model::AccountId;

use super::{
    Lock, Tx, postgres,
    records::{BalanceRow, OwnedEndpoint},
    sqlite,
};
use crate::db::{Database, Pool, Result};

/// The revisions of those of these accounts that exist.
pub async fn revisions(db: &Database, accounts: &[AccountId]) -> Result<Vec<(AccountId, i64)>> {
    match db {
        Database::Sqlite(db) => {
            sqlite::accounts::revisions(&mut *db.readers.of(Pool::Lookups).acquire().await?, accounts).await
        }
        Database::Postgres(db) => {
            postgres::accounts::revisions(&mut *db.readers.of(Pool::Lookups).acquire().await?, accounts).await
        }
    }
}

/// The endpoints of these accounts that are not deleted.
pub async fn endpoints(db: &Database, accounts: &[AccountId]) -> Result<Vec<OwnedEndpoint>> {
    match db {
        Database::Sqlite(db) => {
            sqlite::accounts::endpoints(&mut *db.readers.of(Pool::Lookups).acquire().await?, accounts).await
        }
        Database::Postgres(db) => {
            postgres::accounts::endpoints(&mut *db.readers.of(Pool::Lookups).acquire().await?, accounts).await
        }
    }
}

/// Calls the function of this name in the module of the database.
macro_rules! by_database {
    ($tx:expr, $function:ident($($argument:expr),*)) => {
        match $tx {
            Tx::Sqlite(tx) => sqlite::accounts::$function(tx, $($argument),*).await,
            Tx::Postgres(tx) => postgres::accounts::$function(tx, $($argument),*).await,
        }
    };
}

impl Tx<'_> {
    /// Locks accounts and returns the revisions of those that exist.
    pub async fn lock_accounts(&mut self, accounts: &[AccountId], lock: Lock) -> Result<Vec<(AccountId, i64)>> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        by_database!(self, lock_accounts(accounts, lock))
    }

    /// Locks those of these accounts that no other transaction has locked, without waiting
    /// for the rest, and returns their revisions.
    pub async fn lock_free_accounts(&mut self, accounts: &[AccountId], lock: Lock) -> Result<Vec<(AccountId, i64)>> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        by_database!(self, lock_free_accounts(accounts, lock))
    }

    /// The revisions of those of these accounts that exist, locked or not.
    pub async fn revisions(&mut self, accounts: &[AccountId]) -> Result<Vec<(AccountId, i64)>> {
        by_database!(self, revisions(accounts))
    }

    /// The levels of those of these accounts that exist.
    pub async fn balances(&mut self, accounts: &[AccountId]) -> Result<Vec<BalanceRow>> {
        by_database!(self, balances(accounts))
    }

    /// Sets the levels of accounts that this transaction has locked for a change.
    pub async fn set_balances(&mut self, rows: &[BalanceRow]) -> Result<()> {
        by_database!(self, set_balances(rows))
    }

    /// The endpoints of these accounts that are not deleted.
    pub async fn endpoints(&mut self, accounts: &[AccountId]) -> Result<Vec<OwnedEndpoint>> {
        by_database!(self, endpoints(accounts))
    }
}

/// The endpoints of some accounts (`$accounts`) that are not deleted.
macro_rules! endpoints_of {
    ($accounts:literal) => {
        concat!(
            "SELECT account_id, id, url, event_types, secret, next_secret, next_secret_at,
               disabled_at IS NOT NULL AS disabled, hold_through IS NOT NULL AS enabling, released_until
             FROM endpoints WHERE deleted_at IS NULL AND account_id ",
            $accounts
        )
    };
}
pub(in crate::queue) use endpoints_of;

/// An account's balance and threshold, each as the nearest float: NULL if it is none, since
/// PostgreSQL fails a statement that makes a float of a `NUMERIC` that is too large or too small.
pub(crate) const BALANCES: &str = "CASE WHEN abs(balance) BETWEEN 1e-300 AND 1e308 OR balance = 0
            THEN CAST(balance AS DOUBLE PRECISION) END AS balance,
       CASE WHEN abs(balance_threshold) BETWEEN 1e-300 AND 1e308 OR balance_threshold = 0
            THEN CAST(balance_threshold AS DOUBLE PRECISION) END AS balance_threshold";
