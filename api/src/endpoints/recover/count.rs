//! `GET /v1/accounts/{account}/endpoints/{endpoint}/recover`: counts what can be recovered.

use axum::{Json, extract::Query};
use serde::{Deserialize, Serialize};
use signet_model::{EndpointId, Subscriptions, Timestamp};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{DeliveriesRead, InAccount},
    ids::InPath,
    json::members,
    problem::{Problem, problems},
    time::Time,
};

problems!(IN_ACCOUNT, LIST; NoSuchEndpoint);

/// The failed deliveries to count.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecoverParams {
    /// Only those of events accepted at this instant or later (RFC 3339).
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(value_type = Option<Time>, inline)]
    since: Option<Time>,
}

/// The number of deliveries that can be recovered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Recoverable {
    /// The number, counted up to 10,000.
    count: u64,
    /// True if there are more.
    more: bool,
}

/// Count failed deliveries.
///
/// Those that a recovery would send again.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/endpoints/{endpoint}/recover", operation_id = "countRecoverable",
    tag = "Webhooks", security(("key" = ["deliveries:read"])), params(RecoverParams),
    responses((status = 200, body = Recoverable, description = "The number."), Problems)
)]
pub async fn count_recoverable(
    caller: InAccount<DeliveriesRead>,
    InPath(id): InPath<EndpointId>,
    params: Result<Query<RecoverParams>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Recoverable>, Problem> {
    let Query(params) = params
        .map_err(|_| Problem::parameter("since", "must be a time such as 2026-03-28T12:00:00Z, and stand alone"))?;
    let endpoint = caller.account().endpoint(id);
    endpoint.get().await?;
    let count = endpoint
        .recoverable(params.since.map_or(Timestamp::from_unix_micros(0), |time| time.0), &Subscriptions::all())
        .await?;
    Ok(Json(Recoverable { count: count.counted, more: count.more }))
}
