//! `GET /v1/api-keys`: the keys of the operator.

use signet_model::ApiKeyId;

use super::ApiKey;
use crate::{
    access::{AccountsWrite, Operator},
    list::{Entries, List, Page, PageParams},
    problem::{Problem, problems},
};

problems!(OPERATOR, LIST);

/// List the API keys of the operator.
///
/// Newest first, revoked ones included.
#[utoipa::path(
    get, path = "/v1/api-keys", operation_id = "listOperatorKeys", tag = "API keys",
    security(("key" = ["accounts:write"])), params(PageParams),
    responses((status = 200, body = Entries<ApiKey>, description = "A page of keys."), Problems)
)]
pub async fn list_operator_keys(
    caller: Operator<AccountsWrite>,
    list: List<ApiKeyId>,
) -> Result<Page<ApiKey>, Problem> {
    let keys = caller.engine().operator_keys().page(list.after, list.rows()).await?;
    Ok(list.page(keys, |key| key.id, ApiKey::from))
}
