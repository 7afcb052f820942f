//! Accounts: the customers of the service.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use const_format::formatcp;
use signet_model::{AccountId, Amount, Timestamp, sql::Lossy, text::AccountName};

use super::{Error, Result, Service};
use crate::{
    db::{self, Pool, Sql},
    deliver::{BalanceChange, BalanceUpdate, ingest::IngestError},
    queue::BALANCES,
};

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
    /// The instant of its creation.
    pub created_at: Timestamp,
}

/// An account was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateAccountError {
    /// Another account has the name.
    #[error("another account has this name")]
    NameTaken,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] db::Error),
}

/// The accounts with the columns of [`Row`].
const ACCOUNTS: &str = formatcp!("SELECT id, name, {BALANCES}, created_at FROM accounts");

#[derive(sqlx::FromRow)]
struct Row {
    id: AccountId,
    name: Lossy,
    balance: Option<f64>,
    balance_threshold: Option<f64>,
    created_at: Timestamp,
}

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        let amount = |value: Option<f64>| value.and_then(|value| Amount::try_from(value).ok());
        Self {
            id: row.id,
            name: row.name.0,
            balance: amount(row.balance),
            balance_threshold: amount(row.balance_threshold),
            created_at: row.created_at,
        }
    }
}

/// All accounts, for the operator.
#[derive(Debug, Clone, Copy)]
pub struct Accounts<'e>(pub(crate) &'e Arc<Service>);

impl Accounts<'_> {
    /// Creates an account.
    pub async fn create(self, name: &AccountName) -> Result<Account, CreateAccountError> {
        const SQL: &str = "INSERT INTO accounts (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let created_at = self.0.clock.now();
        let id = AccountId::new(created_at, self.0.random.bytes());
        let mut tx = self.0.db.begin().await?;
        if tx.query(SQL).bind(id).bind(name.as_str()).bind(created_at).execute().await? == 0 {
            return Err(CreateAccountError::NameTaken);
        }
        tx.commit().await?;
        Ok(Account { id, name: name.to_string(), balance: None, balance_threshold: None, created_at })
    }

    /// Finds the account with this id or name.
    pub async fn find(self, id_or_name: &str) -> Result<Account> {
        const SQL: &str = formatcp!("{ACCOUNTS} WHERE name = $1");
        if let Ok(id) = id_or_name.parse() {
            match AccountHandle::new(self.0, id).get().await {
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
            sqlite: "SELECT name, id FROM accounts WHERE name IN (SELECT value FROM json_each($1))",
            postgres: "SELECT name, id FROM accounts WHERE name = ANY($1)",
        };
        // PostgreSQL refuses to compare with NUL, as if the store had failed.
        let texts: Vec<_> = ids_or_names.iter().copied().filter(|text| !text.contains('\0')).collect();
        let by_id = texts.iter().filter_map(|text| Some((*text, text.parse::<AccountId>().ok()?)));
        let by_id: Vec<_> = by_id.collect();
        let ids: Vec<_> = by_id.iter().map(|&(_, id)| id).collect();
        let mut conn = self.0.db.read(Pool::Callers).await?;
        let ids: HashSet<AccountId> = conn.query(BY_ID).bind_ids(&ids).fetch_values().await?.into_iter().collect();
        let names: Vec<(String, AccountId)> = conn.query(BY_NAME).bind_texts(&texts).fetch_all().await?;
        let names: HashMap<_, _> = names.into_iter().collect();
        let mut found: HashMap<_, _> = texts.iter().filter_map(|&text| Some((text, *names.get(text)?))).collect();
        found.extend(by_id.into_iter().filter(|(_, id)| ids.contains(id)));
        Ok(found)
    }
}

/// One account: the way to all that belongs to it.
#[derive(Debug, Clone, Copy)]
pub struct AccountHandle<'e> {
    pub(super) service: &'e Arc<Service>,
    pub(super) id: AccountId,
}

impl<'e> AccountHandle<'e> {
    pub(crate) const fn new(service: &'e Arc<Service>, id: AccountId) -> Self {
        Self { service, id }
    }

    /// The account itself.
    pub async fn get(self) -> Result<Account> {
        const SQL: &str = formatcp!("{ACCOUNTS} WHERE id = $1");
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(SQL).bind(self.id).fetch_optional().await?;
        row.map(Account::from).ok_or(Error::AccountNotFound)
    }

    /// Records a balance, and sends `balance.low` if it crosses the threshold. Waits its
    /// turn behind events, and is refused as they are.
    pub async fn set_balance(self, balance: Amount) -> Result<(), IngestError> {
        self.service
            .delivery
            .update_balance(BalanceUpdate { account: self.id, change: BalanceChange::Balance(balance) })
            .await
    }

    /// Sets or clears the threshold, and sends `balance.low` if that is a crossing. Waits
    /// its turn as a balance does.
    pub async fn set_balance_threshold(self, threshold: Option<Amount>) -> Result<(), IngestError> {
        self.service
            .delivery
            .update_balance(BalanceUpdate { account: self.id, change: BalanceChange::Threshold(threshold) })
            .await
    }
}
