//! `GET /v1/accounts/{account}/endpoints/{endpoint}/secret`: the secret of a webhook.

use axum::{Json, http::header, response::IntoResponse};
use serde::Serialize;
use signet_model::EndpointId;
use utoipa::ToSchema;

use crate::{
    access::{EndpointsWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT; NoSuchEndpoint, Unusable);

/// A signing secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct Secret {
    /// `whsec_…`: the whole text keys `X-Webhook-Signature`, its decoded part `webhook-signature`.
    secret: String,
}

/// Read the signing secret.
///
/// The one that signs at this moment.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/endpoints/{endpoint}/secret", operation_id = "readSecret", tag = "Webhooks",
    security(("key" = ["endpoints:write"])),
    responses((status = 200, body = Secret, description = "The secret."), Problems)
)]
pub async fn read_secret(
    caller: InAccount<EndpointsWrite>,
    InPath(id): InPath<EndpointId>,
) -> Result<impl IntoResponse, Problem> {
    let secret = caller.account().endpoint(id).reveal_secret().await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Secret { secret: secret.reveal().to_owned() })))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::TestApi;

    on_each_database!(the_secret_is_read_unless_it_is_lost);
    async fn the_secret_is_read_unless_it_is_lost(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let path = format!("/v1/accounts/acme/endpoints/{}/secret", api.subscribe(api.acme).await);
        let answer = api.get(&path).await;
        assert_eq!(
            (answer.status, answer.headers["cache-control"].to_str().expect("text")),
            (StatusCode::OK, "no-store")
        );
        assert_eq!(api.get("/v1/accounts/acme/endpoints/ep_unknown/secret").await.json["code"], "no_such_endpoint");
        api.run("UPDATE endpoints SET secret = draft").await;
        assert_eq!(api.get(&path).await.json["code"], "unusable");
        api.assert_problems("GET /v1/accounts/{account}/endpoints/{endpoint}/secret");
    }
}
