//! Accounts: the customers of the service.

use std::collections::{HashMap, HashSet};

use const_format::formatcp;
use signet_model::{AccountId, Amount, Timestamp, sql::Lossy, text::AccountName};

use crate::{
    Engine,
    db::{Pool, Result, Sql},
    deliver::{BalanceChange, BalanceUpdate, ingest::IngestError},
    queue::accounts::BALANCES,
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
    /// Below this `balance.low` is sent.
    pub balance_threshold: Option<Amount>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The columns of [`Row`].
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

impl Engine {
    /// Creates an account. `None` if the name is taken.
    pub async fn create_account(&self, name: &AccountName) -> Result<Option<Account>> {
        const SQL: &str = "INSERT INTO accounts (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let now = self.0.clock.now();
        let id = AccountId::new(now, self.0.random.bytes());
        let mut tx = self.0.db.begin().await?;
        let created = tx.query(SQL).bind(id).bind(name.as_str()).bind(now).execute().await?;
        tx.commit().await?;
        if created == 0 { Ok(None) } else { self.account(id).await }
    }

    /// The account with this id.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>> {
        const SQL: &str = formatcp!("{ACCOUNTS} WHERE id = $1");
        let row: Option<Row> = self.0.db.read(Pool::Pages).await?.query(SQL).bind(id).fetch_optional().await?;
        Ok(row.map(Account::from))
    }

    /// The account with this id or name, as producers write it.
    pub async fn find_account(&self, id_or_name: &str) -> Result<Option<Account>> {
        const SQL: &str = formatcp!("{ACCOUNTS} WHERE name = $1");
        if let Ok(id) = id_or_name.parse()
            && let Some(account) = self.account(id).await?
        {
            return Ok(Some(account));
        }
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(SQL).bind(id_or_name).fetch_optional().await?;
        Ok(row.map(Account::from))
    }

    /// The accounts with these ids or names, as producers write them.
    pub async fn find_accounts<'n>(&self, ids_or_names: &[&'n str]) -> Result<HashMap<&'n str, AccountId>> {
        const BY_ID: Sql = Sql {
            sqlite: "SELECT id FROM accounts WHERE id IN (SELECT unhex(value) FROM json_each($1))",
            postgres: "SELECT id FROM accounts WHERE id = ANY($1)",
        };
        const BY_NAME: Sql = Sql {
            sqlite: "SELECT name, id FROM accounts WHERE name IN (SELECT value FROM json_each($1))",
            postgres: "SELECT name, id FROM accounts WHERE name = ANY($1)",
        };
        // PostgreSQL refuses to compare with NUL, as if the store had failed.
        let asked: Vec<_> = ids_or_names.iter().copied().filter(|text| !text.contains('\0')).collect();
        let as_id = |text: &&'n str| Some((*text, text.parse::<AccountId>().ok()?));
        let by_id: Vec<_> = asked.iter().filter_map(as_id).collect();
        let ids: Vec<_> = by_id.iter().map(|&(_, id)| id).collect();
        let mut conn = self.0.db.read(Pool::Callers).await?;
        let ids: HashSet<AccountId> = conn.query(BY_ID).bind_ids(&ids).fetch_values().await?.into_iter().collect();
        let names: Vec<(String, AccountId)> = conn.query(BY_NAME).bind_texts(&asked).fetch_all().await?;
        let names: HashMap<_, _> = names.into_iter().collect();
        let mut found: HashMap<_, _> = asked.iter().filter_map(|&text| Some((text, *names.get(text)?))).collect();
        found.extend(by_id.into_iter().filter(|(_, id)| ids.contains(id)));
        Ok(found)
    }

    /// Records a balance, and sends `balance.low` if it crosses the threshold. Waits its
    /// turn behind events, and is refused as they are.
    pub async fn set_balance(&self, account: AccountId, balance: Amount) -> Result<(), IngestError> {
        self.0.update_balance(BalanceUpdate { account, change: BalanceChange::Balance(balance) }).await
    }

    /// Sets or clears the threshold, and sends `balance.low` if that is a crossing. Waits
    /// its turn as a balance does.
    pub async fn set_balance_threshold(
        &self,
        account: AccountId,
        threshold: Option<Amount>,
    ) -> Result<(), IngestError> {
        self.0.update_balance(BalanceUpdate { account, change: BalanceChange::Threshold(threshold) }).await
    }
}
