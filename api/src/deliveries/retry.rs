//! `POST /v1/accounts/{account}/deliveries/{delivery}/retry`: makes the next attempt now.

use axum::Json;
use signet_model::DeliveryId;

use super::Delivery;
use crate::{
    access::{DeliveriesWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, POST; NoSuchDelivery, NoSuchEndpoint, Unusable, DeliveryNotPending, DeliveryInFlight, EndpointSettling);

/// Retry a delivery now.
///
/// The next attempt of a pending delivery is due at once. Its round of retries stays as it is.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/deliveries/{delivery}/retry", operation_id = "retryDelivery",
    tag = "Deliveries", security(("key" = ["deliveries:write"])),
    responses((status = 200, body = Delivery, description = "The delivery as it is now."), Problems)
)]
pub async fn retry_delivery(
    caller: InAccount<DeliveriesWrite>,
    InPath(id): InPath<DeliveryId>,
) -> Result<Json<Delivery>, Problem> {
    let delivery = caller.account().delivery(id);
    delivery.retry_now().await?;
    Ok(Json(delivery.get().await?.delivery.into()))
}
