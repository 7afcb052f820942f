//! `GET /v1/accounts/{account}/api-keys`: the keys of an account.

use signet_model::ApiKeyId;

use super::ApiKey;
use crate::{
    access::{AccountsWrite, InAccount},
    list::{Entries, List, Page, PageParams},
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, LIST);

/// List the API keys.
///
/// Newest first, revoked ones included.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/api-keys", operation_id = "listApiKeys", tag = "API keys",
    security(("key" = ["accounts:write"])), params(PageParams),
    responses((status = 200, body = Entries<ApiKey>, description = "A page of keys."), Problems)
)]
pub async fn list_api_keys(caller: InAccount<AccountsWrite>, list: List<ApiKeyId>) -> Result<Page<ApiKey>, Problem> {
    let keys = caller.account().api_keys().page(list.after, list.rows()).await?;
    Ok(list.page(keys, |key| key.id, ApiKey::from))
}
