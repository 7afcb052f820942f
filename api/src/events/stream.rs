//! `GET /v1/accounts/{account}/events/stream`: the events of an account, as they are accepted.

use axum::response::Response;

use crate::{
    access::{DeliveriesRead, InAccount, Standing},
    feed::{self, StreamEvent, StreamParams, Wanted},
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT; InvalidParameter, TooManyStreams);

/// Stream the events of an account.
///
/// Server-Sent Events: each message has an event as JSON (`StreamEvent`). A client that was away
/// for less than an hour goes on with the header `Last-Event-ID` and misses nothing; some events
/// of the half minute before may be told again. One that was away for longer is told so by a message
/// `missed`. A message without `data` only moves the place. The stream ends when the key is revoked, or
/// the server stops.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/events/stream", operation_id = "streamEvents", tag = "Events",
    security(("key" = ["deliveries:read"])),
    params(StreamParams, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last message that was seen.")),
    responses(
        (status = 200, content_type = "text/event-stream", body = StreamEvent<'static>, description = "The events."),
        Problems
    )
)]
pub async fn stream_events(
    caller: InAccount<DeliveriesRead>,
    permission: Standing<DeliveriesRead>,
    wanted: Wanted,
) -> Result<Response, Problem> {
    let stream = caller.account().stream_events(wanted.last_seen).await?;
    Ok(feed::answer(stream, permission, wanted))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::StatusCode;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use signet_engine::{
        service::event_stream::STREAMS_PER_ACCOUNT,
        testing::{TestDatabase, api_key, on_each_database},
    };
    use tokio::time::timeout;

    use crate::testing::{TestApi, event};

    const PATH: &str = "/v1/accounts/acme/events/stream";
    /// Far longer than any story here takes; only a defect reaches it.
    const LIMIT: Duration = Duration::from_mins(1);

    /// The events of a stream that ends by itself, and the last id.
    async fn told(api: &TestApi, last_seen: Option<&str>) -> (Vec<Value>, String) {
        let headers: Vec<_> = last_seen.map(|id| ("last-event-id", id)).into_iter().collect();
        let answer = api.open(&format!("{PATH}?until=quiet"), &headers).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let bytes = timeout(LIMIT, answer.into_body().collect()).await.expect("an end").expect("a body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let last = text.lines().rev().find_map(|line| line.strip_prefix("id: ")).expect("a place");
        (data.map(|data| serde_json::from_str(data).expect("JSON")).collect(), last.to_owned())
    }

    on_each_database!(events_are_told_with_the_body_that_is_delivered);
    async fn events_are_told_with_the_body_that_is_delivered(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let (before, place) = told(&api, None).await;
        assert_eq!(before, Vec::<Value>::new());
        let sent = api.post("/v1/events", &event()).await;
        let (events, last) = told(&api, Some(&place)).await;
        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!(
            (&event["id"], &event["type"], &event["isTest"]),
            (&sent.json["id"], &json!("task.completed"), &json!(false))
        );
        assert_eq!(event["body"]["solution"], json!({"token": "0.mF7"}));
        assert!(last >= place, "{last} {place}");
        let other = api.with_key_of(api.other).await;
        assert_eq!(other.get(PATH).await.status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_stream_ends_when_its_key_is_revoked() {
        let api = TestApi::new().await;
        let (key, text) = api_key(api.engine(), Some(api.acme), "brief").await;
        let answer = api.with_authorization(&format!("Bearer {text}")).open(PATH, &[]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        api.engine().as_operator_in(api.acme).api_keys().revoke(key.id).await.expect("revoked");
        timeout(LIMIT, answer.into_body().collect()).await.expect("an end").expect("a body");
    }

    #[tokio::test]
    async fn what_cannot_be_streamed_is_refused() {
        let api = TestApi::new().await;
        let answer = api.send("GET", PATH, "", &[("last-event-id", "msg_1")]).await;
        assert_eq!(
            (answer.status, &answer.json["errors"][0]["parameter"]),
            (StatusCode::BAD_REQUEST, &json!("Last-Event-ID"))
        );
        let mut open = Vec::new();
        for _ in 0..STREAMS_PER_ACCOUNT {
            open.push(api.open(PATH, &[]).await);
        }
        let answer = api.get(PATH).await;
        assert_eq!((answer.status, &answer.json["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_streams")));
        api.assert_problems("GET /v1/accounts/{account}/events/stream");
    }
}
