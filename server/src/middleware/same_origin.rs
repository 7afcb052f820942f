//! Requests that may change data must come from our own pages: the browser names their
//! origin (`Sec-Fetch-Site`, `Origin`), and no other page can alter that.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use signet_app::Refusal;
use signet_engine::{request::ClientAddress, security_log::TARGET};

use super::{Refusals, is_unsafe};
use crate::config::PublicUrl;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origin of the pages; `None` stands for the host that the browser asked.
pub type Home = Option<Arc<PublicUrl>>;

/// Refuses a request that may change data and comes from another origin.
pub async fn check(
    State((home, refusals)): State<(Home, Refusals)>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    if is_unsafe(request.method()) && !is_from_here(request.headers(), home.as_deref()) {
        // The path itself may hold the token of a one-time link.
        let route = route.as_ref().map_or("no page", MatchedPath::as_str);
        let client = ClientAddress::of(request.extensions());
        tracing::warn!(target: TARGET, route, %client, "refused: a request from another origin");
        return refusals.page(&request.into_parts().0, Refusal::OtherOrigin);
    }
    next.run(request).await
}

/// `Sec-Fetch-Site` is the browser's own judgement. `Origin` counts where the browser does not
/// judge: a proxy that sets `Referrer-Policy: no-referrer` makes it `null` for every form.
fn is_from_here(headers: &HeaderMap, home: Option<&PublicUrl>) -> bool {
    match headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
        Some(b"same-origin") => true,
        Some(b"none") | None => origin_fits(headers, home),
        Some(_) => false,
    }
}

fn origin_fits(headers: &HeaderMap, home: Option<&PublicUrl>) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next().and_then(|value| value.to_str().ok()), origins.next()) else {
        return false;
    };
    match home {
        Some(home) => origin == home.origin(),
        None => headers.get(header::HOST).is_some_and(|host| authority(origin).is_some_and(|it| host == it)),
    }
}

/// Host and port of an origin.
fn authority(origin: &str) -> Option<&str> {
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn without_a_public_url_the_origin_must_be_the_host() {
        for (origin, host, fits) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("https://signet.example", "signet.example", true),
            ("https://evil.example", "signet.example", false),
            ("http://127.0.0.1:8081", "127.0.0.1:8080", false),
            ("https://signet.example.evil.example", "signet.example", false),
            ("null", "null", false),
            ("", "", false),
        ] {
            assert_eq!(is_from_here(&headers(&[("origin", origin), ("host", host)]), None), fits, "{origin} {host}");
        }
    }

    #[test]
    fn with_a_public_url_the_origin_must_be_it() {
        let home = "https://signet.example".parse().expect("a URL");
        let from = |origin| is_from_here(&headers(&[("origin", origin), ("host", "10.0.0.7:8080")]), Some(&home));
        assert!(from("https://signet.example"));
        assert!(!from("http://signet.example") && !from("https://10.0.0.7:8080") && !from("http://10.0.0.7:8080"));
    }

    #[test]
    fn a_request_that_the_browser_calls_cross_site_is_refused() {
        for (site, fits) in [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false)] {
            let headers = headers(&[("origin", "http://a"), ("host", "a"), ("sec-fetch-site", site)]);
            assert_eq!(is_from_here(&headers, None), fits, "{site}");
        }
    }

    #[test]
    fn a_request_that_the_browser_calls_same_origin_is_taken_without_an_origin() {
        let home = "https://signet.example".parse().expect("a URL");
        for origin in [Some("null"), None] {
            let mut headers = headers(&[("host", "a"), ("sec-fetch-site", "same-origin")]);
            headers.extend(origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin))));
            assert!(is_from_here(&headers, None) && is_from_here(&headers, Some(&home)), "{origin:?}");
        }
    }

    #[test]
    fn a_request_that_does_not_say_where_it_comes_from_is_refused() {
        assert!(!is_from_here(&headers(&[("host", "a")]), None));
        assert!(!is_from_here(&headers(&[("host", "a"), ("sec-fetch-site", "none")]), None));
        assert!(!is_from_here(&headers(&[("origin", "http://a")]), None));
        let mut two = headers(&[("origin", "http://a"), ("host", "a")]);
        two.append("origin", HeaderValue::from_static("http://b"));
        assert!(!is_from_here(&two, None));
    }
}
