//! `POST /v1/accounts/{account}/endpoints/{endpoint}/enable`: enables a webhook that was paused or disabled.

use signet_model::EndpointId;

use super::Endpoint;
use crate::{
    access::{EndpointsWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
    version::{IfMatch, Versioned},
};

problems!(IN_ACCOUNT, POST, CHANGE; NoSuchEndpoint);

/// Enable a webhook.
///
/// New events are delivered from now on. What is held stays held until it is released or discarded.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints/{endpoint}/enable", operation_id = "enableEndpoint",
    tag = "Webhooks", security(("key" = ["endpoints:write"])),
    responses(
        (status = 200, body = Endpoint, description = "The webhook.", headers(("ETag", description = "Its version."))),
        Problems
    )
)]
pub async fn enable_endpoint(
    caller: InAccount<EndpointsWrite>,
    InPath(id): InPath<EndpointId>,
    IfMatch(version): IfMatch,
) -> Result<Versioned<Endpoint>, Problem> {
    let endpoint = caller.account().endpoint(id);
    endpoint.if_version(version).enable().await?;
    let endpoint = endpoint.get().await?;
    Ok(Endpoint::versioned(endpoint, caller.now()))
}
