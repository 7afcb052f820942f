//! Repeated requests: a POST with an `Idempotency-Key` that came before gets the first answer
//! again, and is not done twice. Events have a way of their own, in the commit that stores
//! them; this layer is around all other operations.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, RawPathParams, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use signet_engine::service::stored_answers::Reservation;
use signet_model::AccountId;

use crate::{
    access::{Api, Caller, scoped},
    body::whole,
    events::MAX_EVENT_LEN,
    problem::{Code, Problem},
};

/// The longest key, in characters.
const KEY_MAX: usize = 255;
/// The largest answer that is stored, in bytes.
const ANSWER_MAX: usize = 256 * 1024;
/// The headers of an answer that are stored with it.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// Does a request once. One without a key passes as it is.
pub async fn once(State(api): State<Api>, request: Request, next: Next) -> Response {
    let Some(value) = request.headers().get("idempotency-key").filter(|_| request.method() == Method::POST) else {
        return next.run(request).await;
    };
    let key = read_key(value);
    match key {
        Ok(key) => Keyed::do_once(api, key, request, next).await.unwrap_or_else(IntoResponse::into_response),
        Err(problem) => problem.into_response(),
    }
}

/// A key as it is, or in the quotes of a structured field (RFC 9651).
fn read_key(value: &HeaderValue) -> Result<String, Problem> {
    let text = value.to_str().unwrap_or_default().trim();
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let key = quoted.map_or_else(|| text.to_owned(), |inner| inner.replace("\\\"", "\"").replace("\\\\", "\\"));
    // The quotes count, as they do for who reads the document of the API.
    if !key.is_empty() && text.len() <= KEY_MAX {
        return Ok(key);
    }
    let detail = "The Idempotency-Key header must have 1 to 255 visible ASCII characters.";
    Err(Problem::new(Code::BadIdempotencyKey, detail))
}

/// A request with its key, to be done once.
struct Keyed {
    api: Api,
    key: String,
    hash: [u8; 32],
    account: Option<AccountId>,
    sender: Option<AccountId>,
}

impl Keyed {
    async fn do_once(api: Api, key: String, request: Request, next: Next) -> Result<Response, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, &api).await?;
        let account = account(&api, caller, &mut parts).await?;
        let (bytes, place) = whole(body, &parts, MAX_EVENT_LEN, &api).await?;
        let keyed = Self { hash: hash(&parts, &bytes), key, account, sender: caller.own_account(), api };
        match keyed.answers().reserve(&keyed.key, keyed.hash).await? {
            Reservation::New => {
                // A request that was begun goes on to its end, whoever waits for it.
                let request = Request::from_parts(parts, Body::from(bytes));
                let done = tokio::spawn(async move {
                    let response = keyed.finish(next.run(request).await).await;
                    drop(place);
                    response
                });
                done.await.map_err(|_| Problem::new(Code::TryAgain, "The request was not finished."))
            }
            Reservation::Answered(answer) => {
                Answer::read(&answer).ok_or_else(|| Problem::new(Code::AnswerUnknown, UNKNOWN))
            }
            Reservation::OtherRequest => Err(Problem::new(
                Code::KeyReused,
                "This idempotency key was used for another request. Send a new key with a new request.",
            )),
            Reservation::Unanswered(_) => Err(Problem::new(Code::AnswerUnknown, UNKNOWN)),
            Reservation::TooMany => Err(Problem::new(
                Code::TooManyIdempotencyKeys,
                "As many idempotency keys were used within a day as are kept. Leave the header out, or try again later.",
            )),
        }
    }

    fn answers(&self) -> signet_engine::service::stored_answers::StoredAnswers<'_> {
        self.api.stored_answers(self.account, self.sender)
    }

    /// Stores the answer of a request that was done. A refused one has changed nothing, and its
    /// key is free again. After a failure neither is known.
    async fn finish(&self, response: Response) -> Response {
        let status = response.status();
        if status.is_client_error() {
            if let Err(error) = self.answers().release(&self.key).await {
                tracing::warn!(%error, "the idempotency key of a refused request was not freed");
            }
            return response;
        }
        if !status.is_success() {
            return response;
        }
        let (head, body) = response.into_parts();
        let Ok(body) = body.collect().await else {
            return Problem::new(Code::TryAgain, "The answer was not finished.").into_response();
        };
        let body = body.to_bytes();
        if body.len() > ANSWER_MAX {
            tracing::warn!(bytes = body.len(), "an answer is too large to be stored for its idempotency key");
            return Response::from_parts(head, Body::from(body));
        }
        let text = Answer::write(head.status, &head.headers, &body);
        if let Err(error) = self.answers().store(&self.key, self.hash, &text).await {
            tracing::error!(%error, "an answer was not stored for its idempotency key");
        }
        Response::from_parts(head, Body::from(body))
    }
}

const UNKNOWN: &str = "The first request with this idempotency key is under way, or it ended without an answer that \
     is known. Look whether it was done; to do it again, send a new key.";

/// The account in the path, for operations that have one.
async fn account(api: &Api, caller: Caller, parts: &mut Parts) -> Result<Option<AccountId>, Problem> {
    let params = RawPathParams::from_request_parts(parts, &()).await.ok();
    if !params.is_some_and(|params| params.iter().any(|(name, _)| name == "account")) {
        return Ok(None);
    }
    scoped::find(api, caller, parts).await.map(Some)
}

fn hash(parts: &Parts, body: &Bytes) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(parts.uri.path_and_query().map_or("", |it| it.as_str()));
    hash.update([0]);
    // With another precondition the request is another one.
    hash.update(parts.headers.get(header::IF_MATCH).map_or(&[][..], HeaderValue::as_bytes));
    hash.update([0]);
    hash.update(body);
    hash.finalize().into()
}

/// An answer as it is stored.
#[derive(Serialize, Deserialize)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn write(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> String {
        let text = |name: &HeaderName| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_owned()));
        let headers = KEPT.iter().filter_map(text).collect();
        let answer = Self { status: status.as_u16(), headers, body: String::from_utf8_lossy(body).into_owned() };
        // Only a map with keys that are no text cannot be written.
        serde_json::to_string(&answer).unwrap_or_default()
    }

    /// The answer again, marked as such.
    fn read(text: &str) -> Option<Response> {
        let answer: Self = serde_json::from_str(text).ok()?;
        let mut response = Response::new(Body::from(answer.body));
        *response.status_mut() = StatusCode::from_u16(answer.status).ok()?;
        for (name, value) in answer.headers {
            response.headers_mut().insert(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
        }
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_quotes_and_without() {
        let key = |text: &str| read_key(&text.parse().expect("a value")).map_err(|it| it.code());
        assert_eq!(
            (key("a b"), key("\"a b\""), key("\"a\\\"b\"")),
            (Ok("a b".into()), Ok("a b".into()), Ok("a\"b".into()))
        );
        assert_eq!((key(""), key("\"\"")), (Err(Code::BadIdempotencyKey), Err(Code::BadIdempotencyKey)));
        let quoted = |len| key(&format!("\"{}\"", "k".repeat(len)));
        assert_eq!((quoted(253), quoted(254)), (Ok("k".repeat(253)), Err(Code::BadIdempotencyKey)));
    }
}
