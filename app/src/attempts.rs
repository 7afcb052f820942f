//! Attempts to get in are counted: each request that may change data and comes without a session.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use signet_engine::{
    limits::{Refused, Subject},
    request::ClientAddress,
    security_log,
    service::sessions::Session,
};

use tracing::Instrument;

use crate::{
    cookie,
    error::PageError,
    pages::{login, theme},
    state::AppState,
};

/// The largest form, in bytes. The server has read it already, to a cap of its own.
const MAX_LEN: usize = 64 * 1024;

/// The longest e-mail address, in bytes (RFC 5321). Others are nobody's.
const MAX_EMAIL: usize = 254;

/// Counts an attempt, in the span of its request, and answers one too many with a page. A device on which a person is
/// signed in is known from then on.
pub(crate) async fn count(
    State(state): State<AppState>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let span = security_log::span(route.as_ref().map_or("no page", MatchedPath::as_str), request.extensions());
    count_within(&state, route, request, next).instrument(span).await
}

async fn count_within(state: &AppState, route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    if let Some(session) = request.extensions().get::<Session>() {
        let cookie = device_to_set(state, session, &request);
        let mut response = next.run(request).await;
        response.headers_mut().extend(cookie.map(|it| (header::SET_COOKIE, it)));
        return response;
    }
    match route {
        Some(route) if is_attempt(request.method(), route.as_str()) => {
            attempt(state, route.as_str(), request, next).await
        }
        _ => next.run(request).await,
    }
}

/// Signing out, choosing a theme, and the calls of islands, let nobody in.
fn is_attempt(method: &Method, route: &str) -> bool {
    *method == Method::POST && route != login::SIGN_OUT_PATH && route != theme::PATH && !route.starts_with("/live/")
}

async fn attempt(state: &AppState, route: &str, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_LEN).await else { return PageError::Unreadable.into_response() };
    let form = Named::of(&body);
    let email = form.email.filter(|email| email.len() <= MAX_EMAIL);
    let device = email.as_deref().zip(cookie::device(&head.headers));
    let device = device.and_then(|(email, cookie)| state.engine.known_devices().recognise(cookie, email));
    let subject = email.as_deref().map(|email| Subject::new(route, email));
    let address = ClientAddress::of(&head.extensions);
    let begun = state.engine.attempts().begin(address, subject, device, form.has_password).await;
    match begun {
        Ok(attempt) => {
            let response = next.run(Request::from_parts(head, Body::from(body))).await;
            if cookie::lets_in(response.headers()) {
                attempt.succeeded();
            } else {
                security_log::attempt_failed(device.is_some());
            }
            response
        }
        Err(Refused { wait, by }) => {
            security_log::attempt_refused(by);
            PageError::TooManyAttempts(seconds(wait)).into_response()
        }
    }
}

/// The members of a form that matter here.
#[derive(Debug, Default)]
struct Named {
    email: Option<String>,
    /// A password is to be hashed.
    has_password: bool,
}

impl Named {
    fn of(body: &[u8]) -> Self {
        let mut named = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "email" if named.email.is_none() => named.email = Some(value.into_owned()),
                "password" => named.has_password = true,
                _ => {}
            }
        }
        named
    }
}

/// The cookie of the device, if it is not known for the person who is signed in.
fn device_to_set(state: &AppState, session: &Session, request: &Request) -> Option<HeaderValue> {
    let devices = state.engine.known_devices();
    let email = session.email()?;
    let known = cookie::device(request.headers()).and_then(|cookie| devices.recognise(cookie, email));
    if known.is_some() || request.method() != Method::GET {
        return None;
    }
    cookie::keep_device(&devices.new_cookie(email))
}

