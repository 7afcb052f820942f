//! `POST /v1/accounts/{account}/endpoints/{endpoint}/recover`: sends failed deliveries again.

use axum::{Json, http::StatusCode};
use serde::Deserialize;
use signet_engine::service::resends::Plan;
use signet_model::EndpointId;
use utoipa::ToSchema;

use crate::{
    access::{DeliveriesWrite, InAccount},
    endpoints::types,
    ids::InPath,
    json::{Given, members},
    problem::{Problem, problems},
    resends::{Resend, pace},
    time::Time,
};

problems!(IN_ACCOUNT, BODY, POST; NoSuchEndpoint, EndpointDisabled, ResendUnderWay, TooManyResends);

/// The failed deliveries to send again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecoverChoice {
    /// Only those of events accepted at this instant or later.
    since: Time,
    /// The types of events: names, groups such as `task.*`, or `*`; without them all.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = Vec<String>, required = false, min_items = 1)]
    event_types: Option<Vec<String>>,
    /// The deliveries that go out in a minute, never more than the server releases; without it,
    /// as many as that.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = u32, required = false, minimum = 1, example = 60)]
    per_minute: Option<u32>,
}

/// Recover failed deliveries.
///
/// They go out in the order of acceptance, at the pace that is chosen or that of the server, with
/// the same `webhook-id`s and new rounds of retries. The work goes on without the caller; read the resend for its progress.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints/{endpoint}/recover", operation_id = "recoverEndpoint",
    tag = "Webhooks", security(("key" = ["deliveries:write"])),
    request_body(content = RecoverChoice, example = json!({"since": "2026-03-28T12:00:00Z"})),
    responses((status = 202, body = Resend, description = "The resend."), Problems)
)]
pub async fn recover_endpoint(
    caller: InAccount<DeliveriesWrite>,
    InPath(id): InPath<EndpointId>,
    Given(choice): Given<RecoverChoice>,
) -> Result<(StatusCode, Json<Resend>), Problem> {
    let types = types(choice.event_types)?;
    let plan = Plan { pace: pace(caller.engine(), choice.per_minute)?, ..Plan::default() };
    let resend = caller.account().endpoint(id).start_recovery(choice.since.0, &types, plan).await?;
    Ok((StatusCode::ACCEPTED, Json(resend.into())))
}
