//! Accounts: the customers of the service.

mod activity;
mod search;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use const_format::formatcp;
use signet_model::{AccountId, Amount, Timestamp, sql::Lossy, text::AccountName};
use uuid::Uuid;

use serde_json::json;

use super::{
    Error, Result, Service,
    change::{Change, Record},
};
use crate::{
    actor::{Actor, Operator, Who},
    audit::Action,
    db::{self, Pool, Sql, Tx},
    deliver::{BalanceChange, BalanceUpdate, ingest::IngestError},
    queue::BALANCES,
};

pub use activity::Activity;
#[cfg(test)]
pub(super) use activity::{EVENTS, LAST_EVENT, LAST_SEEN, WEBHOOKS};
#[cfg(test)]
pub(super) use search::{BY_ID, BY_NAME, NEWEST};

/// A customer of the service.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The name that the service gave it.
    pub name: String,
    /// The balance last reported; `None` also where the stored number is no amount.
    pub balance: Option<Amount>,
    /// The balance below which `balance.low` is sent.
    pub balance_threshold: Option<Amount>,
    /// The instant from which on it takes no events, and none of its deliveries is sent.
    pub suspended_at: Option<Timestamp>,
    /// The instant from which on it is being erased.
    pub erased_at: Option<Timestamp>,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// Grows with each change by the operator.
    pub version: i64,
}

/// An account was not given a name.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// Another account has the name, or had it before.
    #[error("another account has this name")]
    Taken,
    /// The database failed, or there is no such account.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for NameError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A threshold was not set.
#[derive(Debug, thiserror::Error)]
pub enum ThresholdError {
    /// The actor may not set it.
    #[error(transparent)]
    Operation(#[from] Error),
    /// It was not taken in.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// The accounts with the columns of [`Row`].
const ACCOUNTS: &str =
    formatcp!("SELECT id, name, {BALANCES}, suspended_at, erased_at, created_at, version FROM accounts");

/// Accounts newer than one (`$1`), at most `$2`.
pub(crate) const PAGE: &str = formatcp!("{ACCOUNTS} WHERE id > $1 ORDER BY id LIMIT $2");

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: AccountId,
    name: Lossy,
    balance: Option<f64>,
    balance_threshold: Option<f64>,
    suspended_at: Option<Timestamp>,
    erased_at: Option<Timestamp>,
    created_at: Timestamp,
    version: i64,
}

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        let amount = |value: Option<f64>| value.and_then(|value| Amount::try_from(value).ok());
        Self {
            id: row.id,
            name: row.name.0,
            balance: amount(row.balance),
            balance_threshold: amount(row.balance_threshold),
            suspended_at: row.suspended_at,
            erased_at: row.erased_at,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// All accounts, for the operator.
#[derive(Debug, Clone, Copy)]
pub struct Accounts<'e>(pub(crate) &'e Arc<Service>);

impl Accounts<'_> {
    /// Creates an account.
    ///
    /// # Errors
    /// Another account has the name, or had it before.
    pub async fn create(self, operator: &Operator, name: &AccountName) -> Result<Account, NameError> {
        let created_at = self.0.clock.now();
        let id = AccountId::new(created_at, self.0.random.bytes());
        let mut change = self.0.change_installation(operator, Action::AccountCreated).await?;
        insert(&mut change.tx, id, name, created_at).await?;
        let record = Record::of("account", id).after(json!({ "name": name.as_str() }));
        change.in_account(id).commit(record).await?;
        Ok(self.get(id).await?)
    }

    /// Lists up to `limit` accounts that are newer than one, oldest first.
    pub async fn page(self, after: Option<AccountId>, limit: u32) -> Result<Vec<Account>> {
        let after = after.unwrap_or(AccountId::from_uuid(Uuid::nil()));
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn.query(PAGE).bind(after).bind(i64::from(limit)).fetch_all().await?;
        Ok(rows.into_iter().map(Account::from).collect())
    }

    /// The account with this id.
    async fn get(self, id: AccountId) -> Result<Account> {
        const SQL: &str = formatcp!("{ACCOUNTS} WHERE id = $1");
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(SQL).bind(id).fetch_optional().await?;
        row.map(Account::from).ok_or(Error::AccountNotFound)
    }

    /// Finds the account with this id or name.
    pub async fn find(self, id_or_name: &str) -> Result<Account> {
        const SQL: &str = formatcp!("{ACCOUNTS} WHERE id = (SELECT account_id FROM account_names WHERE name = $1)");
        if let Ok(id) = id_or_name.parse() {
            match self.get(id).await {
                Err(Error::AccountNotFound) => {}
                found => return found,
            }
        }
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(SQL).bind(id_or_name).fetch_optional().await?;
        row.map(Account::from).ok_or(Error::AccountNotFound)
    }

