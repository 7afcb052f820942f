//! `GET /v1/accounts/{account}/endpoints/{endpoint}/deliveries/stream`: the events that reach one
//! webhook, as they are accepted.

use axum::response::Response;
use signet_model::EndpointId;

use crate::{
    access::{DeliveriesRead, InAccount, Standing},
    feed::{self, StreamEvent, StreamParams, Wanted},
    ids::InPath,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT; NoSuchEndpoint, InvalidParameter, TooManyStreams);

/// Stream what reaches a webhook.
///
/// Server-Sent Events, as the stream of the account's events: those that the webhook wants, and its tests,
/// each with the id of its delivery. It tells them when they are accepted, whatever becomes of the delivery.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/endpoints/{endpoint}/deliveries/stream", operation_id = "streamDeliveries",
    tag = "Deliveries", security(("key" = ["deliveries:read"])),
    params(StreamParams, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last message that was seen.")),
    responses(
        (status = 200, content_type = "text/event-stream", body = StreamEvent<'static>, description = "The events."),
        Problems
    )
)]
pub async fn stream_deliveries(
    caller: InAccount<DeliveriesRead>,
    InPath(endpoint): InPath<EndpointId>,
    permission: Standing<DeliveriesRead>,
    wanted: Wanted,
) -> Result<Response, Problem> {
    let stream = caller.account().endpoint(endpoint).stream_deliveries(wanted.last_seen).await?;
    Ok(feed::answer(stream, permission, wanted))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use signet_engine::{
        service::event_stream::STREAMS_PER_ACCOUNT,
        testing::{TestDatabase, on_each_database},
    };

    use crate::testing::{TestApi, event};

    on_each_database!(what_reaches_a_webhook_is_told_with_its_delivery);
    async fn what_reaches_a_webhook_is_told_with_its_delivery(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let first = api.post("/v1/events", &event()).await;
        let endpoint = api.subscribe(api.acme).await;
        let second = api.post("/v1/events", &event()).await;
        let path = format!("/v1/accounts/acme/endpoints/{endpoint}/deliveries/stream");
        let since = first.json["id"].as_str().expect("an id");
        let answer = api.open(&format!("{path}?until=quiet"), &[("last-event-id", since)]).await;
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let data: Vec<Value> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).expect("JSON"))
            .collect();
        assert_eq!(data.len(), 1, "{text}");
        assert_eq!(data[0]["id"], second.json["id"]);
        assert!(data[0]["delivery"].as_str().is_some_and(|id| id.starts_with("msg_")), "{text}");
    }

    #[tokio::test]
    async fn what_cannot_be_streamed_is_refused() {
        let api = TestApi::new().await;
        let [own, foreign] = [api.subscribe(api.acme).await, api.subscribe(api.other).await];
        let path =
            |endpoint: &dyn std::fmt::Display| format!("/v1/accounts/acme/endpoints/{endpoint}/deliveries/stream");
        let answer = api.get(&path(&foreign)).await;
        assert_eq!((answer.status, &answer.json["code"]), (StatusCode::NOT_FOUND, &json!("no_such_endpoint")));
        let answer = api.get(&format!("{}?since=now", path(&own))).await;
        assert_eq!(answer.json["code"], "invalid_parameter");
        let mut open = Vec::new();
        for _ in 0..STREAMS_PER_ACCOUNT {
            open.push(api.open(&path(&own), &[]).await);
        }
        assert_eq!(api.get(&path(&own)).await.json["code"], "too_many_streams");
        api.assert_problems("GET /v1/accounts/{account}/endpoints/{endpoint}/deliveries/stream");
    }
}
