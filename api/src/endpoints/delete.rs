//! `DELETE /v1/accounts/{account}/endpoints/{endpoint}`: deletes a webhook.

use axum::http::StatusCode;
use signet_model::EndpointId;

use crate::{
    access::{EndpointsWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
    version::IfMatch,
};

problems!(IN_ACCOUNT, CHANGE; NoSuchEndpoint);

/// Delete a webhook.
///
/// Its deliveries that wait or are held are discarded.
#[utoipa::path(
    delete, path = "/v1/accounts/{account}/endpoints/{endpoint}", operation_id = "deleteEndpoint", tag = "Webhooks",
    security(("key" = ["endpoints:write"])),
    responses((status = 204, description = "The webhook is deleted."), Problems)
)]
pub async fn delete_endpoint(
    caller: InAccount<EndpointsWrite>,
    InPath(id): InPath<EndpointId>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, Problem> {
    caller.account().endpoint(id).if_version(version).delete().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApi;
    use signet_engine::testing::{TestDatabase, on_each_database};

    on_each_database!(a_deleted_webhook_is_gone);
    async fn a_deleted_webhook_is_gone(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let path = format!("/v1/accounts/acme/endpoints/{}", api.subscribe(api.acme).await);
        for (tag, code) in [("\"7\"", "changed_meanwhile"), ("\"1\", \"2\"", "bad_precondition")] {
            let refused = api.send("DELETE", &path, "", &[("if-match", tag)]).await;
            assert_eq!(refused.json["code"], code);
        }
        assert_eq!(api.delete(&path).await.status, StatusCode::NO_CONTENT);
        assert_eq!(api.delete(&path).await.json["code"], "no_such_endpoint");
        assert_eq!(api.get(&path).await.status, StatusCode::NOT_FOUND);
        api.assert_problems("DELETE /v1/accounts/{account}/endpoints/{endpoint}");
    }
}
