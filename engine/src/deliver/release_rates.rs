//! Keeps a release at its rate after a downtime.
//!
//! Released deliveries fall due one after the other, so that claims take them at the
//! release rate by themselves. After a downtime, all that fell due meanwhile is due at once.
//! A process that finds an endpoint with a release of another process claims no more there
//! than the rate allows since it found it, until it has caught up. Backlogs without a
//! release, and those that grew while this process ran, are not slowed down.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use const_format::formatcp;
use signet_model::{EndpointId, Timestamp};

use super::{Address, Context, endpoint_cache::Snapshot};
use crate::{
    db::{Result, Sql},
    queue::BEHIND_FINISHED,
};

/// The first due time at an endpoint (`$1`, `$2`).
const FIRST_DUE: Sql = Sql {
    sqlite: "SELECT min(due_at) FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending'",
    postgres: formatcp!(
        "SELECT min(due_at) FROM deliveries
         WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending' {BEHIND_FINISHED}"
    ),
};

/// The rate of claims at one endpoint.
#[derive(Debug, Clone, Copy)]
enum Rate {
    /// The release rate counts from `since`, with `claimed` deliveries so far.
    Limited {
        since: Timestamp,
        claimed: u64,
    },
    Free,
}

/// The endpoints with a release that this process has found.
#[derive(Debug, Default)]
pub(crate) struct ReleaseRates(Mutex<HashMap<EndpointId, Rate>>);

/// The deliveries that may be claimed at endpoints whose release is late.
pub(crate) type ClaimLimits = HashMap<EndpointId, usize>;

impl ReleaseRates {
    /// Forgets since when each rate counts: the clock was set back.
    pub(super) fn forget(&self) {
        self.all().clear();
    }

    /// Notes a release of this process, which is on time.
    pub(crate) fn release(&self, endpoint: EndpointId) {
        self.all().insert(endpoint, Rate::Free);
    }

    /// Returns the deliveries that may be claimed now at endpoints whose release is late.
    pub(crate) async fn limits(
        &self,
        context: &Context,
        due: &[Address],
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<ClaimLimits> {
        let mut limits = ClaimLimits::new();
        for &(account, endpoint) in due {
            let Some(until) = snapshot.endpoint(account, endpoint).and_then(|view| view.released_until) else {
                continue;
            };
            if matches!(self.all().get(&endpoint), Some(Rate::Free)) {
                continue;
            }
            let mut conn = context.queue.look_up().await?;
            let first: Option<Timestamp> = conn.query(FIRST_DUE).bind(account).bind(endpoint).fetch_value().await?;
            if first > Some(until) {
                self.release(endpoint);
            } else {
                limits.insert(endpoint, self.limit(endpoint, now, context.settings.release_rate));
            }
        }
        Ok(limits)
    }

    fn limit(&self, endpoint: EndpointId, now: Timestamp, rate: u32) -> usize {
        match self.all().entry(endpoint).or_insert(Rate::Limited { since: now, claimed: 0 }) {
            Rate::Free => usize::MAX,
            Rate::Limited { since, claimed } => {
                let allowed = 1 + now.since(*since).as_micros() * u128::from(rate) / Duration::from_secs(1).as_micros();
                usize::try_from(allowed.saturating_sub(u128::from(*claimed))).unwrap_or(usize::MAX)
            }
        }
    }

    /// Notes a claim of up to `deliveries_max`. A claim that left none due has caught up.
    pub(crate) fn claimed(&self, endpoint: EndpointId, deliveries_max: usize, is_left: bool) {
        if let Some(pace) = self.all().get_mut(&endpoint)
            && let Rate::Limited { claimed, .. } = pace
        {
            *claimed += deliveries_max as u64;
            if deliveries_max > 0 && !is_left {
                *pace = Rate::Free;
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<EndpointId, Rate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
