//! Redirects to pages of this site.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{flash::Flash, pages::webhooks};

/// The first page after signing in.
pub(crate) const HOME: &str = webhooks::PATH;

/// Sends the browser to a local path with GET (303).
pub(crate) fn see_other(path: &str) -> Response {
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Sends the browser to a page that shows this message once.
pub(crate) fn done(text: &str, path: &str) -> Response {
    with_cookie(Flash::keep(text), see_other(path))
}

/// Adds a cookie to a response.
pub(crate) fn with_cookie(cookie: Option<HeaderValue>, mut response: Response) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The path to return to after signing in, if it is one of this site.
pub(crate) fn local_path(next: &str) -> Option<&str> {
    let local = next.starts_with('/') && !next.starts_with("//");
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (local && plain).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_returned_to() {
        for path in ["/", "/settings/webhooks", "/settings/webhooks/ep_1?state=failed&type=task.failed"] {
            assert_eq!(local_path(path), Some(path));
        }
        for path in [
            "",
            "settings",
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "https://evil.example",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x",
            "javascript:alert(1)",
            "/\u{a0}",
        ] {
            assert_eq!(local_path(path), None, "{path:?}");
        }
    }
}
