//! Accounts and their endpoints: locked by a transaction, or read as they are.

use const_format::formatcp;
use signet_model::{
    AccountId, EndpointId, Subscriptions, Throttle, Timestamp,
    endpoint::EndpointUrl,
    sql::{Lossy, Stored},
};

use super::Revision;
use crate::db::{Conn, Result, Sql, Tx};

/// The strength of an account's lock, which lasts until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// No other transaction may change the account's endpoints meanwhile.
    Shared,
    /// This transaction is about to change them.
    Exclusive,
}

/// Reads the revisions of those accounts that exist.
pub(super) const REVISIONS: Sql = Sql {
    sqlite: "SELECT id, revision FROM accounts WHERE id IN (SELECT unhex(value) FROM json_each($1)) ORDER BY id",
    postgres: "SELECT id, revision FROM accounts WHERE id = ANY($1)",
};

/// Locks accounts, on PostgreSQL in the order of ids, so that no two transactions wait for
/// each other. On SQLite a writing transaction holds the one lock from its beginning.
const LOCK_SHARED: Sql = Sql { postgres: formatcp!("{} ORDER BY id FOR SHARE", REVISIONS.postgres), ..REVISIONS };
const LOCK_EXCLUSIVE: Sql = Sql { postgres: formatcp!("{} ORDER BY id FOR UPDATE", REVISIONS.postgres), ..REVISIONS };

/// Locks the accounts that are free, without waiting, and so in any order.
pub(super) const LOCK_FREE_SHARED: Sql =
    Sql { postgres: formatcp!("{} FOR SHARE SKIP LOCKED", REVISIONS.postgres), ..REVISIONS };
const LOCK_FREE_EXCLUSIVE: Sql =
    Sql { postgres: formatcp!("{} FOR UPDATE SKIP LOCKED", REVISIONS.postgres), ..REVISIONS };

const ENDPOINT_COLUMNS: &str = "account_id, id, url, event_types, secret, next_secret, next_secret_at,
       disabled_at IS NOT NULL AS disabled, disabled_reason, hold_through IS NOT NULL AS enabling, released_until, resting_until, headers,
       COALESCE(cloud_events, FALSE) AS cloud_events, throttle, filter";

/// Reads the endpoints of accounts that are not deleted.
const ENDPOINTS: Sql = Sql {
    sqlite: formatcp!(
        "SELECT {ENDPOINT_COLUMNS} FROM endpoints
         WHERE deleted_at IS NULL AND account_id IN (SELECT unhex(value) FROM json_each($1))"
    ),
    postgres: formatcp!("SELECT {ENDPOINT_COLUMNS} FROM endpoints WHERE deleted_at IS NULL AND account_id = ANY($1)"),
};

/// Reads those of some accounts that are suspended.
const SUSPENDED: Sql = Sql {
    sqlite: "SELECT id FROM accounts WHERE suspended_at IS NOT NULL AND id IN (SELECT unhex(value) FROM json_each($1))",
    postgres: "SELECT id FROM accounts WHERE suspended_at IS NOT NULL AND id = ANY($1)",
};

/// An endpoint as delivering needs it.
#[derive(Debug, sqlx_macros::FromRow)]
pub(crate) struct EndpointRow {
    pub(crate) id: Stored<EndpointId>,
    pub(crate) url: Stored<EndpointUrl>,
    pub(crate) event_types: Subscriptions,
    /// The sealed secret.
    pub(crate) secret: Vec<u8>,
    /// The sealed secret after the rotation at `next_secret_at`.
    pub(crate) next_secret: Option<Vec<u8>>,
    pub(crate) next_secret_at: Option<Timestamp>,
    pub(crate) disabled: bool,
    pub(crate) disabled_reason: Option<Lossy>,
    /// It was enabled, and deliveries that had waited before are still to be held.
    pub(crate) enabling: bool,
    /// The end of its last release.
    pub(crate) released_until: Option<Timestamp>,
    /// The receiver asked to be left alone until then.
    pub(crate) resting_until: Option<Timestamp>,
    /// The sealed custom headers.
    pub(crate) headers: Option<Vec<u8>>,
    /// Deliveries carry the attributes of CloudEvents.
    pub(crate) cloud_events: bool,
    /// The deliveries that may start in a second.
    pub(crate) throttle: Option<Stored<Throttle>>,
    /// Conditions on the body of an event, in JSON.
    pub(crate) filter: Option<Stored<String>>,
}

/// An endpoint and its account.
#[derive(Debug, sqlx_macros::FromRow)]
pub(crate) struct OwnedEndpoint {
    pub(crate) account_id: AccountId,
    #[sqlx(flatten)]
    pub(crate) endpoint: EndpointRow,
}

impl Conn {
    /// Reads the revisions of those accounts that exist.
    pub(crate) async fn revisions(&mut self, accounts: &[AccountId]) -> Result<Vec<Revision>> {
        self.query(REVISIONS).bind_ids(accounts).fetch_all().await
    }

    /// Reads the endpoints of these accounts that are not deleted.
    pub(crate) async fn endpoints(&mut self, accounts: &[AccountId]) -> Result<Vec<OwnedEndpoint>> {
        self.query(ENDPOINTS).bind_ids(accounts).fetch_all().await
    }

    /// Reads those of these accounts that are suspended.
    pub(crate) async fn suspended(&mut self, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.query(SUSPENDED).bind_ids(accounts).fetch_values().await
    }
}

impl Tx<'_> {
    /// Locks accounts, and returns the revisions of those that exist.
    pub(crate) async fn lock_accounts(&mut self, accounts: &[AccountId], lock: Lock) -> Result<Vec<Revision>> {
        let sql = match lock {
            Lock::Shared => LOCK_SHARED,
            Lock::Exclusive => LOCK_EXCLUSIVE,
        };
        self.revisions_by(sql, accounts).await
    }

    /// Locks the accounts that no other transaction has locked, without waiting for the rest,
    /// and returns their revisions.
    pub(crate) async fn lock_free_accounts(&mut self, accounts: &[AccountId], lock: Lock) -> Result<Vec<Revision>> {
        let sql = match lock {
            Lock::Shared => LOCK_FREE_SHARED,
            Lock::Exclusive => LOCK_FREE_EXCLUSIVE,
        };
        self.revisions_by(sql, accounts).await
    }

    /// Reads the revisions of those accounts that exist, locked or not.
    pub(crate) async fn revisions(&mut self, accounts: &[AccountId]) -> Result<Vec<Revision>> {
        self.revisions_by(REVISIONS, accounts).await
    }

    async fn revisions_by(&mut self, sql: Sql, accounts: &[AccountId]) -> Result<Vec<Revision>> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        self.query(sql).bind_ids(accounts).fetch_all().await
    }

    /// Reads the endpoints of these accounts that are not deleted.
    pub(crate) async fn endpoints(&mut self, accounts: &[AccountId]) -> Result<Vec<OwnedEndpoint>> {
        self.query(ENDPOINTS).bind_ids(accounts).fetch_all().await
    }

    /// Reads those of these accounts that are suspended.
    pub(crate) async fn suspended(&mut self, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.query(SUSPENDED).bind_ids(accounts).fetch_values().await
    }
}