    /// Finds the accounts with these ids or names, as producers write them.
    pub async fn find_all<'n>(self, ids_or_names: &[&'n str]) -> Result<HashMap<&'n str, AccountId>> {
        const BY_ID: Sql = Sql {
            sqlite: "SELECT id FROM accounts WHERE id IN (SELECT unhex(value) FROM json_each($1))",
            postgres: "SELECT id FROM accounts WHERE id = ANY($1)",
        };
        const BY_NAME: Sql = Sql {
            sqlite: "SELECT name, account_id FROM account_names WHERE name IN (SELECT value FROM json_each($1))",
            postgres: "SELECT name, account_id FROM account_names WHERE name = ANY($1)",
        };
        // PostgreSQL refuses to compare with NUL, as if the store had failed.
        let texts: Vec<_> = ids_or_names.iter().copied().filter(|text| !text.contains('\0')).collect();
        let by_id = texts.iter().filter_map(|text| Some((*text, text.parse::<AccountId>().ok()?)));
        let by_id: Vec<_> = by_id.collect();
        let ids: Vec<_> = by_id.iter().map(|&(_, id)| id).collect();
        let mut conn = self.0.db.read(Pool::Callers).await?;
        // Most producers write names alone: that trip is not made for nothing.
        let ids = if ids.is_empty() { ids } else { conn.query(BY_ID).bind_ids(&ids).fetch_values().await? };
        let ids: HashSet<AccountId> = ids.into_iter().collect();
        let names: Vec<(String, AccountId)> = conn.query(BY_NAME).bind_texts(&texts).fetch_all().await?;
        let names: HashMap<_, _> = names.into_iter().collect();
        let mut found: HashMap<_, _> = texts.iter().filter_map(|&text| Some((text, *names.get(text)?))).collect();
        found.extend(by_id.into_iter().filter(|(_, id)| ids.contains(id)));
        Ok(found)
    }
}

/// Stores a new account.
pub(super) async fn insert(
    tx: &mut Tx<'_>,
    id: AccountId,
    name: &AccountName,
    created_at: Timestamp,
) -> Result<(), NameError> {
    const SQL: &str = "INSERT INTO accounts (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    if tx.query(SQL).bind(id).bind(name.as_str()).bind(created_at).execute().await? == 0 {
        return Err(NameError::Taken);
    }
    give_name(tx, id, name).await
}

/// Makes a name mean an account, from now on until the account is erased.
async fn give_name(tx: &mut Tx<'_>, account: AccountId, name: &AccountName) -> Result<(), NameError> {
    const INSERT: &str = "INSERT INTO account_names (name, account_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    const OWNER: &str = "SELECT account_id FROM account_names WHERE name = $1";
    if tx.query(INSERT).bind(name.as_str()).bind(account).execute().await? == 1 {
        return Ok(());
    }
    let owner: Option<AccountId> = tx.query(OWNER).bind(name.as_str()).fetch_optional_value().await?;
    if owner == Some(account) { Ok(()) } else { Err(NameError::Taken) }
}

/// One account: the way to all that belongs to it.
#[derive(Debug, Clone, Copy)]
pub struct AccountHandle<'e> {
    pub(super) service: &'e Arc<Service>,
    pub(super) actor: &'e Actor,
    pub(super) id: AccountId,
    /// The version that a change is made for.
    expected: Option<i64>,
}

impl<'e> AccountHandle<'e> {
    pub(crate) const fn new(service: &'e Arc<Service>, actor: &'e Actor) -> Self {
        Self { service, actor, id: actor.account, expected: None }
    }

    /// The same account, whose changes are made only if it has this version still. Without one
    /// they are made in any case.
    #[must_use]
    pub const fn if_version(self, expected: Option<i64>) -> Self {
        Self { expected, ..self }
    }

    /// The account itself.
    pub async fn get(self) -> Result<Account> {
        Accounts(self.service).get(self.id).await
    }

    /// Gives the account another name. The former one goes on meaning it.
    ///
    /// # Errors
    /// Another account has the name, or had it before.
    pub async fn rename(self, name: &AccountName) -> Result<(), NameError> {
        const SQL: &str = "UPDATE accounts SET name = $2 WHERE id = $1";
        let before = self.get().await?.name;
        let mut change = self.begin_change(Action::AccountRenamed).await?;
        give_name(&mut change.tx, self.id, name).await?;
        change.tx.query(SQL).bind(self.id).bind(name.as_str()).execute().await?;
        let record = Record::of("account", self.id);
        Ok(change.commit(record.between(json!({ "name": before }), json!({ "name": name.as_str() }))).await?)
    }

    /// Checks that the account has the expected version.
    pub async fn check_version(self) -> Result<()> {
        let account = self.get().await?;
        if self.expected.is_none_or(|expected| expected == account.version) { Ok(()) } else { Err(Error::Changed) }
    }

    /// Begins a change of the account, which has its expected version, and gives it the next.
    pub(super) async fn begin_change(self, action: Action) -> Result<Change<'e>> {
        const SQL: &str = "UPDATE accounts SET version = version + 1 WHERE id = $1 AND version = COALESCE($2, version)";
        let mut change = self.service.change_locked(self.actor, action).await?;
        match change.tx.query(SQL).bind(self.id).bind(self.expected).execute().await? {
            0 => Err(Error::Changed),
            _ => Ok(change),
        }
    }

    /// Records a balance, and sends `balance.low` if it crosses the threshold. Waits its
    /// turn behind events, and is refused as they are.
    pub async fn set_balance(self, balance: Amount) -> Result<(), IngestError> {
        // What a producer reports is data; what a person sets is told in the audit log.
        let by = matches!(self.actor.by.who, Who::Person { .. }).then(|| self.actor.by.clone());
        let change = BalanceChange::Balance(balance);
        self.service.delivery.update_balance(BalanceUpdate { account: self.id, change, by }).await
    }

    /// Sets or clears the threshold, and sends `balance.low` if that is a crossing. Waits
    /// its turn as a balance does.
    pub async fn set_balance_threshold(self, threshold: Option<Amount>) -> Result<(), ThresholdError> {
        self.actor.check(Action::ThresholdSet.permission())?;
        let (change, by) = (BalanceChange::Threshold(threshold), Some(self.actor.by.clone()));
        Ok(self.service.delivery.update_balance(BalanceUpdate { account: self.id, change, by }).await?)
    }
}
