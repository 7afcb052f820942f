//! `POST /v1/accounts/{account}/endpoints/{endpoint}/pause`: pauses a webhook.

use signet_model::EndpointId;

use super::Endpoint;
use crate::{
    access::{EndpointsWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
    version::{IfMatch, Versioned},
};

problems!(IN_ACCOUNT, POST, CHANGE; NoSuchEndpoint);

/// Pause a webhook.
///
/// It gets test events alone; its other deliveries are held until it is enabled and they are released.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints/{endpoint}/pause", operation_id = "pauseEndpoint",
    tag = "Webhooks", security(("key" = ["endpoints:write"])),
    responses(
        (status = 200, body = Endpoint, description = "The webhook.", headers(("ETag", description = "Its version."))),
        Problems
    )
)]
pub async fn pause_endpoint(
    caller: InAccount<EndpointsWrite>,
    InPath(id): InPath<EndpointId>,
    IfMatch(version): IfMatch,
) -> Result<Versioned<Endpoint>, Problem> {
    let endpoint = caller.account().endpoint(id);
    endpoint.if_version(version).pause().await?;
    let endpoint = endpoint.get().await?;
    Ok(Endpoint::versioned(endpoint, caller.now()))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::TestApi;

    on_each_database!(a_webhook_is_paused_and_enabled_again);
    async fn a_webhook_is_paused_and_enabled_again(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let path = format!("/v1/accounts/acme/endpoints/{}", api.subscribe(api.acme).await);
        for (change, reason) in [("pause", json!("paused")), ("enable", json!(null))] {
            let path = format!("{path}/{change}");
            for (tag, code) in [("\"77\"", "changed_meanwhile"), ("\"1\", \"2\"", "bad_precondition")] {
                assert_eq!(api.send("POST", &path, "", &[("if-match", tag)]).await.json["code"], code);
            }
            let answer = api.send("POST", &path, "", &[]).await;
            assert_eq!((answer.status, &answer.json["disabled"]["reason"]), (StatusCode::OK, &reason), "{answer:?}");
            let unknown = format!("/v1/accounts/acme/endpoints/ep_unknown/{change}");
            assert_eq!(api.send("POST", &unknown, "", &[]).await.json["code"], "no_such_endpoint");
        }
        api.assert_problems("POST /v1/accounts/{account}/endpoints/{endpoint}/pause");
        api.assert_problems("POST /v1/accounts/{account}/endpoints/{endpoint}/enable");
    }
}
