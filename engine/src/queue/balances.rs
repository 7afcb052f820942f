//! Balances of accounts, and the thresholds below which `balance.low` is sent.

use const_format::formatcp;
use signet_model::{AccountId, Amount, Timestamp};

use crate::db::{Result, Sql, Tx};

/// An account's balance and threshold, each as the nearest float: NULL if it is none, since
/// PostgreSQL fails a statement that makes a float of a `NUMERIC` that is too large or small.
pub(crate) const BALANCES: &str = "CASE WHEN abs(balance) BETWEEN 1e-300 AND 1e308 OR balance = 0
            THEN CAST(balance AS DOUBLE PRECISION) END AS balance,
       CASE WHEN abs(balance_threshold) BETWEEN 1e-300 AND 1e308 OR balance_threshold = 0
            THEN CAST(balance_threshold AS DOUBLE PRECISION) END AS balance_threshold";

const READ: Sql = Sql {
    sqlite: formatcp!("SELECT id, {BALANCES} FROM accounts WHERE id IN (SELECT unhex(value) FROM json_each($1))"),
    postgres: formatcp!("SELECT id, {BALANCES} FROM accounts WHERE id = ANY($1)"),
};

/// Takes a JSON array of ids, balances and thresholds. The amounts are texts, since a
/// `NUMERIC` that is made of a float has 15 digits only.
const WRITE: Sql = Sql {
    sqlite: "UPDATE accounts SET balance = CAST(new.value ->> 1 AS REAL), balance_threshold = CAST(new.value ->> 2 AS REAL)
     FROM json_each($1) AS new WHERE accounts.id = unhex(new.value ->> 0)",
    postgres:
        "UPDATE accounts SET balance = CAST(new.value ->> 1 AS NUMERIC), balance_threshold = CAST(new.value ->> 2 AS NUMERIC)
     FROM json_array_elements(CAST($1 AS JSON)) AS new (value) WHERE accounts.id = CAST(new.value ->> 0 AS UUID)",
};

/// Adds the balances of one hour (`$2`) to the history. Takes a JSON array of ids, last, lowest
/// and highest balances, as texts.
const ADD_TO_HISTORY: Sql = Sql {
    sqlite: "INSERT INTO balance_history (account_id, hour, last, lowest, highest)
     SELECT unhex(new.value ->> 0), $2, CAST(new.value ->> 1 AS REAL), CAST(new.value ->> 2 AS REAL),
       CAST(new.value ->> 3 AS REAL) FROM json_each($1) AS new WHERE TRUE
     ON CONFLICT (account_id, hour) DO UPDATE SET last = excluded.last,
       lowest = min(balance_history.lowest, excluded.lowest), highest = max(balance_history.highest, excluded.highest)",
    postgres: "INSERT INTO balance_history (account_id, hour, last, lowest, highest)
     SELECT CAST(new.value ->> 0 AS UUID), $2, CAST(new.value ->> 1 AS DOUBLE PRECISION),
       CAST(new.value ->> 2 AS DOUBLE PRECISION), CAST(new.value ->> 3 AS DOUBLE PRECISION)
     FROM json_array_elements(CAST($1 AS JSON)) AS new (value)
     ON CONFLICT (account_id, hour) DO UPDATE SET last = excluded.last,
       lowest = LEAST(balance_history.lowest, excluded.lowest), highest = GREATEST(balance_history.highest, excluded.highest)",
};

/// The balances of an account that one commit reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ReportedRow {
    pub(crate) account: AccountId,
    pub(crate) last: Amount,
    pub(crate) lowest: Amount,
    pub(crate) highest: Amount,
}

impl ReportedRow {
    /// The first one.
    pub(crate) const fn of(account: AccountId, balance: Amount) -> Self {
        Self { account, last: balance, lowest: balance, highest: balance }
    }

    /// Adds the next one.
    pub(crate) fn add(&mut self, balance: Amount) {
        self.last = balance;
        if balance < self.lowest {
            self.lowest = balance;
        }
        if balance > self.highest {
            self.highest = balance;
        }
    }
}

/// The balance of an account, and the threshold below which `balance.low` is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BalanceRow {
    pub(crate) account: AccountId,
    /// `None` until the first one is set.
    pub(crate) balance: Option<Amount>,
    /// `None` if no `balance.low` is to be sent.
    pub(crate) threshold: Option<Amount>,
}

impl From<(AccountId, Option<f64>, Option<f64>)> for BalanceRow {
    fn from((account, balance, threshold): (AccountId, Option<f64>, Option<f64>)) -> Self {
        let amount = |value: Option<f64>| value.and_then(|value| Amount::try_from(value).ok());
        Self { account, balance: amount(balance), threshold: amount(threshold) }
    }
}

impl Tx<'_> {
    /// Reads the balances of those accounts that exist.
    pub(crate) async fn balances(&mut self, accounts: &[AccountId]) -> Result<Vec<BalanceRow>> {
        let rows: Vec<(AccountId, Option<f64>, Option<f64>)> = self.query(READ).bind_ids(accounts).fetch_all().await?;
        Ok(rows.into_iter().map(BalanceRow::from).collect())
    }

    /// Sets the balances of accounts that this transaction has locked for a change.
    pub(crate) async fn set_balances(&mut self, rows: &[BalanceRow]) -> Result<()> {
        let text = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
        let values =
            rows.iter().map(|row| (row.account.uuid().simple().to_string(), text(row.balance), text(row.threshold)));
        let json = serde_json::json!(values.collect::<Vec<_>>()).to_string();
        self.query(WRITE).bind(json).execute().await.map(drop)
    }

    /// Adds reported balances of accounts that this transaction has locked to the history of an
    /// hour.
    pub(crate) async fn add_to_balance_history(&mut self, rows: &[ReportedRow], hour: Timestamp) -> Result<()> {
        let values = rows.iter().map(|row| {
            let [last, lowest, highest] = [row.last, row.lowest, row.highest].map(|amount| amount.to_string());
            (row.account.uuid().simple().to_string(), last, lowest, highest)
        });
        let json = serde_json::json!(values.collect::<Vec<_>>()).to_string();
        self.query(ADD_TO_HISTORY).bind(json).bind(hour).execute().await.map(drop)
    }
}
