//! Tells a fault of the way to all receivers from faults of the receivers.

use std::time::Duration;

use signet_model::delivery::Failure;
use tokio::time::Instant;

use super::{AttemptResult, Lanes, lane::Lane, state::State};

/// Attempts that ended in this time before the present count.
const RECENT: Duration = Duration::from_mins(1);
/// The number of endpoints that must fail alike, and their part of those attempted lately.
const ALIKE_ENDPOINTS_MIN: usize = 10;
const ALIKE_PERCENT_MIN: usize = 80;

/// The log reports an outage once in this time.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);

impl Lanes {
    /// Tells whether endpoints that fail in this way stay enabled, and reports that in the
    /// log. A round of retries takes as long as `round`.
    pub(crate) fn suspends_disabling(&self, failure: Failure, round: Duration) -> bool {
        let suspends = self.most_fail_alike(failure, round);
        if suspends && self.state().is_report_due(Instant::now()) {
            tracing::error!(
                failure = failure.as_str(),
                "most webhooks that worked before fail alike; none is disabled, and their last retry is repeated"
            );
        }
        suspends
    }

    /// Tells whether most endpoints that were attempted lately fail in this way. Endpoints
    /// count if they worked a round of retries ago, when the deliveries that exhaust their
    /// retries now began to fail.
    pub(super) fn most_fail_alike(&self, failure: Failure, round: Duration) -> bool {
        let now = Instant::now();
        let state = self.state();
        let worked = |lane: &&Lane| lane.succeeded_at.is_some_and(|at| now.duration_since(at) <= 2 * round + RECENT);
        let lately = state.lanes.values().filter(worked).filter_map(|lane| lane.last);
        let (mut alike, mut all) = (0, 0);
        for ended in lately.filter(|ended| now.duration_since(ended.at) <= RECENT) {
            all += 1;
            alike += usize::from(ended.result == AttemptResult::Failed(failure));
        }
        alike >= ALIKE_ENDPOINTS_MIN && alike * 100 >= all * ALIKE_PERCENT_MIN
    }
}

impl State {
    fn is_report_due(&mut self, now: Instant) -> bool {
        let is_due = self.outage_reported_at.is_none_or(|at| now.duration_since(at) >= REPORT_INTERVAL);
        if is_due {
            self.outage_reported_at = Some(now);
        }
        is_due
    }
}
