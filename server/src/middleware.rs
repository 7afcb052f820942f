//! The layers that a browser's request passes before it reaches a page, from the outside in:
//! [`headers`], [`compress`], [`host`], [`same_origin`], [`body_limit`], [`plain_http`], [`session`].

pub mod body_limit;
pub mod compress;
pub mod headers;
pub mod host;
pub mod plain_http;
pub mod same_origin;
pub mod session;

use std::sync::Arc;

use axum::{
    http::{Method, request::Parts},
    response::Response,
};
use signet_app::{AppState, Refusal, refuse};

/// Makes the pages for requests that are turned away. Clones share the state.
#[derive(Debug, Clone)]
pub struct Refusals(Arc<AppState>);

impl Refusals {
    /// Pages that look as those of this state.
    pub fn new(state: AppState) -> Self {
        Self(Arc::new(state))
    }

    fn page(&self, request: &Parts, refusal: Refusal) -> Response {
        refuse(&self.0, request, refusal)
    }
}

/// Returns true if a request with this method may change data.
fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
