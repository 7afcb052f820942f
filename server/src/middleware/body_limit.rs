//! Reads forms: they are small, and arrive soon.

use std::error::Error;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{StatusCode, request::Parts},
    middleware::Next,
    response::Response,
};
use http_body_util::LengthLimitError;

use super::{is_unsafe, refusal};

/// The largest form, in bytes.
pub const MAX_LEN: usize = 64 * 1024;

/// Reads the body of a request that may change data, to a cap.
pub async fn read(request: Request, next: Next) -> Response {
    if !is_unsafe(request.method()) {
        return next.run(request).await;
    }
    match buffer(request, MAX_LEN).await {
        Ok((head, body)) => next.run(Request::from_parts(head, Body::from(body))).await,
        Err(refusal) => refusal,
    }
}

/// Takes a request apart, with its whole body of at most `most` bytes.
pub async fn buffer(request: Request, most: usize) -> Result<(Parts, Bytes), Response> {
    let (head, body) = request.into_parts();
    match to_bytes(body, most).await {
        Ok(body) => Ok((head, body)),
        Err(error) if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) => {
            Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, "This form is too large.\n"))
        }
        Err(_) => Err(refusal(StatusCode::REQUEST_TIMEOUT, "The form did not arrive in time.\n")),
    }
}
