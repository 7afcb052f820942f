//! Accounts: the customers of the service.

use signet_model::{AccountId, Amount, Timestamp, amount::crosses, event::balance_low, sql::Lossy};

use super::{Error, Result, read, transact};
use crate::{
    Engine,
    deliver::{Audience, Incoming, admit, ingest::NewEvent},
    queue::{Lock, Tx, on},
};

/// A customer of the service.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The name that the service gave it.
    pub name: String,
    /// The balance last reported; `None` also where what is stored is no amount.
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
    pub async fn create_account(&self, name: &str) -> Result<Option<Account>> {
        const SQL: &str = "INSERT INTO accounts (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let now = self.0.clock.now();
        let id = AccountId::new(now, self.0.random.bytes());
        let created = transact!(&self.0.db, |tx| {
            sqlx::query(SQL).bind(id).bind(name).bind(now).execute(&mut *tx).await?.rows_affected()
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

    /// Records a balance, and sends `balance.low` if it crosses the threshold.
    pub async fn set_balance(&self, account: AccountId, balance: Amount) -> Result<()> {
        self.change_balance(account, |(_, threshold)| (Some(balance), threshold)).await
    }

    /// Sets or clears the threshold, and sends `balance.low` if that is a crossing.
    pub async fn set_balance_threshold(&self, account: AccountId, threshold: Option<Amount>) -> Result<()> {
        self.change_balance(account, |(balance, _)| (balance, threshold)).await
    }

    /// Changes balance and threshold, and stores the event in the same
    /// transaction: a crossing is told exactly once.
    async fn change_balance(&self, id: AccountId, change: impl FnOnce(Levels) -> Levels) -> Result<()> {
        let mut tx = Tx::begin(&self.0.db).await?;
        tx.lock_accounts(&[id], Lock::Change).await?;
        let before = levels(&mut tx, id).await?.ok_or(Error::NotFound)?;
        let after = change(before);
        set_levels(&mut tx, id, after).await?;
        let mut events = Vec::new();
        if let (true, (Some(balance), Some(threshold))) = (crosses(before, after), after) {
            let body = balance_low(balance, threshold, self.0.clock.now());
            let event = NewEvent { account: id, body, idempotency: None };
            events.push(Incoming { event, audience: Audience::Subscribers });
        }
        let admitted = admit(&self.0, &mut tx, &events).await?;
        tx.commit().await?;
        admitted.send(&self.0);
        Ok(())
    }
}

/// A balance and a threshold.
type Levels = (Option<Amount>, Option<Amount>);

async fn levels(tx: &mut Tx<'_>, id: AccountId) -> Result<Option<Levels>> {
    let row: Option<Row> =
        on!(tx, |conn| sqlx::query_as(account_columns!("WHERE id = $1")).bind(id).fetch_optional(conn).await?);
    Ok(row.map(Account::from).map(|account| (account.balance, account.balance_threshold)))
}

async fn set_levels(tx: &mut Tx<'_>, id: AccountId, (balance, threshold): Levels) -> Result<()> {
    // By way of text, since PostgreSQL makes a NUMERIC of a float with 15 digits only.
    const SQL: &str = "UPDATE accounts SET balance = CAST(CAST($2 AS TEXT) AS NUMERIC),
         balance_threshold = CAST(CAST($3 AS TEXT) AS NUMERIC) WHERE id = $1";
    let text = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
    on!(tx, |conn| {
        sqlx::query(SQL).bind(id).bind(text(balance)).bind(text(threshold)).execute(conn).await?;
    });
    Ok(())
}
