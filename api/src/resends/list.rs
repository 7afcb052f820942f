//! `GET /v1/accounts/{account}/resends`: the resends of an account.

use signet_model::ResendId;

use super::Resend;
use crate::{
    access::{DeliveriesRead, InAccount},
    list::{Entries, List, Page, PageParams},
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, LIST);

/// List resends.
///
/// Newest first. The last hundred are kept.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/resends", operation_id = "listResends", tag = "Deliveries",
    security(("key" = ["deliveries:read"])), params(PageParams),
    responses((status = 200, body = Entries<Resend>, description = "A page of resends."), Problems)
)]
pub async fn list_resends(caller: InAccount<DeliveriesRead>, list: List<ResendId>) -> Result<Page<Resend>, Problem> {
    let resends = caller.account().resends().list(list.after, list.rows()).await?;
    Ok(list.page(resends, |resend| resend.id, Resend::from))
}
