//! The cookies of sessions: their names and attributes are decided here alone.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use signet_engine::{limits::KNOWN_DEVICE_LIFETIME, service::sessions::SessionToken};

use crate::place::Place;

/// The browser keeps a `__Host-` cookie only if this very host set it over a
/// trustworthy connection, for all paths.
pub const SESSION: &str = "__Host-signet";

/// The session of a frame, which the browser keeps apart for each page around it.
pub const FRAME_SESSION: &str = "__Host-signet-portal";

/// The device, once a person has signed in on it. It lets nobody in, but tells the owner of an
/// e-mail address from strangers who try passwords.
const DEVICE: &str = "__Host-signet-device";

/// The cookies of those who got in, or have proved the first of two things.
const GOT_IN: [&str; 3] = [SESSION, FRAME_SESSION, "__Host-signet-pending"];

const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// The session token that a request from this place carries.
pub fn session_token(place: Place, headers: &HeaderMap) -> Option<&str> {
    value(headers, name(place))
}

const fn name(place: Place) -> &'static str {
    match place {
        Place::Tab => SESSION,
        Place::Frame => FRAME_SESSION,
    }
}

/// The value of the first cookie with this name.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// `Set-Cookie` that keeps a session in the browser.
pub(crate) fn keep_session(token: &SessionToken, lifetime: Duration) -> Option<HeaderValue> {
    set(SESSION, token.reveal(), lifetime.as_secs())
}

/// The device that a request names.
pub(crate) fn device(headers: &HeaderMap) -> Option<&str> {
    value(headers, DEVICE)
}

/// `Set-Cookie` by which a device is known from now on.
pub(crate) fn keep_device(device: &str) -> Option<HeaderValue> {
    set(DEVICE, device, KNOWN_DEVICE_LIFETIME.as_secs())
}

/// Returns true if an answer lets its client in.
pub(crate) fn lets_in(answer: &HeaderMap) -> bool {
    let set = answer.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok()?.split(';').next());
    set.filter_map(|pair| pair.split_once('=')).any(|(name, value)| GOT_IN.contains(&name) && !value.is_empty())
}

/// `Set-Cookie` that keeps the session of a portal link in its place.
pub(crate) fn keep_portal_session(token: &SessionToken, lifetime: Duration, place: Place) -> Option<HeaderValue> {
    set(name(place), token.reveal(), lifetime.as_secs())
}

/// `Set-Cookie` that forgets the session.
pub(crate) fn forget_session() -> Option<HeaderValue> {
    set(SESSION, "", 0)
}

/// `Set-Cookie` for a value without spaces, commas or semicolons.
pub(crate) fn set(name: &str, value: &str, max_age: u64) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{name}={value}; Max-Age={max_age}; {ATTRIBUTES}")).ok()
}

/// `Set-Cookie` for a choice of the reader that the page's script writes as well. It lets nobody
/// in, and tells nothing of anybody.
pub(crate) fn set_for_scripts(name: &str, value: &str, max_age: u64) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{name}={value}; Max-Age={max_age}; Path=/; Secure; SameSite=Lax")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&'static str]) -> HeaderMap {
        cookies.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        assert_eq!(session_token(Place::Tab, &headers(&["a=b; __Host-signet=abc=; c=d"])), Some("abc="));
        assert_eq!(session_token(Place::Tab, &headers(&["a=b", "__Host-signet=abc"])), Some("abc"));
        let both = headers(&["__Host-signet=tab; __Host-signet-portal=frame"]);
        assert_eq!(
            (session_token(Place::Tab, &both), session_token(Place::Frame, &both)),
            (Some("tab"), Some("frame"))
        );
    }

    #[test]
    fn an_answer_lets_in_if_it_sets_a_session_and_not_if_it_forgets_one() {
        let answer = |cookie: Option<HeaderValue>| HeaderMap::from_iter(cookie.map(|it| (header::SET_COOKIE, it)));
        assert!(lets_in(&answer(set(SESSION, "abc", 60))) && lets_in(&answer(set("__Host-signet-pending", "abc", 60))));
        for other in [forget_session(), set("__Host-signet-notice", "abc", 60), keep_device("abc"), None] {
            assert!(!lets_in(&answer(other.clone())), "{other:?}");
        }
    }

    #[test]
    fn a_cookie_with_a_similar_name_is_no_session() {
        for line in ["signet=abc", "x__Host-signet=abc", "__host-signet=abc", "__Host-signet", ""] {
            assert_eq!(session_token(Place::Tab, &headers(&[line])), None, "{line}");
            assert_eq!(session_token(Place::Frame, &headers(&[line])), None, "{line}");
        }
    }

    #[test]
    fn the_cookie_is_for_this_host_alone_and_hidden_from_scripts() {
        let cookie = set(SESSION, "abc", 60).expect("a header");
        assert_eq!(cookie, "__Host-signet=abc; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax");
    }
}
