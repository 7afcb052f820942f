//! `POST /v1/accounts/{account}/endpoints/{endpoint}/secret/rotate`: makes the next secret.

use axum::{Json, http::header, response::IntoResponse};
use serde::Deserialize;
use signet_model::{EndpointId, rotation::Overlap};
use utoipa::ToSchema;

use super::NextSecret;
use crate::{
    access::{EndpointsWrite, InAccount},
    ids::InPath,
    json::{GivenOrNone, members},
    problem::{Problem, problems},
    version::IfMatch,
};

problems!(IN_ACCOUNT, BODY, POST, CHANGE; NoSuchEndpoint, Unusable, RotationUnderWay);

/// The choice of a rotation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotationChoice {
    /// The time in which the current secret goes on signing `X-Webhook-Signature`: `none`, `1h`,
    /// `24h` or `7d`. Without it: `24h`.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[schema(value_type = String, required = false, pattern = "^(none|1h|24h|7d)$")]
    overlap: Option<Overlap>,
}

/// Rotate the secret.
///
/// The next secret takes over when the overlap ends, or when it is switched to; until then
/// `webhook-signature` carries the signatures of both.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints/{endpoint}/secret/rotate", operation_id = "rotateSecret",
    tag = "Webhooks", security(("key" = ["endpoints:write"])),
    request_body(content = Option<RotationChoice>, example = json!({"overlap": "24h"})),
    responses((status = 200, body = NextSecret, description = "The next secret."), Problems)
)]
pub async fn rotate_secret(
    caller: InAccount<EndpointsWrite>,
    InPath(id): InPath<EndpointId>,
    IfMatch(version): IfMatch,
    GivenOrNone(choice): GivenOrNone<RotationChoice>,
) -> Result<impl IntoResponse, Problem> {
    let rotation = caller.account().endpoint(id).if_version(version).rotate(choice.overlap.unwrap_or_default()).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(NextSecret::from(rotation))))
}
