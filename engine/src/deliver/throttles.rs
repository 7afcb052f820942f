//! The throttles of endpoints, as far as this process remembers them.
//!
//! The schedule of a throttled endpoint is stored: `endpoints.throttled_until` is its next
//! regular start, and a claim, which holds the endpoint's queue locked, takes no more
//! deliveries than may start by then. After the claim the queue is due when the next ones may
//! start. So all processes on one database keep one schedule, no slot is held by a delivery
//! that waits for its start, and a backlog is looked at a few times a second, however long.
//!
//! A process that has just claimed knows that instant. New deliveries, which are never
//! attempted before they are claimed, do not make the queue due before it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use signet_model::{EndpointId, Timestamp};

/// Endpoints that are remembered. Beyond that those whose instant has passed are forgotten.
const ENDPOINTS_MAX: usize = 10_000;

/// The instants at which claims look at throttled endpoints again.
#[derive(Debug, Default)]
pub(crate) struct Throttles(Mutex<HashMap<EndpointId, Timestamp>>);

impl Throttles {
    /// Returns the instant at which a claim can take a delivery that is due now.
    pub(crate) fn next_look(&self, endpoint: EndpointId, now: Timestamp) -> Timestamp {
        self.all().get(&endpoint).map_or(now, |&at| at.max(now))
    }

    /// Notes the instants at which claims look again.
    pub(crate) fn claimed(&self, look_again: HashMap<EndpointId, Timestamp>, now: Timestamp) {
        if look_again.is_empty() {
            return;
        }
        let mut all = self.all();
        if all.len() + look_again.len() > ENDPOINTS_MAX {
            all.retain(|_, at| *at > now);
        }
        all.extend(look_again);
    }

    /// Forgets all instants: the clock was set back.
    pub(super) fn forget(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, HashMap<EndpointId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
