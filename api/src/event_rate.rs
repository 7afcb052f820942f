//! The rate at which events of one account are taken in.

use std::{num::NonZeroU32, sync::Arc};

use signet_engine::{
    limits::{Rate, RateLimit},
    notice::Notice,
};
use signet_model::{AccountId, time::Clock};

use super::{Code, Problem};

/// The most accounts for which events are counted. Accounts that have used up the most of
/// their second are forgotten last.
const MOST: usize = 50_000;

/// The most events a second of one account, unless the operator says otherwise.
pub const MAX_EVENT_RATE: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// Counts the events of each account.
#[derive(Debug)]
pub struct EventRate {
    limit: RateLimit<AccountId>,
    exceeded: Notice,
}

impl EventRate {
    /// The same rate for each account.
    pub fn new(rate: Rate, clock: Arc<dyn Clock>) -> Self {
        Self { limit: RateLimit::new("events of accounts", rate, MOST, clock), exceeded: Notice::default() }
    }

    /// Counts one more event of an account.
    ///
    /// # Errors
    /// The account has sent too many events in the last second.
    pub fn count(&self, account: AccountId) -> Result<(), Problem> {
        self.limit.take(account).map(drop).map_err(|_| {
            if let Some(times) = self.exceeded.due() {
                tracing::warn!(%account, times, "refused events: see --max-event-rate");
            }
            let detail = "This account sends more events a second than it may. Send this one again a little later.";
            Problem::new(Code::TooManyEvents, detail)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::{StatusCode, header};
    use serde_json::json;

    use super::*;
    use crate::{
        problem::RETRY_AFTER,
        testing::{TestApi, event},
    };

    #[tokio::test]
    async fn an_account_that_sends_too_many_events_is_to_come_back_and_the_others_are_not_concerned() {
        let api = TestApi::with_event_rate(Rate::new(3, Duration::from_hours(1))).await;
        let neighbour = api.with_key_of(api.other).await;
        let batch = api.post("/v1/events/batch", &json!([event(), event(), event(), event(), event()])).await;
        let errors: Vec<_> = (0..5).map(|place| &batch.json["results"][place]["error"]["code"]).collect();
        let (taken, refused) = (json!(null), json!("too_many_events"));
        assert_eq!(errors, [&taken, &taken, &taken, &refused, &refused]);
        assert_eq!((batch.status, &batch.headers[header::RETRY_AFTER]), (StatusCode::ACCEPTED, &RETRY_AFTER));
        for refused in [
            api.post("/v1/events", &event()).await,
            api.post("/v1/events/batch", &json!([event()])).await,
            api.put("/v1/accounts/acme/balance", &json!({"balance": 1})).await,
        ] {
            assert_eq!(
                (refused.status, refused.json["code"].as_str()),
                (StatusCode::TOO_MANY_REQUESTS, Some("too_many_events"))
            );
            assert_eq!(refused.headers[header::RETRY_AFTER], RETRY_AFTER);
        }
        assert_eq!(neighbour.post("/v1/events", &event()).await.status, StatusCode::ACCEPTED);
    }
}
