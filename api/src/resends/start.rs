//! `POST /v1/accounts/{account}/resends`: sends again what a filter selects.

use axum::{Json, http::StatusCode};

use super::Resend;
use crate::{
    access::{DeliveriesWrite, InAccount},
    deliveries::DeliveryFilter,
    json::Given,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, BODY, POST; NoSuchEndpoint, EndpointDisabled, ResendUnderWay, TooManyResends);

/// Send deliveries again by a filter.
///
/// The filter is that of the list of deliveries. What is pending, tests, and what has no body
/// any more are skipped. The rest goes out in the order of acceptance, paced, with the same
/// `webhook-id`s and new rounds of retries. The work goes on without the caller; read the resend
/// for its progress.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/resends", operation_id = "startResend", tag = "Deliveries",
    security(("key" = ["deliveries:write"])),
    request_body(content = DeliveryFilter, example = json!({"state": "failed", "since": "2026-03-28T12:00:00Z"})),
    responses((status = 202, body = Resend, description = "The resend."), Problems)
)]
pub async fn start_resend(
    caller: InAccount<DeliveriesWrite>,
    Given(filter): Given<DeliveryFilter>,
) -> Result<(StatusCode, Json<Resend>), Problem> {
    let resend = caller.account().resends().start(filter.into()).await?;
    Ok((StatusCode::ACCEPTED, Json(resend.into())))
}
