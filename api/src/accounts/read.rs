//! `GET /v1/accounts/{account}`: one account.

use super::Account;
use crate::{
    access::{EndpointsRead, InAccount},
    problem::{Problem, problems},
    version::Versioned,
};

problems!(IN_ACCOUNT);

/// Read an account.
#[utoipa::path(
    get, path = "/v1/accounts/{account}", operation_id = "readAccount", tag = "Accounts",
    security(("key" = ["endpoints:read"])),
    responses(
        (status = 200, body = Account, description = "The account.", headers(("ETag", description = "Its version."))),
        Problems
    )
)]
pub async fn read_account(caller: InAccount<EndpointsRead>) -> Result<Versioned<Account>, Problem> {
    let account = caller.account().get().await?;
    Ok(Versioned(account.version, account.into()))
}
