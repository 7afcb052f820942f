//! Reading a JSON body, to a cap, and where there is room.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use signet_model::event::MemberFault;

use super::{Api, Problem, room::Place};

/// A body that is called JSON, of at most `MAX` bytes. Whether it is JSON is
/// found out by who parses it.
#[derive(Debug)]
pub struct JsonBody<const MAX: usize> {
    bytes: Bytes,
    /// Kept until the request is answered.
    _place: Place,
}

impl<const MAX: usize> JsonBody<MAX> {
    /// The bytes as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let message = format!("is not UTF-8 at byte {}", error.valid_up_to());
            MemberFault { pointer: String::new(), message }.into()
        })
    }
}

impl<const MAX: usize> FromRequest<Api> for JsonBody<MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        check_kind(&head.headers)?;
        // Without a length it may be the largest.
        let len = announced(&head.headers).unwrap_or(MAX);
        if len > MAX {
            return Err(Problem::too_large(MAX));
        }
        let place = api.room.take(len).ok_or_else(|| Problem::try_again("Too many requests are being read."))?;
        let bytes = read(body, len).await?;
        Ok(Self { bytes, _place: place })
    }
}

/// Reads a body into one piece: many small ones would take several times as much.
async fn read(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|_| Problem::incomplete())?.into_data().unwrap_or_default();
        if data.len() > limit - bytes.len() {
            return Err(Problem::too_large(limit));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// The body must be called JSON, and not be compressed.
fn check_kind(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if headers.get(header::CONTENT_ENCODING).is_some_and(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::compressed());
    }
    let essence = text(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json").then_some(()).ok_or_else(Problem::not_json)
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use axum::{body::HttpBody, http::StatusCode};
    use hyper::body::Frame;
    use serde_json::json;
    use tokio::{sync::oneshot, task::JoinHandle};

    use super::*;
    use crate::rest::testing::{Answer, TestApi, event};

    const EVENTS: &str = "/v1/events";
    const BATCH: &str = "/v1/events/batch";

    /// A body that never arrives, and tells when it is waited for.
    struct Withheld(Option<oneshot::Sender<()>>);

    impl HttpBody for Withheld {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            if let Some(told) = self.0.take() {
                told.send(()).expect("somebody to tell");
            }
            Poll::Pending
        }
    }

    /// A request whose body is waited for.
    async fn withhold(api: &TestApi, path: &'static str) -> JoinHandle<Answer> {
        let (told, waited_for) = oneshot::channel();
        let api = api.clone();
        let request = tokio::spawn(async move { api.send("POST", path, Body::new(Withheld(Some(told))), &[]).await });
        waited_for.await.expect("the body is waited for");
        request
    }

    async fn give_up(request: JoinHandle<Answer>) {
        request.abort();
        assert!(request.await.expect_err("no answer").is_cancelled());
    }

    /// A batch of one event.
    async fn batch(api: &TestApi, headers: &[(&str, &str)]) -> Answer {
        api.send("POST", BATCH, json!([event()]).to_string(), headers).await
    }

    #[tokio::test]
    async fn a_large_body_for_which_there_is_no_room_is_to_come_back_and_small_ones_are_taken() {
        let api = TestApi::new().await;
        let (first, second) = (withhold(&api, BATCH).await, withhold(&api, BATCH).await);
        let refused = batch(&api, &[]).await;
        assert_eq!((refused.status, &refused.json["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("try_again")));
        assert_eq!(refused.headers[header::RETRY_AFTER], crate::rest::problem::RETRY_AFTER);
        let len = json!([event()]).to_string().len().to_string();
        assert_eq!(batch(&api, &[("content-length", &len)]).await.status, StatusCode::ACCEPTED);
        assert_eq!(api.post(EVENTS, &event()).await.status, StatusCode::ACCEPTED);

        give_up(first).await;
        for _ in 0..3 {
            assert_eq!(batch(&api, &[]).await.status, StatusCode::ACCEPTED, "room is given back");
        }
        give_up(second).await;
    }

    #[tokio::test]
    async fn small_bodies_too_have_no_more_than_their_room() {
        let api = TestApi::new().await;
        let mut requests = Vec::new();
        for _ in 0..32 {
            requests.push(withhold(&api, EVENTS).await);
        }
        assert_eq!(api.post(EVENTS, &event()).await.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(batch(&api, &[]).await.status, StatusCode::ACCEPTED);
        give_up(requests.remove(0)).await;
        assert_eq!(api.post(EVENTS, &event()).await.status, StatusCode::ACCEPTED);
    }

    #[tokio::test]
    async fn a_stranger_takes_no_room() {
        let api = TestApi::new().await;
        let (told, mut waited_for) = oneshot::channel();
        let stranger = api.with_authorization("Bearer sk_wrong");
        let answer = stranger.send("POST", BATCH, Body::new(Withheld(Some(told))), &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(waited_for.try_recv().is_err(), "the body was waited for");
    }
}
