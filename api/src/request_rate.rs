//! The rate of requests with one key, other than those that send events: these are counted by
//! account. Answers tell what is left (draft-ietf-httpapi-ratelimit-headers-10).

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use signet_engine::{
    limits::{Allowance, Rate, RateLimit},
    notice::Notice,
    request::ClientAddress,
    security_log,
};
use signet_model::time::Clock;
use tracing::Instrument;

use crate::{
    access::{Api, bearer},
    problem::{Code, Problem},
};

/// The most requests a second with one key, unless the operator says otherwise.
pub const MAX_REQUEST_RATE: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// The seconds whose requests may come at once.
const BURST_SECONDS: u32 = 10;
/// The most keys, and the most networks, that are counted.
const MOST: usize = 20_000;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The rate of so many requests a second, of which ten seconds' worth may come at once.
pub fn request_rate(times: NonZeroU32) -> Rate {
    Rate { burst: times.saturating_mul(NonZeroU32::new(BURST_SECONDS).unwrap_or(times)), ..Rate::per_second(times) }
}

/// Counts requests by key, and those with unknown keys by network.
#[derive(Debug)]
pub struct RequestRate {
    keys: RateLimit<[u8; 32]>,
    unknown: RateLimit<IpNet>,
    exceeded: Notice,
}

impl RequestRate {
    /// The same rate for each key, and for each network that sends unknown ones.
    pub fn new(rate: Rate, clock: &Arc<dyn Clock>) -> Self {
        Self {
            keys: RateLimit::new("requests of API keys", rate, MOST, Arc::clone(clock)),
            unknown: RateLimit::new("unknown API keys", rate, MOST, Arc::clone(clock)),
            exceeded: Notice::default(),
        }
    }

    /// Counts a request whose key is not known.
    ///
    /// # Errors
    /// Too many such requests came from the network of this client.
    pub fn count_unknown(&self, client: ClientAddress) -> Result<(), Problem> {
        self.unknown.take(client.household()).map(drop).map_err(|_| self.refuse())
    }

    fn refuse(&self) -> Problem {
        if let Some(times) = self.exceeded.due() {
            tracing::warn!(times, "refused requests of the API: see --max-request-rate");
        }
        let detail = "Too many requests came in a short time. Wait as long as Retry-After says, and send it again.";
        Problem::new(Code::TooManyRequests, detail)
    }
}

/// Counts a request by its key, in the span of the request. One without a key is refused soon enough.
pub async fn count(State(api): State<Api>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("no operation", MatchedPath::as_str);
    let span = security_log::span(route, request.extensions());
    count_within(&api, request, next).instrument(span).await
}

async fn count_within(api: &Api, request: Request, next: Next) -> Response {
    let Some(key) = bearer(request.headers()).map(|key| Sha256::digest(key).into()) else {
        return next.run(request).await;
    };
    let requests = api.requests();
    match requests.keys.take(key) {
        Ok(allowance) => {
            let mut response = next.run(request).await;
            tell(response.headers_mut(), requests.keys.rate(), allowance);
            response
        }
        Err(wait) => {
            let mut response = requests.refuse().into_response();
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
            tell(headers, requests.keys.rate(), Allowance { remaining: 0, full_after: requests.keys.rate().window() });
            response
        }
    }
}

/// Tells the limit, and what is left of it: `q` requests within `w` seconds, of which `r` are
/// left, and all of them again after `t` seconds.
fn tell(headers: &mut HeaderMap, rate: Rate, allowance: Allowance) {
    let Allowance { remaining, full_after } = allowance;
    let policy = format!("\"key\";q={};w={}", rate.burst, seconds(rate.window()));
    let left = format!("\"key\";r={remaining};t={}", seconds(full_after));
    for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

/// Whole seconds, not less than the time.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;

    use super::*;
    use crate::testing::{TestApi, event};

    const ACCOUNT: &str = "/v1/accounts/acme";

    #[tokio::test]
    async fn a_key_is_told_what_is_left_and_then_to_wait_while_others_and_events_go_on() {
        let api = TestApi::with_request_rate(Rate::new(3, Duration::from_secs(20))).await;
        let neighbour = api.with_key_of(api.other).await;
        for left in ["\"key\";r=2;t=20", "\"key\";r=1;t=40", "\"key\";r=0;t=60"] {
            let answer = api.get(ACCOUNT).await;
            assert_eq!((answer.status, &answer.headers[RATE_LIMIT]), (StatusCode::OK, &HeaderValue::from_static(left)));
            assert_eq!(answer.headers[RATE_LIMIT_POLICY], "\"key\";q=3;w=60");
        }
        let refused = api.get(ACCOUNT).await;
        assert_eq!(
            (refused.status, &refused.json["code"]),
            (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_requests"))
        );
        assert_eq!(
            (&refused.headers[header::RETRY_AFTER], &refused.headers[RATE_LIMIT]),
            (&HeaderValue::from(20), &HeaderValue::from_static("\"key\";r=0;t=60"))
        );
        assert_eq!(neighbour.get("/v1/accounts/other").await.status, StatusCode::OK);
        let sent = api.post("/v1/events", &event()).await;
        assert_eq!(sent.status, StatusCode::ACCEPTED, "events are counted by account");
        api.clock.advance(Duration::from_secs(20));
        assert_eq!(api.get(ACCOUNT).await.status, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_network_that_tries_keys_is_told_to_wait() {
        let api = TestApi::with_request_rate(Rate::new(3, Duration::from_secs(20))).await;
        let mut statuses = Vec::new();
        for number in 0..5 {
            statuses.push(api.with_authorization(&format!("Bearer sk_{number}")).get(ACCOUNT).await.status.as_u16());
        }
        assert_eq!(statuses, [401, 401, 401, 429, 429]);
        assert_eq!(api.get(ACCOUNT).await.status, StatusCode::OK, "a key that is known is not concerned");
    }
}
