//! Reads forms: they are small, and arrive soon.

use std::error::Error;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http_body_util::LengthLimitError;
use signet_app::Refusal;

use super::{Refusals, is_unsafe};

/// The largest form, in bytes.
pub const MAX_LEN: usize = 64 * 1024;

/// Reads the body of a request that may change data, to a cap.
pub async fn read(State(refusals): State<Refusals>, request: Request, next: Next) -> Response {
    if !is_unsafe(request.method()) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    match to_bytes(body, MAX_LEN).await {
        Ok(body) => next.run(Request::from_parts(head, Body::from(body))).await,
        Err(error) if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) => {
            refusals.page(&head, Refusal::TooLarge)
        }
        Err(_) => refusals.page(&head, Refusal::TooLate),
    }
}
