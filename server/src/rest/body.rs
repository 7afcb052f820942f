//! Reading a JSON body, to a cap and within a time.

use std::time::Duration;

use axum::{
    body::to_bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use signet_model::event::MemberFault;
use tokio::time::timeout;

use super::Problem;

/// How long a body may take to arrive.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A body that is called JSON, of at most `MAX` bytes. Whether it is JSON is
/// found out by who parses it.
#[derive(Debug)]
pub struct JsonBody<const MAX: usize>(Bytes);

impl<const MAX: usize> JsonBody<MAX> {
    /// The bytes as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.0).map_err(|error| {
            let message = format!("is not UTF-8 at byte {}", error.valid_up_to());
            MemberFault { pointer: String::new(), message }.into()
        })
    }
}

impl<S: Sync, const MAX: usize> FromRequest<S> for JsonBody<MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::not_json());
        }
        if announced(request.headers()).is_some_and(|length| length > MAX) {
            return Err(Problem::too_large(MAX));
        }
        match timeout(TIME_LIMIT, to_bytes(request.into_body(), MAX)).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(error)) if is_too_large(&error) => Err(Problem::too_large(MAX)),
            Ok(Err(_)) | Err(_) => Err(Problem::incomplete()),
        }
    }
}

/// Called JSON, and not compressed.
fn is_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let essence = text(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
        && text(header::CONTENT_ENCODING).is_none_or(|encoding| encoding.eq_ignore_ascii_case("identity"))
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}
