//! The layers that a browser's request passes before it reaches a page, from the outside in:
//! [`host`], [`headers`], [`same_origin`], [`body_limit`], [`plain_http`], [`session`].

pub mod body_limit;
pub mod headers;
pub mod host;
pub mod plain_http;
pub mod same_origin;
pub mod session;

use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};

/// A refusal, as a page of plain text.
fn refusal(status: StatusCode, text: impl Into<String>) -> Response {
    (status, text.into()).into_response()
}

/// Returns true if a request with this method may change data.
fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
