//! One endpoint's lane, and what is known of the endpoint's pace.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use signet_model::{
    AccountId,
    delivery::{Attempt, Failure},
    endpoint::EndpointUrl,
};
use tokio::time::Instant;

use super::load::{Limits, Load};
use crate::deliver::Ready;

/// The most deliveries that wait in one lane behind those under way.
const WAITING: usize = 2_048;
/// The most while nothing is known of the endpoint.
pub(super) const WAITING_AT_FIRST: usize = 512;
/// An attempt that takes longer hangs, and its endpoint is not quick.
pub(crate) const SLOW: Duration = Duration::from_secs(1);
/// An endpoint whose last attempts all timed out, so many of them, gets one at a time.
const LOST: u32 = 3;

/// How one attempt ended, as its lane sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) at: Instant,
    pub(crate) took: Duration,
    pub(crate) result: AttemptResult,
}

/// What an attempt says about the receiver and the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptResult {
    Success,
    /// The receiver answered something else.
    Refused,
    /// There was no answer.
    Failed(Failure),
}

impl AttemptResult {
    pub(crate) fn of(attempt: &Attempt) -> Self {
        match attempt.failure {
            _ if attempt.outcome().is_success() => Self::Success,
            Some(failure) => Self::Failed(failure),
            None => Self::Refused,
        }
    }

    const fn is_timeout(self) -> bool {
        matches!(self, Self::Failed(Failure::Timeout | Failure::ConnectTimeout))
    }
}

/// A limit that lanes share, and the line in which they wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    Host,
    Account,
    /// For the attempts that endpoints have which are not known to be quick.
    Unproven,
    Quick,
}

/// What this process has in hand for one endpoint, and knows of it.
pub(super) struct Lane {
    pub(super) account: AccountId,
    pub(super) url: Option<Arc<EndpointUrl>>,
    /// The number of its account's group.
    pub(super) account_group: usize,
    /// The number of its host's group.
    pub(super) host_group: usize,
    pub(super) load: Load,
    pub(super) waiting: VecDeque<Ready>,
    pub(super) waits_for: Option<Shared>,
    /// Something that is due was left in the store. Until it has been claimed,
    /// new deliveries line up behind it there.
    pub(super) overflown: bool,
    /// The dispatcher has been told that there is room for it again.
    pub(super) called: bool,
    /// Used since the eviction of idle lanes last came past it.
    pub(super) used: bool,
    /// How its last attempt ended.
    pub(super) last: Option<Ended>,
    /// When an attempt last succeeded.
    pub(super) succeeded_at: Option<Instant>,
    /// How long its last attempt took, or has taken so far.
    took: Option<Duration>,
    /// How many of its last attempts timed out, one after the other.
    timeouts: u32,
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
            waits_for: None,
            overflown: false,
            called: false,
            used: true,
            last: None,
            succeeded_at: None,
            took: None,
            timeouts: 0,
        }
    }

    pub(super) fn is_quick(&self) -> bool {
        self.took.is_some_and(|took| took <= SLOW)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.load == Load::default() && !self.overflown
    }

    /// Learns from an attempt that has ended.
    pub(super) fn learn(&mut self, ended: Ended) {
        self.took = Some(ended.took);
        self.timeouts = if ended.result.is_timeout() { self.timeouts.saturating_add(1) } else { 0 };
        self.last = Some(ended);
        if ended.result == AttemptResult::Success {
            self.succeeded_at = Some(ended.at);
        }
    }

    /// Learns that an attempt hangs.
    pub(super) fn learn_hanging(&mut self) {
        self.took = self.took.max(Some(SLOW + Duration::from_nanos(1)));
    }

    /// Forgets what it knows: the endpoint has moved.
    pub(super) fn forget(&mut self) {
        (self.took, self.timeouts, self.last, self.succeeded_at) = (None, 0, None, None);
    }

    /// How many attempts it may have under way.
    pub(super) fn attempts_max(&self, limits: &Limits) -> usize {
        if self.timeouts >= LOST { 1 } else { limits.per_endpoint }
    }

    /// How many places it may have.
    pub(super) fn places_max(&self, limits: &Limits) -> usize {
        self.attempts_max(limits) + self.waiting_max(limits)
    }

    /// How many deliveries may wait behind those under way.
    pub(super) fn waiting_max(&self, limits: &Limits) -> usize {
        match self.took {
            None => WAITING_AT_FIRST,
            Some(took) if took > SLOW => 0,
            Some(took) => {
                let turns = limits.patience.as_micros() / took.as_micros().max(1);
                usize::try_from(turns).unwrap_or(WAITING).saturating_mul(limits.per_endpoint).min(WAITING)
            }
        }
    }

    /// How much in hand is enough not to claim more: at a quick endpoint half of what
    /// may be, so that its retries do not wait for ever behind new events.
    pub(super) fn enough(&self, limits: &Limits) -> usize {
        self.attempts_max(limits) + if self.is_quick() { self.waiting_max(limits) / 2 } else { 0 }
    }
}
