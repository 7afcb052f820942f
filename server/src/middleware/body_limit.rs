//! Forms are small, and arrive soon.

use std::error::Error;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use http_body_util::LengthLimitError;

use super::{is_unsafe, refusal};

/// The largest form, in bytes.
pub const MAX_LEN: usize = 64 * 1024;

/// Reads the body of a request that may change something, to a cap.
pub async fn read(request: Request, next: Next) -> Response {
    if !is_unsafe(request.method()) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    match to_bytes(body, MAX_LEN).await {
        Ok(bytes) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        Err(error) if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) => {
            refusal(StatusCode::PAYLOAD_TOO_LARGE, "This form is too large.\n")
        }
        Err(_) => refusal(StatusCode::REQUEST_TIMEOUT, "The form did not arrive in time.\n"),
    }
}
