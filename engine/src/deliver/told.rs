//! The endpoints of which this process has told not long ago, so that it does not ask the store
//! each time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use signet_model::EndpointId;
use tokio::time::Instant;

/// The time for which an endpoint is remembered.
const REMEMBERED: Duration = Duration::from_mins(10);
/// The most endpoints that are remembered. Of others the store is asked each time.
const REMEMBERED_MAX: usize = 10_000;

/// Endpoints, each with the instant at which it was told of.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashMap<EndpointId, Instant>>);

impl Told {
    pub(super) fn has(&self, endpoint: EndpointId) -> bool {
        self.lock().get(&endpoint).is_some_and(|at| at.elapsed() < REMEMBERED)
    }

    pub(super) fn add(&self, endpoints: impl IntoIterator<Item = EndpointId>) {
        let (mut told, now) = (self.lock(), Instant::now());
        for endpoint in endpoints {
            if told.len() >= REMEMBERED_MAX {
                told.retain(|_, at| at.elapsed() < REMEMBERED);
            }
            if told.len() < REMEMBERED_MAX {
                told.insert(endpoint, now);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
