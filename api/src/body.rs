//! Reading a JSON body, to a cap, and where there is room.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use signet_model::event::MemberFault;

use super::{Api, Code, Problem, access::Caller, room::Place};

/// A body that `Content-Type` calls JSON, of at most `MAX` bytes. It takes the room of the
/// [`Caller`] that was read before it.
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
        let (bytes, place) = whole(body, &head, MAX, api).await?;
        Ok(Self { bytes, _place: place })
    }
}

/// The bytes of a body of at most so many, with the room that they take.
pub async fn whole(body: Body, head: &Parts, max: usize, api: &Api) -> Result<(Bytes, Place), Problem> {
    // Without a length it may be the largest.
    let len = announced(&head.headers).unwrap_or(max);
    if len > max {
        return Err(too_large(max));
    }
    let account = head.extensions.get().and_then(|caller: &Caller| caller.own_account());
    let mut place = api.room().place(account, len);
    let bytes = read(body, len, &mut place).await?;
    Ok((bytes, place))
}

/// Reads a body into one piece: many small ones would take several times as much.
async fn read(mut body: Body, limit: usize, place: &mut Place) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|_| incomplete())?.into_data().unwrap_or_default();
        if data.len() > limit - bytes.len() {
            return Err(too_large(limit));
        }
        place.grow(data.len()).map_err(|full| Problem::new(Code::TryAgain, full.to_string()))?;
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Refuses a body that is compressed, or called another thing than JSON.
fn check_kind(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if headers.get(header::CONTENT_ENCODING).is_some_and(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let detail = "The body is compressed, as Content-Encoding says. Send it as it is, without that header.";
        return Err(Problem::new(Code::Compressed, detail));
    }
    let essence = text(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        let detail = "Send the body as it is, with Content-Type: application/json.";
        return Err(Problem::new(Code::NotJson, detail));
    }
    Ok(())
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("The body may have at most {limit} bytes."))
}

fn incomplete() -> Problem {
    Problem::new(Code::Incomplete, "The body did not arrive in full, or not in time.")
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
    use crate::testing::{Answer, TestApi, event};

    const EVENTS: &str = "/v1/events";
    const BATCH: &str = "/v1/events/batch";
    const MIB: usize = 1024 * 1024;

    /// A body that begins with so many bytes, goes on later, and tells when the rest is waited for.
    struct Withheld(usize, Option<oneshot::Sender<()>>);

    impl HttpBody for Withheld {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            match std::mem::take(&mut self.0) {
                0 => self.1.take().map_or((), |told| told.send(()).expect("a waiting test")),
                len => return Poll::Ready(Some(Ok(Frame::data(vec![b' '; len].into())))),
            }
            Poll::Pending
        }
    }

    /// A request of which so many bytes have come, and the rest is waited for.
    async fn withhold(api: &TestApi, path: &'static str, sent: usize) -> JoinHandle<Answer> {
        let (told, waited_for) = oneshot::channel();
        let api = api.clone();
        let body = Body::new(Withheld(sent, Some(told)));
        let request = tokio::spawn(async move { api.send("POST", path, body, &[]).await });
        waited_for.await.expect("the body is waited for");
        request
    }

    async fn give_up(request: JoinHandle<Answer>) {
        request.abort();
        assert!(request.await.expect_err("no answer").is_cancelled());
    }

    /// A batch of one event, which could be of any length.
    async fn batch(api: &TestApi) -> Answer {
        api.send("POST", BATCH, json!([event()]).to_string(), &[]).await
    }

    #[tokio::test]
    async fn a_body_for_which_there_is_no_room_is_to_come_back() {
        let api = TestApi::new().await.with_operator_key().await;
        let mut named = event();
        named["account"] = json!("acme");
        let named = json!([named]);
        let (first, _second) = (withhold(&api, BATCH, 16 * MIB).await, withhold(&api, BATCH, 16 * MIB).await);
        let refused = batch(&api).await;
        assert_eq!((refused.status, &refused.json["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("try_again")));
        assert_eq!(refused.headers[header::RETRY_AFTER], crate::problem::RETRY_AFTER);
        let small = [("content-length", &*named.to_string().len().to_string())];
        let answer = api.send("POST", BATCH, named.to_string(), &small).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "small ones have room of their own");
        give_up(first).await;
        assert_eq!(api.post(BATCH, &named).await.status, StatusCode::ACCEPTED, "room is given back");
    }

    #[tokio::test]
    async fn an_account_that_fills_its_share_does_not_cost_the_others() {
        let api = TestApi::new().await;
        let neighbour = api.with_key_of(api.other).await;
        let mut requests = Vec::new();
        for _ in 0..8 {
            requests.push(withhold(&api, EVENTS, MIB).await);
        }
        let refused = api.post(EVENTS, &event()).await;
        assert_eq!((refused.status, &refused.json["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("try_again")));
        assert_eq!(neighbour.post(EVENTS, &event()).await.status, StatusCode::ACCEPTED);
        give_up(requests.remove(0)).await;
        assert_eq!(api.post(EVENTS, &event()).await.status, StatusCode::ACCEPTED);
    }

    #[tokio::test]
    async fn bodies_that_are_announced_and_do_not_come_keep_no_other_out() {
        let api = TestApi::new().await;
        for _ in 0..40 {
            drop(withhold(&api, EVENTS, 1).await);
            drop(withhold(&api, BATCH, 1).await);
        }
        assert_eq!(api.post(EVENTS, &event()).await.status, StatusCode::ACCEPTED);
        assert_eq!(batch(&api).await.status, StatusCode::ACCEPTED);
    }

    #[tokio::test]
    async fn a_stranger_takes_no_room() {
        let api = TestApi::new().await;
        let (told, mut waited_for) = oneshot::channel();
        let stranger = api.with_authorization("Bearer sk_wrong");
        let answer = stranger.send("POST", BATCH, Body::new(Withheld(0, Some(told))), &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(waited_for.try_recv().is_err(), "the body was waited for");
    }
}
