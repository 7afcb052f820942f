//! Whether the receivers fail, or the way to them.

use std::time::Duration;

use signet_model::delivery::Failure;
use tokio::time::Instant;

use super::{AttemptResult, Lanes, lane::Lane, state::State};

/// Attempts that ended this long ago tell what is going on.
const LATELY: Duration = Duration::from_mins(1);
/// How many endpoints must fail alike, and what part of those that were attempted lately.
const ALIKE_MIN: usize = 10;
const ALIKE_PERCENT: usize = 80;

/// How often the log says that disabling rests.
const SAID_EVERY: Duration = Duration::from_mins(1);

impl Lanes {
    /// Whether no endpoint is disabled for failing in this way, and tells the operator so.
    /// A round of retries takes so long.
    pub(crate) fn disabling_rests(&self, failure: Failure, round: Duration) -> bool {
        let rests = self.most_fail_alike(failure, round);
        if rests && self.state().rest_is_news(Instant::now()) {
            tracing::error!(
                failure = failure.as_str(),
                "most webhooks that worked before fail alike; none is disabled, and their last retry is repeated"
            );
        }
        rests
    }

    /// Whether most endpoints that were attempted lately, and worked a round of retries ago,
    /// when the first of those began that fail for good now, fail in this way.
    pub(super) fn most_fail_alike(&self, failure: Failure, round: Duration) -> bool {
        let now = Instant::now();
        let state = self.state();
        let worked = |lane: &&Lane| lane.succeeded_at.is_some_and(|at| now.duration_since(at) <= 2 * round + LATELY);
        let lately = state.lanes.values().filter(worked).filter_map(|lane| lane.last);
        let (mut alike, mut all) = (0, 0);
        for ended in lately.filter(|ended| now.duration_since(ended.at) <= LATELY) {
            all += 1;
            alike += usize::from(ended.result == AttemptResult::Failed(failure));
        }
        alike >= ALIKE_MIN && alike * 100 >= all * ALIKE_PERCENT
    }
}

impl State {
    fn rest_is_news(&mut self, now: Instant) -> bool {
        let news = self.rest_said_at.is_none_or(|at| now.duration_since(at) >= SAID_EVERY);
        if news {
            self.rest_said_at = Some(now);
        }
        news
    }
}
