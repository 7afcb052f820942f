//! `POST /v1/accounts/{account}/resume`: ends the suspension of an account.

use super::Account;
use crate::{
    access::{AccountsWrite, OperatorIn},
    problem::{Problem, problems},
    version::{IfMatch, Versioned},
};

problems!(OPERATOR, POST, CHANGE; NoSuchAccount);

/// Resume an account.
///
/// It takes events again, and what has waited goes out.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/resume", operation_id = "resumeAccount", tag = "Accounts",
    security(("key" = ["accounts:write"])),
    responses(
        (status = 200, body = Account, description = "The account.", headers(("ETag", description = "Its version."))),
        Problems
    )
)]
pub async fn resume_account(
    caller: OperatorIn<AccountsWrite>,
    IfMatch(version): IfMatch,
) -> Result<Versioned<Account>, Problem> {
    let account = caller.account();
    account.if_version(version).resume().await?;
    let account = account.get().await?;
    Ok(Versioned(account.version, account.into()))
}
