//! Guessing passwords and one-time links is slow: few attempts for each address
//! and account, then one now and again.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use signet_model::{Timestamp, time::Clock};

use super::{body_limit::MAX_LEN, refusal};
use crate::client::network;

/// How many attempts may come at once.
const BURST: u32 = 10;

/// How long it takes until one more attempt is allowed.
const INTERVAL: Duration = Duration::from_secs(30);

/// How many sources are remembered before those that are free again are forgotten.
const MANY: usize = 10_000;

/// Who tries, and for which account.
type Source = (IpAddr, String);

/// Counts attempts. Clones count together.
#[derive(Clone)]
pub struct SignInLimit {
    clock: Arc<dyn Clock>,
    /// When each source would be free, had it kept to the interval.
    free_at: Arc<Mutex<HashMap<Source, Timestamp>>>,
}

impl SignInLimit {
    /// Nobody has tried yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, free_at: Arc::default() }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// It is one too many; the error tells how long to wait.
    fn attempt(&self, source: &Source) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        if free_at.len() >= MANY {
            free_at.retain(|_, at| *at > now);
        }
        let at = free_at.get(source).copied().unwrap_or(now).max(now);
        let wait = at.since(now).saturating_sub(INTERVAL * (BURST - 1));
        if !wait.is_zero() {
            return Err(wait);
        }
        free_at.insert(source.clone(), at + INTERVAL);
        Ok(())
    }

    /// Forgets the attempts of who succeeded.
    fn succeeded(&self, source: &Source) {
        self.free_at.lock().unwrap_or_else(PoisonError::into_inner).remove(source);
    }
}

impl fmt::Debug for SignInLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInLimit")
    }
}

/// Refuses what is one attempt too many.
pub async fn check(State(limit): State<SignInLimit>, request: Request, next: Next) -> Response {
    if !is_attempt(&request) {
        return next.run(request).await;
    }
    let (source, request) = match source(request).await {
        Ok(known) => known,
        Err(response) => return response,
    };
    if let Err(wait) = limit.attempt(&source) {
        return too_many(wait);
    }
    let response = next.run(request).await;
    if response.status().is_redirection() {
        limit.succeeded(&source);
    }
    response
}

fn is_attempt(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::POST && (path == "/login" || path.starts_with("/setup/"))
}

/// Who tries, and the request as it was.
async fn source(request: Request) -> Result<(Source, Request), Response> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MAX_LEN)
        .await
        .map_err(|_| refusal(StatusCode::PAYLOAD_TOO_LARGE, "This form is too large.\n"))?;
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| network(peer.0.ip()));
    let source = (peer.unwrap_or(IpAddr::from([0, 0, 0, 0])), account(head.uri.path(), &body));
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
    use signet_engine::clock::ManualClock;

    use super::*;

    fn limit() -> (SignInLimit, ManualClock) {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_774_699_200));
        (SignInLimit::new(Arc::new(clock.clone())), clock)
    }

    fn source(account: &str) -> Source {
        (IpAddr::from([192, 0, 2, 1]), account.to_owned())
    }

    #[test]
    fn after_a_burst_attempts_come_at_intervals() {
        let (limit, clock) = limit();
        for _ in 0..BURST {
            assert_eq!(limit.attempt(&source("a")), Ok(()));
        }
        assert_eq!(limit.attempt(&source("a")), Err(INTERVAL));
        assert_eq!(limit.attempt(&source("b")), Ok(()), "another account is not concerned");
        clock.advance(INTERVAL);
        assert_eq!(limit.attempt(&source("a")), Ok(()));
        assert_eq!(limit.attempt(&source("a")), Err(INTERVAL));
    }

    #[test]
    fn who_succeeds_begins_anew() {
        let (limit, _) = limit();
        for _ in 0..BURST {
            assert_eq!(limit.attempt(&source("a")), Ok(()));
        }
        limit.succeeded(&source("a"));
        assert_eq!(limit.attempt(&source("a")), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded_by_who_still_has_to_wait() {
        let (limit, clock) = limit();
        for number in 0..MANY {
            assert_eq!(limit.attempt(&source(&number.to_string())), Ok(()));
        }
        clock.advance(INTERVAL);
        assert_eq!(limit.attempt(&source("one more")), Ok(()));
        assert_eq!(limit.free_at.lock().expect("no panic").len(), 1);
    }

    #[test]
    fn an_account_has_one_spelling() {
        assert_eq!(account("/login", b"next=%2F&email=+You%40Example.com&password=x"), "you@example.com");
        assert_eq!(account("/setup/abc", b"email=a"), account("/setup/def", b"email=b"));
    }
}
