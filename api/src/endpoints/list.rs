//! `GET /v1/accounts/{account}/endpoints`: the webhooks of an account.

use signet_model::EndpointId;

use super::Endpoint;
use crate::{
    access::{EndpointsRead, InAccount},
    list::{Entries, List, Page, PageParams},
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, LIST);

/// List webhooks.
///
/// Oldest first.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/endpoints", operation_id = "listEndpoints", tag = "Webhooks",
    security(("key" = ["endpoints:read"])), params(PageParams),
    responses((status = 200, body = Entries<Endpoint>, description = "A page of webhooks."), Problems)
)]
pub async fn list_endpoints(
    caller: InAccount<EndpointsRead>,
    list: List<EndpointId>,
) -> Result<Page<Endpoint>, Problem> {
    let now = caller.now();
    let endpoints = caller.account().endpoints().page(list.after, list.rows()).await?;
    Ok(list.page(endpoints, |endpoint| endpoint.id, |endpoint| Endpoint::shown(endpoint, now)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use signet_engine::testing::{TestDatabase, on_each_database};

    use crate::testing::TestApi;

    on_each_database!(an_account_lists_its_own_webhooks_a_page_at_a_time);
    async fn an_account_lists_its_own_webhooks_a_page_at_a_time(database: TestDatabase) {
        let api = TestApi::on(database).await;
        for account in [api.acme, api.other, api.acme, api.acme] {
            api.subscribe(account).await;
        }
        let first = api.get("/v1/accounts/acme/endpoints?limit=2").await;
        assert_eq!(first.json["data"].as_array().map(Vec::len), Some(2));
        let cursor = first.json["nextCursor"].as_str().expect("a cursor");
        assert_eq!(first.json["data"][1]["id"], cursor);
        let next = format!("/v1/accounts/acme/endpoints?limit=2&cursor={cursor}");
        assert_eq!(first.headers["link"], format!("<{next}>; rel=\"next\""));
        let second = api.get(&next).await;
        assert_eq!(second.json["data"].as_array().map(Vec::len), Some(1));
        assert_eq!((&second.json["nextCursor"], second.headers.get("link")), (&json!(null), None));
        api.assert_problems("GET /v1/accounts/{account}/endpoints");
    }
}
