//! What is left of a release goes out at its pace, also when it is late.
//!
//! What is released is due in its turn, and so claims take it at the release rate by
//! themselves. After a downtime, all that fell due meanwhile is due at once. Where a
//! process finds an endpoint with a release that it has not made itself, it claims no
//! more there than the rate allows since then, until it has caught up. A backlog of an
//! endpoint without a release, or that grew while this process ran, is not held back.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use signet_model::{EndpointId, Timestamp};

use super::{Address, endpoint_cache::Views};
use crate::{
    engine::Parts,
    store::{Result, look_up},
};

/// The first instant at which something is due at an endpoint (`$1`, `$2`).
const FIRST_DUE: &str =
    "SELECT min(due_at) FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending'";

/// How fast claims may be at one endpoint.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// So many have been claimed since an instant.
    Limited {
        since: Timestamp,
        claimed: u64,
    },
    Free,
}

/// The endpoints that have a release, as far as this process has come to them.
#[derive(Debug, Default)]
pub(crate) struct Paces(Mutex<HashMap<EndpointId, Pace>>);

/// How many deliveries may be claimed at endpoints at which the rate decides.
pub(crate) type Limits = HashMap<EndpointId, usize>;

impl Paces {
    /// This process releases: what is due in its turn is claimed in its turn.
    pub(crate) fn release(&self, endpoint: EndpointId) {
        self.all().insert(endpoint, Pace::Free);
    }

    /// How many may be claimed now where a release is late.
    pub(crate) async fn limits(
        &self,
        engine: &Parts,
        due: &[Address],
        views: &Views,
        now: Timestamp,
    ) -> Result<Limits> {
        let mut limits = Limits::new();
        for &(account, endpoint) in due {
            let Some(until) = views.endpoint(account, endpoint).and_then(|view| view.released_until) else { continue };
            if matches!(self.all().get(&endpoint), Some(Pace::Free)) {
                continue;
            }
            let first: Option<Timestamp> = look_up!(&engine.db, lookups, |conn| sqlx::query_scalar(FIRST_DUE)
                .bind(account)
                .bind(endpoint)
                .fetch_one(&mut *conn)
                .await?);
            if first > Some(until) {
                self.release(endpoint);
            } else {
                limits.insert(endpoint, self.limit(endpoint, now, engine.settings.release_rate));
            }
        }
        Ok(limits)
    }

    fn limit(&self, endpoint: EndpointId, now: Timestamp, rate: u32) -> usize {
        match self.all().entry(endpoint).or_insert(Pace::Limited { since: now, claimed: 0 }) {
            Pace::Free => usize::MAX,
            Pace::Limited { since, claimed } => {
                let turns = 1 + now.since(*since).as_micros() * u128::from(rate) / Duration::from_secs(1).as_micros();
                usize::try_from(turns.saturating_sub(u128::from(*claimed))).unwrap_or(usize::MAX)
            }
        }
    }

    /// So many might have been claimed; all of them were if something is left.
    pub(crate) fn claimed(&self, endpoint: EndpointId, most: usize, is_left: bool) {
        if let Some(pace) = self.all().get_mut(&endpoint)
            && let Pace::Limited { claimed, .. } = pace
        {
            *claimed += most as u64;
            if most > 0 && !is_left {
                *pace = Pace::Free;
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<EndpointId, Pace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
