//! The member `instance` of a problem: the request that met it.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{Uri, header},
    middleware::Next,
    response::Response,
};

use signet_engine::{
    request::{ClientAddress, RequestId},
    security_log::TARGET,
};

use super::{Problem, readable};
use crate::access::Api;

/// Numbers the problems of this process.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Adds the request to a problem. An answer that is no problem passes as it is, at the cost of
/// one counted reference.
pub async fn add_instance(State(api): State<Api>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let (client, id) = (ClientAddress::of(request.extensions()), RequestId::of(request.extensions()));
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        let instance = instance(&api, &uri, id);
        if problem.code.concerns_security() {
            let route = route.as_ref().map_or("no operation", MatchedPath::as_str);
            let (code, id) = (problem.code.name(), id.map(tracing::field::display));
            tracing::info!(target: TARGET, route, %client, id, code, "refused");
        }
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

/// The path, and the number of the request, which the log has too.
fn instance(api: &Api, uri: &Uri, id: Option<RequestId>) -> String {
    if let Some(id) = id {
        return format!("{}#{id}", readable(uri.path().to_owned()));
    }
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}#{:x}-{number:x}", readable(uri.path().to_owned()), api.now().unix_millis())
}
