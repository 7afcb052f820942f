//! One endpoint's lane, and the speed of the endpoint as far as it is known.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use signet_model::{
    AccountId,
    delivery::{Attempt, Failure, Phases},
    endpoint::EndpointUrl,
};
use tokio::time::Instant;

use super::load::{LaneLimits, Load};
use crate::deliver::LeasedDelivery;

/// Deliveries that may wait in one lane behind those under way.
const LANE_DELIVERIES_MAX: usize = 2_048;
/// The same while the speed of the endpoint is unknown.
pub(super) const NEW_LANE_DELIVERIES_MAX: usize = 512;
/// An attempt that takes longer counts as hanging, and its endpoint as not quick.
pub(crate) const HANGS_AFTER: Duration = Duration::from_secs(1);
/// After so many timeouts in a row an endpoint gets one attempt at a time.
const TIMEOUTS_IN_A_ROW_MAX: u32 = 3;

/// The end of one attempt, as its lane sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttemptSummary {
    pub(crate) at: Instant,
    pub(crate) took: Duration,
    pub(crate) result: AttemptResult,
    /// The receiver answered over a connection that stood before.
    pub(crate) answered_over_kept: bool,
}

impl AttemptSummary {
    pub(crate) fn of(attempt: &Attempt, at: Instant, took: Duration) -> Self {
        let answered_over_kept = attempt.response.is_some() && attempt.phases == Phases::NONE;
        Self { at, took, result: AttemptResult::of(attempt), answered_over_kept }
    }
}

/// The result of an attempt, as it tells about the receiver and the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptResult {
    Success,
    /// The receiver answered with another status.
    Refused,
    /// The receiver asked to be left alone for a time.
    AskedToWait,
    /// The receiver did not answer.
    Failed(Failure),
}

impl AttemptResult {
    fn of(attempt: &Attempt) -> Self {
        match attempt.failure {
            _ if attempt.outcome().is_success() => Self::Success,
            Some(failure) => Self::Failed(failure),
            None if attempt.rests_until().is_some() => Self::AskedToWait,
            None => Self::Refused,
        }
    }

    const fn is_timeout(self) -> bool {
        matches!(self, Self::Failed(Failure::Timeout | Failure::ConnectTimeout))
    }
}

/// A limit that lanes share, and the queue in which they wait below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SharedLimit {
    Host,
    Account,
    /// The limit of attempts at endpoints that are not known to be quick.
    Unproven,
    Quick,
}

/// The deliveries in hand for one endpoint, and the speed of the endpoint.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Lane {
    pub(super) account: AccountId,
    pub(super) url: Option<Arc<EndpointUrl>>,
    /// The number of its account's group.
    pub(super) account_group: usize,
    /// The number of its host's group.
    pub(super) host_group: usize,
    pub(super) load: Load,
    pub(super) waiting: VecDeque<LeasedDelivery>,
    pub(super) limited_by: Option<SharedLimit>,
    /// A due delivery was left in the store. Until it has been claimed,
    /// new deliveries line up behind it there.
    pub(super) overflown: bool,
    /// The dispatcher has been told that there is room for it again.
    pub(super) claim_requested: bool,
    /// Used since the eviction last looked at it.
    pub(super) used: bool,
    /// The end of its last attempt.
    pub(super) last: Option<AttemptSummary>,
    /// The instant of its last success.
    pub(super) succeeded_at: Option<Instant>,
    /// The duration of its last attempt, or of the present one so far.
    took: Option<Duration>,
    /// Its last attempts that timed out, one after the other.
    timeouts: u32,
    /// The receiver has asked to be left alone since its last success.
    asked_to_wait: bool,
}

impl Lane {
    pub(super) fn new(
        account: AccountId,
        url: Option<Arc<EndpointUrl>>,
        account_group: usize,
        host_group: usize,
    ) -> Self {
        Self {
            account,
            url,
            account_group,
            host_group,
            load: Load::default(),
            waiting: VecDeque::new(),
            limited_by: None,
            overflown: false,
            claim_requested: false,
            used: true,
            last: None,
            succeeded_at: None,
            took: None,
            timeouts: 0,
            asked_to_wait: false,
        }
    }

    pub(super) fn is_quick(&self) -> bool {
        self.took.is_some_and(|took| took <= HANGS_AFTER)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.load == Load::default() && !self.overflown
    }

    /// Learns from an attempt that has ended.
    pub(super) fn learn(&mut self, ended: AttemptSummary) {
        self.took = Some(ended.took);
        self.timeouts = if ended.result.is_timeout() { self.timeouts.saturating_add(1) } else { 0 };
        self.last = Some(ended);
        match ended.result {
            AttemptResult::Success => (self.succeeded_at, self.asked_to_wait) = (Some(ended.at), false),
            AttemptResult::AskedToWait => self.asked_to_wait = true,
            AttemptResult::Refused | AttemptResult::Failed(_) => {}
        }
    }

    /// Learns that an attempt hangs.
    pub(super) fn learn_hanging(&mut self) {
        self.took = self.took.max(Some(HANGS_AFTER + Duration::from_nanos(1)));
    }

    /// Forgets the speed of an endpoint that has moved.
    pub(super) fn forget(&mut self) {
        (self.took, self.timeouts, self.last, self.succeeded_at) = (None, 0, None, None);
        self.asked_to_wait = false;
    }

    /// Returns the number of attempts that may be under way. After a rest one attempt finds out
    /// whether the receiver takes deliveries again.
    pub(super) fn attempts_max(&self, limits: &LaneLimits) -> usize {
        if self.timeouts >= TIMEOUTS_IN_A_ROW_MAX || self.asked_to_wait { 1 } else { limits.per_endpoint }
    }

    /// Returns the number of slots that may be taken.
    pub(super) fn slots_max(&self, limits: &LaneLimits) -> usize {
        self.attempts_max(limits) + self.waiting_max(limits)
    }

    /// Returns the number of deliveries that may wait behind those under way.
    pub(super) fn waiting_max(&self, limits: &LaneLimits) -> usize {
        match self.took {
            _ if self.asked_to_wait => 0,
            None => NEW_LANE_DELIVERIES_MAX,
            Some(took) if took > HANGS_AFTER => 0,
            Some(took) => {
                let turns = limits.wait_max.as_micros() / took.as_micros().max(1);
                usize::try_from(turns)
                    .unwrap_or(LANE_DELIVERIES_MAX)
                    .saturating_mul(limits.per_endpoint)
                    .min(LANE_DELIVERIES_MAX)
            }
        }
    }

    /// Returns the number of slots beyond which no more is claimed: at a quick endpoint half
    /// of the waiting ones, so that its retries do not wait for ever behind new events.
    pub(super) fn enough(&self, limits: &LaneLimits) -> usize {
        self.attempts_max(limits) + if self.is_quick() { self.waiting_max(limits) / 2 } else { 0 }
    }
}
