//! Forms are small, and arrive soon.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use tokio::time::timeout;

use super::{is_unsafe, refusal};

/// The largest form, in bytes.
pub const MAX_LEN: usize = 64 * 1024;

/// How long a form may take to arrive.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Reads the body of a request that may change something, to a cap.
pub async fn read(request: Request, next: Next) -> Response {
    if !is_unsafe(request.method()) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    match timeout(TIME_LIMIT, to_bytes(body, MAX_LEN)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        Ok(Err(_)) => refusal(StatusCode::PAYLOAD_TOO_LARGE, "This form is too large.\n"),
        Err(_) => refusal(StatusCode::REQUEST_TIMEOUT, "The form did not arrive in time.\n"),
    }
}
