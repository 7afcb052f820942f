//! The place in which a browser shows a page: a tab of its own, or a frame of another page.
//!
//! Each place has a session of its own. The one of a tab is never used in a frame, where a
//! page around it could lead a person's clicks astray; the one of a frame began with a link
//! that the service made for it. The browser says where it shows a page (`Sec-Fetch-Dest`), and
//! no page can alter that.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header, request::Parts},
    middleware::Next,
    response::Response,
};
use signet_engine::service::sessions::Session;

/// The beginning of the paths that islands in a frame call: such calls do not say where their
/// page is shown.
pub(crate) const IN_FRAME: &str = "/framed";

/// The place of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A tab or a window.
    Tab,
    /// A frame of another page.
    Frame,
}

impl Place {
    /// The place for which a request is made. A browser that does not say so counts as a tab,
    /// whose pages cannot be framed.
    pub fn of(path: &str, headers: &HeaderMap) -> Self {
        let within = path.strip_prefix(IN_FRAME).is_some_and(|rest| rest.starts_with('/'));
        match headers.get("sec-fetch-dest").map(HeaderValue::as_bytes) {
            Some(b"iframe" | b"frame" | b"embed" | b"object" | b"fencedframe") => Self::Frame,
            Some(b"document") => Self::Tab,
            _ if within => Self::Frame,
            _ => Self::Tab,
        }
    }

    /// The place of a request in parts, whose path is that which the browser asked for.
    pub(crate) fn of_parts(parts: &Parts) -> Self {
        Self::of(crate::frame::asked(parts).path(), &parts.headers)
    }

    /// Returns true if a session may be used in this place.
    pub fn admits(self, session: &Session) -> bool {
        let embedded = session.portal().is_some_and(|portal| portal.embedded);
        embedded == (self == Self::Frame)
    }
}

/// A mark on a response: the pages of the service may have it in a frame.
#[derive(Debug, Clone, Copy)]
pub struct Framed;

/// Has the cookies of a page in a frame kept there: for this frame in pages of this site
/// (CHIPS), instead of everywhere.
pub(crate) async fn partition_cookies(request: Request, next: Next) -> Response {
    let place = Place::of(request.uri().path(), request.headers());
    let mut response = next.run(request).await;
    if place == Place::Frame {
        partition(response.headers_mut());
    }
    response
}

fn partition(headers: &mut HeaderMap) {
    let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        let text = cookie.to_str().unwrap_or_default().replace("SameSite=Lax", "SameSite=None; Partitioned");
        headers.append(header::SET_COOKIE, HeaderValue::try_from(text).unwrap_or(cookie));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(dest: &'static str) -> HeaderMap {
        HeaderMap::from_iter([("sec-fetch-dest".parse().expect("a name"), HeaderValue::from_static(dest))])
    }

    #[test]
    fn the_browser_says_where_it_shows_a_page() {
        for (path, dest, place) in [
            ("/settings", "iframe", Place::Frame),
            ("/settings", "document", Place::Tab),
            ("/framed/live/secret", "document", Place::Tab),
            ("/framed/live/secret", "empty", Place::Frame),
            ("/live/secret", "empty", Place::Tab),
            ("/framedx", "empty", Place::Tab),
        ] {
            assert_eq!(Place::of(path, &headers(dest)), place, "{path} {dest}");
        }
        assert_eq!(Place::of("/settings", &HeaderMap::new()), Place::Tab);
    }

    #[test]
    fn a_cookie_of_a_frame_is_for_the_frame_alone() {
        let mut headers = HeaderMap::new();
        for cookie in ["a=1; Path=/; Secure; HttpOnly; SameSite=Lax", "b=2; Path=/; Secure; HttpOnly; SameSite=Lax"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        partition(&mut headers);
        let kept: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(
            kept,
            [
                "a=1; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
                "b=2; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
            ]
        );
    }
}
