//! `GET /v1/accounts`: all accounts.

use signet_model::AccountId;

use super::Account;
use crate::{
    access::{AccountsWrite, Operator},
    list::{Entries, List, Page, PageParams},
    problem::{Problem, problems},
};

problems!(OPERATOR, LIST);

/// List accounts.
///
/// Oldest first.
#[utoipa::path(
    get, path = "/v1/accounts", operation_id = "listAccounts", tag = "Accounts",
    security(("key" = ["accounts:write"])), params(PageParams),
    responses((status = 200, body = Entries<Account>, description = "A page of accounts."), Problems)
)]
pub async fn list_accounts(caller: Operator<AccountsWrite>, list: List<AccountId>) -> Result<Page<Account>, Problem> {
    let accounts = caller.engine().accounts().page(list.after, list.rows()).await?;
    Ok(list.page(accounts, |account| account.id, Account::from))
}
