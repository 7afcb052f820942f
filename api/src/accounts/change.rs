//! `PATCH /v1/accounts/{account}`: gives an account another name.

use serde::Deserialize;
use signet_model::text::AccountName;
use utoipa::ToSchema;

use super::{Account, create::name_problem};
use crate::{
    access::{AccountsWrite, OperatorIn},
    json::{Given, members},
    problem::{Problem, problems},
    version::{IfMatch, Versioned},
};

problems!(OPERATOR, BODY, CHANGE; NoSuchAccount, NameTaken);

/// The members of an account that change; those that are left out stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountPatch {
    /// The name by which producers call it. A former name goes on meaning the account.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 255)]
    name: Option<AccountName>,
}

/// Change an account.
#[utoipa::path(
    patch, path = "/v1/accounts/{account}", operation_id = "changeAccount", tag = "Accounts",
    security(("key" = ["accounts:write"])),
    request_body(content = AccountPatch, example = json!({"name": "market"})),
    responses(
        (status = 200, body = Account, description = "The account.", headers(("ETag", description = "Its version."))),
        Problems
    )
)]
pub async fn change_account(
    caller: OperatorIn<AccountsWrite>,
    IfMatch(version): IfMatch,
    Given(patch): Given<AccountPatch>,
) -> Result<Versioned<Account>, Problem> {
    let account = caller.account().if_version(version);
    if let Some(name) = patch.name {
        account.rename(&name).await.map_err(name_problem)?;
    } else {
        account.check_version().await?;
    }
    let account = account.get().await?;
    Ok(Versioned(account.version, account.into()))
}
