//! Headers that forbid a browser all that the pages do not ask for. The
//! Content-Security-Policy is not among them: it carries a nonce, and is set
//! with the page.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use signet_app::Framed;

/// One year, in seconds, as is usual.
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // With `no-referrer` browsers would send forms with `Origin: null`.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
];

/// True if browsers reach the server over TLS alone.
#[derive(Debug, Clone, Copy)]
pub struct Https(pub bool);

/// Adds the headers.
pub async fn add(State(Https(https)): State<Https>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let framed = response.extensions().get::<Framed>().is_some();
    add_to(response.headers_mut(), https);
    if framed {
        frame(response.headers_mut());
    }
    response
}

/// Leaves the frame to the policy of the page, which names the pages that may have it. One of
/// those may ask for this header (`Cross-Origin-Embedder-Policy`).
fn frame(headers: &mut HeaderMap) {
    headers.remove(header::X_FRAME_OPTIONS);
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
}

/// Adds those headers that count for programs as well: the API's answers are never shown as
/// pages, and carry keys and secrets.
pub async fn add_for_programs(State(Https(https)): State<Https>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
    response
}

/// Adds the headers that a page has not set itself.
fn add_to(headers: &mut HeaderMap, https: bool) {
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
}
