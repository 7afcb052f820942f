//! A one-time link that the page after a redirect shows once. The token travels in a cookie of
//! this host that scripts cannot read, and never in an address.

use axum::{
    http::{HeaderMap, HeaderValue},
    response::Response,
};

use crate::{
    cookie,
    redirect::{see_other, with_cookie},
};

const COOKIE: &str = "__Host-signet-link";
const LIFETIME_SECONDS: u64 = 60;

/// The path of a one-time link.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Handover(String);

impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handover(hidden)")
    }
}

impl Handover {
    /// The link that a request carries. It comes from a cookie: only a path of letters, digits
    /// and marks is taken.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let path = cookie::value(headers, COOKIE)?;
        let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte));
        (path.len() <= 200 && path.starts_with('/') && !path.starts_with("//") && plain).then(|| Self(path.to_owned()))
    }

    /// The address of the link.
    pub(crate) fn url(&self, origin: &str) -> String {
        format!("{origin}{}", self.0)
    }

    /// Sends the browser to a page that shows this link once.
    pub(crate) fn show(path: &str, page: &str) -> Response {
        with_cookie(cookie::set(COOKIE, path, LIFETIME_SECONDS), see_other(page))
    }

    /// `Set-Cookie` for the page that has shown the link.
    pub(crate) fn forget() -> Option<HeaderValue> {
        cookie::set(COOKIE, "", 0)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    #[test]
    fn only_a_path_of_this_site_is_taken() {
        let carried = |path: &str| {
            let cookie = HeaderValue::try_from(format!("{COOKIE}={path}")).expect("a header");
            Handover::from_headers(&HeaderMap::from_iter([(header::COOKIE, cookie)]))
        };
        assert_eq!(
            carried("/setup/aB3-_").map(|it| it.url("https://a.example")).as_deref(),
            Some("https://a.example/setup/aB3-_")
        );
        for path in ["", "setup/a", "//evil.example", "/a?b", "/a<b>", &format!("/{}", "a".repeat(200))] {
            assert_eq!(carried(path), None, "{path}");
        }
    }
}
