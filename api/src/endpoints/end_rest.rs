//! `POST /v1/accounts/{account}/endpoints/{endpoint}/end-rest`: ends the rest of a webhook.

use signet_model::EndpointId;

use super::Endpoint;
use crate::{
    access::{EndpointsWrite, InAccount},
    ids::InPath,
    problem::{Problem, problems},
    version::{IfMatch, Versioned},
};

problems!(IN_ACCOUNT, POST, CHANGE; NoSuchEndpoint);

/// End the rest of a webhook.
///
/// Its receiver asked to be left alone, with a status 429 or 503 and `Retry-After`. Deliveries that are due are
/// attempted now. Where there is no rest, nothing happens.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/endpoints/{endpoint}/end-rest", operation_id = "endRest",
    tag = "Webhooks", security(("key" = ["endpoints:write"])),
    responses(
        (status = 200, body = Endpoint, description = "The webhook.", headers(("ETag", description = "Its version."))),
        Problems
    )
)]
pub async fn end_rest(
    caller: InAccount<EndpointsWrite>,
    InPath(id): InPath<EndpointId>,
    IfMatch(version): IfMatch,
) -> Result<Versioned<Endpoint>, Problem> {
    let endpoint = caller.account().endpoint(id);
    endpoint.if_version(version).end_rest().await?;
    let endpoint = endpoint.get().await?;
    Ok(Endpoint::versioned(endpoint, caller.now()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::StatusCode;
    use serde_json::{Value, json};
    use signet_engine::testing::{Hands, TestDatabase, completed, on_each_database};

    use crate::testing::TestApi;

    const MINUTE: Duration = Duration::from_mins(1);

    /// Has the receiver of the webhook ask for a minute.
    async fn ask_to_wait(api: &TestApi) {
        let hands = Hands(api.engine());
        let (_, mut in_flight) = hands.ingest(completed(api.engine(), api.acme, "task")).await;
        hands.finish_asking(in_flight.remove(0), 429, MINUTE).await;
    }

    on_each_database!(a_rest_is_shown_until_it_ends_or_is_ended);
    async fn a_rest_is_shown_until_it_ends_or_is_ended(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let path = format!("/v1/accounts/acme/endpoints/{}", api.subscribe(api.acme).await);
        assert_eq!(api.get(&path).await.json["restingUntil"], Value::Null);
        ask_to_wait(&api).await;
        assert!(api.get(&path).await.json["restingUntil"].is_string());
        assert!(api.get("/v1/accounts/acme/endpoints").await.json["data"][0]["restingUntil"].is_string());
        let end = format!("{path}/end-rest");
        for (tag, code) in [("\"77\"", "changed_meanwhile"), ("\"1\", \"2\"", "bad_precondition")] {
            assert_eq!(api.send("POST", &end, "", &[("if-match", tag)]).await.json["code"], code);
        }
        assert!(api.get(&path).await.json["restingUntil"].is_string());
        let ended = api.send("POST", &end, "", &[]).await;
        assert_eq!((ended.status, &ended.json["restingUntil"]), (StatusCode::OK, &json!(null)), "{ended:?}");
        assert_eq!(api.send("POST", &end, "", &[]).await.status, StatusCode::OK, "nothing is left to end");
        ask_to_wait(&api).await;
        api.clock.advance(2 * MINUTE);
        assert_eq!(api.get(&path).await.json["restingUntil"], Value::Null, "it has passed");
        let unknown = "/v1/accounts/acme/endpoints/ep_unknown/end-rest";
        assert_eq!(api.send("POST", unknown, "", &[]).await.json["code"], "no_such_endpoint");
        api.assert_problems("POST /v1/accounts/{account}/endpoints/{endpoint}/end-rest");
    }
}
