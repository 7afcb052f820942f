//! `POST /v1/accounts/{account}/resends`: sends again what a filter selects.

use axum::{Json, http::StatusCode};

use signet_engine::service::resends::Plan;

use super::{Resend, pace};
use crate::{
    access::{DeliveriesWrite, InAccount},
    deliveries::NewResend,
    json::Given,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, BODY, POST; NoSuchEndpoint, EndpointDisabled, ResendUnderWay, TooManyResends);

/// Send deliveries again by a filter.
///
/// The filter is that of the list of deliveries. What is pending, tests, and what has no body
/// any more are skipped. The rest goes out in the order of acceptance, at the pace that is chosen or
/// that of the server, with the same `webhook-id`s and new rounds of retries. The work goes on without the caller; read the resend
/// for its progress.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/resends", operation_id = "startResend", tag = "Deliveries",
    security(("key" = ["deliveries:write"])),
    request_body(
        content = NewResend,
        example = json!({"state": "failed", "since": "2026-03-28T12:00:00Z", "perMinute": 60}),
    ),
    responses((status = 202, body = Resend, description = "The resend."), Problems)
)]
pub async fn start_resend(
    caller: InAccount<DeliveriesWrite>,
    Given(new): Given<NewResend>,
) -> Result<(StatusCode, Json<Resend>), Problem> {
    let plan = Plan { pace: pace(caller.engine(), new.per_minute)?, ..Plan::default() };
    let resend = caller.account().resends().start_as(new.into(), plan).await?;
    Ok((StatusCode::ACCEPTED, Json(resend.into())))
}
