//! `POST /v1/accounts/{account}/deliveries/{delivery}/stop`: ends the retries.

use axum::Json;
use signet_model::DeliveryId;

use super::Delivery;
use crate::{
    access::{DeliveriesWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, POST; NoSuchDelivery, Unusable, DeliveryNotPending, DeliveryInFlight);

/// Stop the retries of a delivery.
///
/// The delivery ends as its last attempt has: failed, or delivered if it had arrived before. Without an attempt it is discarded. Its webhook stays as it is.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/deliveries/{delivery}/stop", operation_id = "stopDelivery",
    tag = "Deliveries", security(("key" = ["deliveries:write"])),
    responses((status = 200, body = Delivery, description = "The delivery as it is now."), Problems)
)]
pub async fn stop_delivery(
    caller: InAccount<DeliveriesWrite>,
    InPath(id): InPath<DeliveryId>,
) -> Result<Json<Delivery>, Problem> {
    let delivery = caller.account().delivery(id);
    delivery.stop().await?;
    Ok(Json(delivery.get().await?.delivery.into()))
}
