//! `GET /v1/accounts/{account}/deliveries`: the log of an account.

use signet_engine::service::deliveries::Position;

use super::{Delivery, DeliveryFilter, line};
use crate::{
    access::{DeliveriesRead, InAccount},
    list::{Entries, List, Page, PageParams},
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, LIST; NoSuchEndpoint);

/// List deliveries.
///
/// Newest first. Where no index serves a filter, the next part of the log is searched: a page
/// with few entries, or none, can have a `nextCursor`, with which the search goes on.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/deliveries", operation_id = "listDeliveries", tag = "Deliveries",
    security(("key" = ["deliveries:read"])), params(PageParams, DeliveryFilter),
    responses((status = 200, body = Entries<Delivery>, description = "A page of deliveries."), Problems)
)]
pub async fn list_deliveries(
    caller: InAccount<DeliveriesRead>,
    list: List<Position, DeliveryFilter>,
) -> Result<Page<Delivery>, Problem> {
    let limit = list.rows() - 1;
    let log = caller.account().deliveries(&list.filter.clone().into(), list.after, limit).await?;
    Ok(list.page_until(log.deliveries.into_iter().map(line).collect(), log.next.as_ref()))
}
