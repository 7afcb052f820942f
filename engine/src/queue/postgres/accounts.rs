//! Accounts on PostgreSQL: locks, revisions, levels and endpoints.

use const_format::formatcp;
use signet_model::{AccountId, Amount};
use sqlx::PgConnection;

use super::column;
use crate::{
    db::Result,
    queue::{
        BALANCES, Lock, endpoints_of,
        records::{BalanceRow, OwnedEndpoint},
    },
};

pub(in crate::queue) async fn lock_accounts(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    lock: Lock,
) -> Result<Vec<(AccountId, i64)>> {
    // In the order of ids, so that no two transactions wait for each other.
    const SHARE: &str = "SELECT id, revision FROM accounts WHERE id = ANY($1) ORDER BY id FOR SHARE";
    const CHANGE: &str = "SELECT id, revision FROM accounts WHERE id = ANY($1) ORDER BY id FOR UPDATE";
    let sql = match lock {
        Lock::Shared => SHARE,
        Lock::Exclusive => CHANGE,
    };
    Ok(sqlx::query_as(sql).bind(accounts).fetch_all(conn).await?)
}

/// Without waiting, in any order: no two transactions can wait for each other here.
pub(in crate::queue) async fn lock_free_accounts(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    lock: Lock,
) -> Result<Vec<(AccountId, i64)>> {
    const SHARE: &str = "SELECT id, revision FROM accounts WHERE id = ANY($1) FOR SHARE SKIP LOCKED";
    const CHANGE: &str = "SELECT id, revision FROM accounts WHERE id = ANY($1) FOR UPDATE SKIP LOCKED";
    let sql = match lock {
        Lock::Shared => SHARE,
        Lock::Exclusive => CHANGE,
    };
    Ok(sqlx::query_as(sql).bind(accounts).fetch_all(conn).await?)
}

pub(in crate::queue) async fn balances(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<Vec<BalanceRow>> {
    let rows: Vec<(AccountId, Option<f64>, Option<f64>)> =
        sqlx::query_as(formatcp!("SELECT id, {BALANCES} FROM accounts WHERE id = ANY($1)"))
            .bind(accounts)
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().map(BalanceRow::from).collect())
}

/// By way of text, since a NUMERIC is made of a float with 15 digits only.
pub(in crate::queue) async fn set_balances(conn: &mut PgConnection, rows: &[BalanceRow]) -> Result<()> {
    const SQL: &str = "UPDATE accounts SET balance = CAST(levels.balance AS NUMERIC),
           balance_threshold = CAST(levels.threshold AS NUMERIC)
         FROM unnest($1::uuid[], $2::text[], $3::text[]) AS levels (id, balance, threshold)
         WHERE accounts.id = levels.id";
    let text = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
    sqlx::query(SQL)
        .bind(column(rows, |row| row.account))
        .bind(column(rows, |row| text(row.balance)))
        .bind(column(rows, |row| text(row.threshold)))
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::queue) async fn revisions(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, i64)>> {
    const SQL: &str = "SELECT id, revision FROM accounts WHERE id = ANY($1)";
    Ok(sqlx::query_as(SQL).bind(accounts).fetch_all(conn).await?)
}

pub(in crate::queue) async fn endpoints(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<Vec<OwnedEndpoint>> {
    Ok(sqlx::query_as(endpoints_of!("= ANY($1)")).bind(accounts).fetch_all(conn).await?)
}
