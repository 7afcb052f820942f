//! Accounts on SQLite, whose one lock a writing transaction holds from the beginning.

use const_format::formatcp;
use signet_model::{AccountId, Amount};
use sqlx::SqliteConnection;

use crate::{
    db::{Result, hex_list},
    queue::{
        BALANCES, Lock, endpoints_of,
        records::{BalanceRow, OwnedEndpoint},
    },
};

/// The transaction holds the one lock that there is.
pub(in crate::queue) async fn lock_accounts(
    conn: &mut SqliteConnection,
    accounts: &[AccountId],
    _: Lock,
) -> Result<Vec<(AccountId, i64)>> {
    revisions(conn, accounts).await
}

/// No other transaction can have locked any.
pub(in crate::queue) async fn lock_free_accounts(
    conn: &mut SqliteConnection,
    accounts: &[AccountId],
    _: Lock,
) -> Result<Vec<(AccountId, i64)>> {
    revisions(conn, accounts).await
}

pub(in crate::queue) async fn balances(conn: &mut SqliteConnection, accounts: &[AccountId]) -> Result<Vec<BalanceRow>> {
    const SQL: &str =
        formatcp!("SELECT id, {BALANCES} FROM accounts WHERE id IN (SELECT unhex(value) FROM json_each($1))");
    let rows: Vec<(AccountId, Option<f64>, Option<f64>)> =
        sqlx::query_as(SQL).bind(hex_list(accounts)).fetch_all(conn).await?;
    Ok(rows.into_iter().map(BalanceRow::from).collect())
}

pub(in crate::queue) async fn set_balances(conn: &mut SqliteConnection, rows: &[BalanceRow]) -> Result<()> {
    const SQL: &str = "UPDATE accounts SET balance = CAST(levels.value ->> 1 AS REAL),
           balance_threshold = CAST(levels.value ->> 2 AS REAL)
         FROM json_each($1) AS levels WHERE accounts.id = unhex(levels.value ->> 0)";
    let text = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
    let columns: Vec<_> = rows
        .iter()
        .map(|row| (row.account.uuid().simple().to_string(), text(row.balance), text(row.threshold)))
        .collect();
    sqlx::query(SQL).bind(serde_json::to_string(&columns).unwrap_or_default()).execute(conn).await?;
    Ok(())
}

/// In the order of ids.
pub(in crate::queue) async fn revisions(
    conn: &mut SqliteConnection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, i64)>> {
    const SQL: &str =
        "SELECT id, revision FROM accounts WHERE id IN (SELECT unhex(value) FROM json_each($1)) ORDER BY id";
    Ok(sqlx::query_as(SQL).bind(hex_list(accounts)).fetch_all(conn).await?)
}

pub(in crate::queue) async fn endpoints(
    conn: &mut SqliteConnection,
    accounts: &[AccountId],
) -> Result<Vec<OwnedEndpoint>> {
    const SQL: &str = endpoints_of!("IN (SELECT unhex(value) FROM json_each($1))");
    Ok(sqlx::query_as(SQL).bind(hex_list(accounts)).fetch_all(conn).await?)
}