/// Whole seconds, not less than the time.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::testing::{Answer, Visitor, encode};

    async fn sign_in(visitor: &Visitor, email: &str, password: &str, device: &str) -> Answer {
        let form = encode(&[(&login::EMAIL, email), (&login::PASSWORD, password)]);
        visitor.post_with(login::PATH, &form, &[(header::COOKIE, device)]).await
    }

    /// Tries wrong passwords until it is refused. Returns the number of those that were tried,
    /// and the refusal.
    async fn guess(visitor: &Visitor, email: impl Fn(usize) -> String) -> (usize, Answer) {
        let mut tried = 0;
        loop {
            let answer = sign_in(visitor, &email(tried), "a wrong password", "").await;
            if answer.status != StatusCode::UNPROCESSABLE_ENTITY {
                return (tried, answer);
            }
            tried += 1;
        }
    }

    #[tokio::test]
    async fn guessing_makes_the_guesser_wait_and_not_the_owner_on_their_own_device() {
        let owner = Visitor::owner().await;
        let device = owner.get("/settings/webhooks").await.cookie().to_owned();
        assert!(device.starts_with("__Host-signet-device="), "{device}");
        assert_eq!(owner.get_with_cookie("/settings/webhooks", &device).await.cookie(), "", "known already");
        let stranger = owner.signed_out();
        let (tried, refused) = guess(&stranger, |_| "owner@example.com".to_owned()).await;
        assert_eq!((tried, refused.status), (6, StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(refused.header(header::RETRY_AFTER), "1");
        assert!(refused.html.contains("<h1>Too many attempts</h1>") && refused.html.contains("Wait a second"));
        let right = sign_in(&stranger, "Owner@example.com", "correct horse battery", &device).await;
        assert_eq!(right.status, StatusCode::SEE_OTHER);
        let elsewhere = sign_in(&stranger, "owner@example.com", "correct horse battery", "").await;
        assert_eq!(elsewhere.status, StatusCode::TOO_MANY_REQUESTS, "the device alone is let through");
        stranger.clock.advance(Duration::from_secs(1));
        let after = sign_in(&stranger, "owner@example.com", "correct horse battery", "").await;
        assert_eq!(after.status, StatusCode::SEE_OTHER, "the wait ends");
    }

    #[tokio::test]
    async fn a_device_of_another_person_is_not_known() {
        let owner = Visitor::owner().await;
        let device = owner.get("/settings/webhooks").await.cookie().to_owned();
        let stranger = owner.signed_out();
        guess(&stranger, |_| "you@example.com".to_owned()).await;
        for forged in [device.as_str(), "__Host-signet-device=", "__Host-signet-device=AAAA"] {
            let answer = sign_in(&stranger, "you@example.com", "a wrong password", forged).await;
            assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{forged}");
        }
    }

    #[tokio::test]
    async fn a_known_device_has_a_limit_of_its_own() {
        let owner = Visitor::owner().await;
        let device = owner.get("/settings/webhooks").await.cookie().to_owned();
        let stranger = owner.signed_out();
        for _ in 0..11 {
            let answer = sign_in(&stranger, "owner@example.com", "a wrong password", &device).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let refused = sign_in(&stranger, "owner@example.com", "correct horse battery", &device).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    }

    #[tokio::test]
    async fn three_hundred_e_mail_addresses_from_one_address_are_slowed() {
        let stranger = Visitor::owner().await.signed_out();
        let (tried, refused) = guess(&stranger, |number| format!("{number}@example.com")).await;
        assert_eq!((tried, refused.header(header::RETRY_AFTER)), (20, "6"));
        assert_eq!(stranger.get(login::PATH).await.status, StatusCode::OK, "pages are not counted");
    }

    #[tokio::test]
    async fn one_time_links_are_counted_too() {
        let stranger = Visitor::owner().await.signed_out();
        let form = encode(&[(&login::EMAIL, "me@example.com")]);
        let mut statuses = Vec::new();
        for number in 0..8 {
            statuses.push(stranger.post(&format!("/setup/{number}"), &form).await.status);
        }
        assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    }
}
