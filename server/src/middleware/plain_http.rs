//! Cookies over plain http.
//!
//! Pages set `__Host-` cookies, which a browser takes over a trustworthy connection only. Over
//! plain http at this very machine some browsers take them, and Safari drops them. There this
//! layer hands them over by another name and without `Secure`. Over plain http anywhere else no
//! session could be kept, and anybody between could read it: the pages are told so.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header, uri::Authority},
    middleware::Next,
    response::Response,
};
use signet_app::Transport;

use super::same_origin::Home;
use crate::config::PublicUrl;

/// The beginning of a cookie's name that browsers take over a trustworthy connection only.
const HOST_PREFIX: &str = "__Host-";
/// The beginning of its name on plain http at this machine.
const LOOPBACK_PREFIX: &str = "loopback-";

/// Tells the pages how the browser reaches them, and hands cookies over as it takes them.
pub async fn hand_over_cookies(State(home): State<Home>, mut request: Request, next: Next) -> Response {
    let transport = transport(request.headers(), home.as_deref());
    request.extensions_mut().insert(transport);
    if transport != Transport::Loopback {
        return next.run(request).await;
    }
    accept(request.headers_mut());
    let mut response = next.run(request).await;
    offer(response.headers_mut());
    response
}

/// The way by which a browser reaches the pages. `Origin` names the scheme, but browsers leave
/// it out when a page is opened; they send `Sec-Fetch-Site` to trustworthy addresses only.
fn transport(headers: &HeaderMap, home: Option<&PublicUrl>) -> Transport {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let origin = home.map(PublicUrl::origin).or_else(|| text(header::ORIGIN)).unwrap_or_default();
    if origin.starts_with("https:") {
        return Transport::Secure;
    }
    let host = origin.strip_prefix("http://").or_else(|| text(header::HOST)).unwrap_or_default();
    match host.parse::<Authority>() {
        Ok(host) if is_loopback(host.host()) => Transport::Loopback,
        _ if home.is_none() && headers.contains_key("sec-fetch-site") => Transport::Secure,
        _ => Transport::Exposed,
    }
}

/// Returns true for a name of this machine, as browsers judge it.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    address.map_or_else(
        |_| host == "localhost" || host.ends_with(".localhost"),
        |address: IpAddr| address.to_canonical().is_loopback(),
    )
}

/// Gives the cookies of this machine the names that the pages know, ahead of others.
fn accept(headers: &mut HeaderMap) {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = pairs.flat_map(|line| line.split(';')).map(str::trim);
    let own = pairs.filter_map(|pair| pair.strip_prefix(LOOPBACK_PREFIX)).map(|pair| format!("{HOST_PREFIX}{pair}"));
    let line = own.collect::<Vec<_>>().join("; ");
    let others: Vec<_> = headers.get_all(header::COOKIE).iter().cloned().collect();
    if let (false, Ok(line)) = (line.is_empty(), HeaderValue::try_from(line)) {
        headers.insert(header::COOKIE, line);
        headers.extend(others.into_iter().map(|other| (header::COOKIE, other)));
    }
}

/// Has the browser keep the cookies of a page by their names on this machine, and forget them
/// by both.
fn offer(headers: &mut HeaderMap) {
    let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        match cookie.to_str().ok().and_then(|cookie| cookie.strip_prefix(HOST_PREFIX)) {
            // The cookie of a frame needs `Secure`: only browsers that take it at this machine
            // show the portal in a frame there.
            Some(rest) if !rest.contains("; Partitioned") => {
                let renamed = format!("{LOOPBACK_PREFIX}{}", rest.replace("; Secure", ""));
                headers.extend(HeaderValue::try_from(renamed).ok().map(|renamed| (header::SET_COOKIE, renamed)));
                if rest.contains("; Max-Age=0;") {
                    headers.append(header::SET_COOKIE, cookie);
                }
            }
            _ => headers.extend([(header::SET_COOKIE, cookie)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;
    use signet_app::Place;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn without_a_public_url_the_browser_tells_how_it_came() {
        for (pairs, expected) in [
            (vec![("host", "127.0.0.1:8080")], Transport::Loopback),
            (vec![("host", "localhost")], Transport::Loopback),
            (vec![("host", "signet.localhost:80"), ("sec-fetch-site", "none")], Transport::Loopback),
            (vec![("host", "[::1]:8080"), ("origin", "http://[::1]:8080")], Transport::Loopback),
            (vec![("host", "localhost:8443"), ("origin", "https://localhost:8443")], Transport::Secure),
            (vec![("host", "signet.example"), ("origin", "https://signet.example")], Transport::Secure),
            (vec![("host", "signet.example"), ("sec-fetch-site", "none")], Transport::Secure),
            (vec![("host", "signet.example")], Transport::Exposed),
            (vec![("host", "192.168.1.7:8080"), ("origin", "http://192.168.1.7:8080")], Transport::Exposed),
            (vec![("host", "localhost.evil.example")], Transport::Exposed),
            (vec![("host", "127.0.0.1.evil.example")], Transport::Exposed),
            (vec![], Transport::Exposed),
        ] {
            assert_eq!(transport(&headers(&pairs), None), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_public_url_tells_it_once_for_all() {
        for (home, expected) in [
            ("https://signet.example", Transport::Secure),
            ("http://localhost:8080", Transport::Loopback),
            ("http://signet.example", Transport::Exposed),
        ] {
            let home = home.parse().expect("a URL");
            let headers = headers(&[("host", "127.0.0.1:8080"), ("sec-fetch-site", "none")]);
            assert_eq!(transport(&headers, Some(&home)), expected, "{home}");
        }
    }

    #[test]
    fn cookies_of_this_machine_come_first_by_the_names_of_the_pages() {
        let mut headers =
            headers(&[("cookie", "a=b; __Host-signet=old; loopback-signet=new; loopback-signet-notice=c")]);
        accept(&mut headers);
        let lines: Vec<_> = headers.get_all(header::COOKIE).iter().map(|it| it.to_str().expect("text")).collect();
        assert_eq!(lines[0], "__Host-signet=new; __Host-signet-notice=c");
        assert_eq!(signet_app::cookie::session_token(Place::Tab, &headers), Some("new"));
    }

    #[test]
    fn a_cookie_is_kept_by_one_name_and_forgotten_by_both() {
        let mut headers = HeaderMap::new();
        for cookie in [
            "__Host-signet=abc; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax",
            "__Host-signet-notice=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax",
        ] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        offer(&mut headers);
        let lines: Vec<_> = headers.get_all(header::SET_COOKIE).iter().map(|it| it.to_str().expect("text")).collect();
        assert_eq!(
            lines,
            [
                "loopback-signet=abc; Max-Age=60; Path=/; HttpOnly; SameSite=Lax",
                "loopback-signet-notice=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
                "__Host-signet-notice=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax",
            ]
        );
    }
}
