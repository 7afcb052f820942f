//! The member `instance` of a problem: the request that met it.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Uri, header},
    middleware::Next,
    response::Response,
};

use super::{Problem, readable};
use crate::access::Api;

/// Numbers the problems of this process.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Adds the request to a problem. An answer that is no problem passes as it is, at the cost of
/// one counted reference.
pub async fn add_instance(State(api): State<Api>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        let instance = instance(&api, &uri);
        if problem.code.is_temporary() {
            tracing::debug!(%instance, code = problem.code.name(), "answered with a problem");
        }
        problem.instance = Some(instance);
        let body = problem.to_json();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(body);
    }
    response
}

/// The path, and the time with a number: no two problems have the same.
fn instance(api: &Api, uri: &Uri) -> String {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}#{:x}-{number:x}", readable(uri.path().to_owned()), api.now().unix_millis())
}
