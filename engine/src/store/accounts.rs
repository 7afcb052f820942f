//! Accounts: the customers of the service.

use std::collections::{HashMap, HashSet};

use signet_model::{AccountId, Amount, Timestamp, sql::Lossy, text::AccountName};
use sqlx::{PgConnection, SqliteConnection};

use super::{Database, Result, read, transact};
use crate::{
    Engine,
    deliver::{BalanceChange, BalanceUpdate, ingest::IngestError},
    queue::sqlite::accounts::hex_list,
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

/// An amount as the nearest float: NULL if it is none, since PostgreSQL fails a
/// statement that makes a float of a `NUMERIC` that is too large or too small.
macro_rules! float {
    ($column:literal) => {
        concat!(
            "CASE WHEN abs(",
            $column,
            ") BETWEEN 1e-300 AND 1e308 OR ",
            $column,
            " = 0 THEN CAST(",
            $column,
            " AS DOUBLE PRECISION) END AS ",
            $column
        )
    };
}

pub(crate) use float;

/// The columns of [`Account`].
macro_rules! account_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, ",
            float!("balance"),
            ", ",
            float!("balance_threshold"),
            ", created_at FROM accounts ",
            $rest
        )
    };
}

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
        let created = transact!(&self.0.db, |tx| {
            sqlx::query(SQL).bind(id).bind(name.as_str()).bind(now).execute(&mut *tx).await?.rows_affected()
        });
        if created == 0 { Ok(None) } else { self.account(id).await }
    }

    /// The account with this id.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>> {
        let row: Option<Row> = read!(&self.0.db, |conn| {
            sqlx::query_as(account_columns!("WHERE id = $1")).bind(id).fetch_optional(&mut *conn).await?
        });
        Ok(row.map(Account::from))
    }

    /// The account with this id or name, as producers write it.
    pub async fn find_account(&self, id_or_name: &str) -> Result<Option<Account>> {
        if let Ok(id) = id_or_name.parse()
            && let Some(account) = self.account(id).await?
        {
            return Ok(Some(account));
        }
        let row: Option<Row> = read!(&self.0.db, |conn| {
            sqlx::query_as(account_columns!("WHERE name = $1")).bind(id_or_name).fetch_optional(&mut *conn).await?
        });
        Ok(row.map(Account::from))
    }

    /// The accounts with these ids or names, as producers write them.
    pub async fn find_accounts<'n>(&self, ids_or_names: &[&'n str]) -> Result<HashMap<&'n str, AccountId>> {
        // PostgreSQL refuses to compare with NUL, as if the store had failed.
        let asked: Vec<_> = ids_or_names.iter().copied().filter(|text| !text.contains('\0')).collect();
        let as_id = |text: &&'n str| Some((*text, text.parse::<AccountId>().ok()?));
        let by_id: Vec<_> = asked.iter().filter_map(as_id).collect();
        let ids: Vec<_> = by_id.iter().map(|&(_, id)| id).collect();
        let (ids, names) = match &self.0.db {
            Database::Sqlite(db) => sqlite_accounts(&mut *db.callers.acquire().await?, &ids, &asked).await?,
            Database::Postgres(db) => postgres_accounts(&mut *db.callers.acquire().await?, &ids, &asked).await?,
        };
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

/// Which of these accounts exist, and which have one of these names.
type Named = (HashSet<AccountId>, HashMap<String, AccountId>);

async fn sqlite_accounts(conn: &mut SqliteConnection, ids: &[AccountId], names: &[&str]) -> Result<Named> {
    const IDS: &str = "SELECT id FROM accounts WHERE id IN (SELECT unhex(value) FROM json_each($1))";
    const NAMES: &str = "SELECT name, id FROM accounts WHERE name IN (SELECT value FROM json_each($1))";
    let names = serde_json::to_string(names).unwrap_or_default();
    let existing: Vec<AccountId> = sqlx::query_scalar(IDS).bind(hex_list(ids)).fetch_all(&mut *conn).await?;
    let with_name: Vec<(String, AccountId)> = sqlx::query_as(NAMES).bind(names).fetch_all(conn).await?;
    Ok((existing.into_iter().collect(), with_name.into_iter().collect()))
}

async fn postgres_accounts(conn: &mut PgConnection, ids: &[AccountId], names: &[&str]) -> Result<Named> {
    const IDS: &str = "SELECT id FROM accounts WHERE id = ANY($1)";
    const NAMES: &str = "SELECT name, id FROM accounts WHERE name = ANY($1)";
    let existing: Vec<AccountId> = sqlx::query_scalar(IDS).bind(ids).fetch_all(&mut *conn).await?;
    let with_name: Vec<(String, AccountId)> = sqlx::query_as(NAMES).bind(names).fetch_all(conn).await?;
    Ok((existing.into_iter().collect(), with_name.into_iter().collect()))
}
