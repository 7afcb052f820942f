//! Makes guessing passwords and one-time links slow: a few attempts for each address and
//! account, then one now and again.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use sha2::{Digest, Sha256};
use signet_api::rate_limit::{Rate, RateLimit};

use super::{body_limit::buffer, refusal};
use crate::client::network;

const RATE: Rate = Rate { burst: 10, interval: Duration::from_secs(30) };

/// The most sources for which attempts are counted.
const MOST: usize = 10_000;

/// The largest form, in bytes: an e-mail address, a password of a thousand letters and the
/// page to go on to.
const MAX_LEN: usize = 16 * 1024;

/// The longest e-mail address, in bytes (RFC 5321).
const MAX_EMAIL: usize = 254;

/// The client's network, and a hash of the account that it tries, so that all keys have one size.
type Source = (IpAddr, [u8; 32]);

/// Counts attempts. Clones count together.
#[derive(Debug, Clone)]
pub struct SignInLimit(Arc<RateLimit<Source>>);

impl Default for SignInLimit {
    fn default() -> Self {
        Self(Arc::new(RateLimit::new("attempts to sign in", RATE, MOST)))
    }
}

/// Refuses an attempt above the limit.
pub async fn check(State(limit): State<SignInLimit>, request: Request, next: Next) -> Response {
    if !is_attempt(&request) {
        return next.run(request).await;
    }
    let (source, request) = match source(request).await {
        Ok(known) => known,
        Err(response) => return response,
    };
    if let Err(wait) = limit.0.take(source) {
        return too_many(wait);
    }
    let response = next.run(request).await;
    if response.status().is_redirection() {
        limit.0.forget(&source);
    }
    response
}

fn is_attempt(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::POST && (path == "/login" || path.starts_with("/setup/"))
}

/// The source of an attempt, and the request as it was.
async fn source(request: Request) -> Result<(Source, Request), Response> {
    let (head, body) = buffer(request, MAX_LEN).await?;
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| network(peer.0.ip()));
    let account = account(head.uri.path(), &body);
    if account.len() > MAX_EMAIL {
        return Err(refusal(StatusCode::UNPROCESSABLE_ENTITY, "This e-mail address is too long.\n"));
    }
    let source = (peer.unwrap_or(IpAddr::from([0, 0, 0, 0])), Sha256::digest(account).into());
    Ok((source, Request::from_parts(head, Body::from(body))))
}

/// The account that is tried: the e-mail address, in one spelling. All one-time
/// links count as one.
fn account(path: &str, form: &[u8]) -> String {
    if path != "/login" {
        return "/setup".to_owned();
    }
    let email = url::form_urlencoded::parse(form).find(|(name, _)| name == "email");
    email.map(|(_, email)| email.trim().to_lowercase()).unwrap_or_default()
}

fn too_many(wait: Duration) -> Response {
    let seconds = wait.as_secs() + 1;
    let text = format!("Too many attempts. Try again in {seconds} seconds.\n");
    let mut response = refusal(StatusCode::TOO_MANY_REQUESTS, text);
    if let Ok(seconds) = HeaderValue::try_from(seconds.to_string()) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_one_spelling() {
        assert_eq!(account("/login", b"next=%2F&email=+You%40Example.com&password=x"), "you@example.com");
        assert_eq!(account("/setup/abc", b"email=a"), account("/setup/def", b"email=b"));
    }

    #[tokio::test]
    async fn a_form_or_an_address_that_is_too_long_is_refused_before_it_is_counted() {
        for (form, status) in [
            (format!("email={}", "x".repeat(MAX_EMAIL + 1)), StatusCode::UNPROCESSABLE_ENTITY),
            (format!("email=a&password={}", "x".repeat(MAX_LEN)), StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let request = Request::post("/login").body(Body::from(form)).expect("a request");
            assert_eq!(source(request).await.expect_err("refused").status(), status);
        }
    }
}
