//! `POST /v1/accounts/{account}/deliveries/{delivery}/resend`: sends a delivery again.

use axum::Json;
use signet_model::DeliveryId;

use super::Delivery;
use crate::{
    access::{DeliveriesWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, POST; NoSuchDelivery, NoSuchEndpoint, Unusable, DeliveryPending, EndpointDisabled, EndpointSettling, BodyGone);

/// Send a delivery again.
///
/// With the same `webhook-id`, and a new round of retries.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/deliveries/{delivery}/resend", operation_id = "resendDelivery",
    tag = "Deliveries", security(("key" = ["deliveries:write"])),
    responses((status = 200, body = Delivery, description = "The delivery as it is now."), Problems)
)]
pub async fn resend_delivery(
    caller: InAccount<DeliveriesWrite>,
    InPath(id): InPath<DeliveryId>,
) -> Result<Json<Delivery>, Problem> {
    let delivery = caller.account().delivery(id);
    delivery.resend().await?;
    Ok(Json(delivery.get().await?.delivery.into()))
}
