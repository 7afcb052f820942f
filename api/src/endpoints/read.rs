//! `GET /v1/accounts/{account}/endpoints/{endpoint}`: one webhook.

use signet_model::EndpointId;

use super::Endpoint;
use crate::{
    access::{EndpointsRead, InAccount},
    ids::InPath,
    problem::{Problem, problems},
    version::Versioned,
};

problems!(IN_ACCOUNT; NoSuchEndpoint);

/// Read a webhook.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/endpoints/{endpoint}", operation_id = "readEndpoint", tag = "Webhooks",
    security(("key" = ["endpoints:read"])),
    responses(
        (status = 200, body = Endpoint, description = "The webhook.", headers(("ETag", description = "Its version."))),
        Problems
    )
)]
pub async fn read_endpoint(
    caller: InAccount<EndpointsRead>,
    InPath(id): InPath<EndpointId>,
) -> Result<Versioned<Endpoint>, Problem> {
    let endpoint = caller.account().endpoint(id).get().await?;
    Ok(Endpoint::versioned(endpoint, caller.now()))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::TestApi;

    on_each_database!(a_webhook_is_read_with_its_version);
    async fn a_webhook_is_read_with_its_version(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let id = api.subscribe(api.acme).await;
        let answer = api.get(&format!("/v1/accounts/acme/endpoints/{id}")).await;
        assert_eq!((answer.status, &answer.json["id"]), (StatusCode::OK, &json!(id.to_string())));
        assert_eq!(answer.headers["etag"], "\"1\"");
        for id in ["ep_unknown".to_owned(), api.subscribe(api.other).await.to_string()] {
            let answer = api.get(&format!("/v1/accounts/acme/endpoints/{id}")).await;
            assert_eq!((answer.status, &answer.json["code"]), (StatusCode::NOT_FOUND, &json!("no_such_endpoint")));
        }
        api.assert_problems("GET /v1/accounts/{account}/endpoints/{endpoint}");
    }
}
