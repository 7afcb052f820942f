//! `GET /v1/accounts/{account}/balance`: the balance and its threshold.

use axum::Json;

use super::Balance;
use crate::{
    access::{BalanceWrite, InAccount},
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT);

/// Read the balance.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/balance", operation_id = "readBalance", tag = "Accounts",
    security(("key" = ["balance:write"])),
    responses((status = 200, body = Balance, description = "The balance and its threshold."), Problems)
)]
pub async fn read_balance(caller: InAccount<BalanceWrite>) -> Result<Json<Balance>, Problem> {
    let account = caller.account().get().await?;
    Ok(Json(Balance { balance: account.balance, threshold: account.balance_threshold }))
}
