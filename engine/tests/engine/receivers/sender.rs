//! The sending side of the tests.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use signet_engine::{
    clock::ManualClock,
    deliver::{
        attempt::{AttemptRequest, attempt},
        extra_headers::ExtraHeaders,
    },
    outbound::{Client, Config, LocalFault, Lookup, Policy},
};
use signet_model::{
    DeliveryId, Timestamp,
    delivery::{Attempt, Failure, Outcome},
    event::EventType,
    signature::{Secret, SigningKey, SigningKeys},
};

use super::certificates::Authority;

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_200);
pub const BODY: &[u8] = br#"{"event":"balance.low","balance":45.5,"threshold":50,"timestamp":"2026-03-28T12:00:00Z"}"#;
/// The longest kept response body.
pub const CAP: usize = 4 * 1024;

pub fn secret() -> Secret {
    Secret::new([7; 32])
}

pub struct Sender {
    client: Client,
}

impl Sender {
    pub fn new(authority: &Authority) -> Self {
        Self::with(&config(authority))
    }

    pub fn with(config: &Config) -> Self {
        Self { client: Client::new(config).expect("a client") }
    }

    pub fn with_lookup(authority: &Authority, lookup: impl Lookup) -> Self {
        Self { client: Client::with_lookup(&config(authority), lookup).expect("a client") }
    }

    /// Makes one attempt at this URL.
    pub async fn attempt(&self, url: &str) -> Attempt {
        self.try_attempt(url).await.expect("nothing is wrong on this side")
    }

    pub async fn try_attempt(&self, url: &str) -> Result<Attempt, LocalFault> {
        self.send(request(url)).await
    }

    pub async fn send(&self, request: AttemptRequest) -> Result<Attempt, LocalFault> {
        attempt(&self.client, &ManualClock::at(NOW), request).await
    }
}

pub fn config(authority: &Authority) -> Config {
    Config {
        policy: Policy::public_and_loopback(),
        egress_proxy: None,
        extra_authorities: vec![authority.pem()],
        budget: Duration::from_secs(10),
        max_response_body: CAP,
    }
}

pub fn request(url: &str) -> AttemptRequest {
    AttemptRequest {
        id: DeliveryId::new(NOW, [3; 10]),
        url: Arc::new(url.parse().expect("a URL")),
        keys: Arc::new(SigningKeys { current: SigningKey::new(&secret()), next: None }),
        event_type: EventType::BALANCE_LOW,
        is_test: false,
        may_repeat: false,
        number: 2,
        body: Bytes::from_static(BODY),
        extra: ExtraHeaders::default(),
        trace: None,
    }
}

/// The name of the failure, with its sentence for the message of a failed test.
#[track_caller]
pub fn assert_failed(attempt: &Attempt, failure: Failure) {
    assert_eq!(attempt.failure, Some(failure), "{:?}", attempt.failure_detail);
    let detail = attempt.failure_detail.as_deref().unwrap_or_default();
    assert!(detail.ends_with('.') && !detail.ends_with(".."), "no sentence: {detail:?}");
}

#[track_caller]
pub fn assert_answered(attempt: &Attempt, status: u16) {
    assert_eq!(attempt.outcome(), Outcome::Answered(status), "{:?}", attempt.failure_detail);
}
