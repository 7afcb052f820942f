//! Endpoints at which a claim has found something a moment ago.
//!
//! On PostgreSQL a claim leaves the queue of such an endpoint as it is, due: a row that changes
//! with each claim would make all look-ups dearer while somebody holds a snapshot. The queue of
//! another endpoint moves on at once, which costs one claim instead of two.

use std::{collections::HashSet, mem, time::Duration};

use signet_model::EndpointId;
use tokio::time::Instant;

/// The time for which an endpoint counts as busy after a claim: once to twice as long.
const TERM: Duration = Duration::from_secs(2);

/// The busy endpoints.
#[derive(Debug)]
pub(crate) struct Busy {
    /// Those of this term, and of the one before.
    current: HashSet<EndpointId>,
    last: HashSet<EndpointId>,
    began: Instant,
}

impl Busy {
    pub(crate) fn new() -> Self {
        Self { current: HashSet::new(), last: HashSet::new(), began: Instant::now() }
    }

    /// Notes endpoints at which a claim has found something.
    pub(super) fn note(&mut self, endpoints: impl Iterator<Item = EndpointId>) {
        let terms = self.began.elapsed().as_secs() / TERM.as_secs();
        if terms > 0 {
            self.last = mem::take(&mut self.current);
            self.began = Instant::now();
        }
        if terms > 1 {
            self.last.clear();
        }
        self.current.extend(endpoints);
    }

    /// Tells whether an endpoint is busy.
    pub(super) fn has(&self, endpoint: EndpointId) -> bool {
        let elapsed = self.began.elapsed();
        let (current, last) = (elapsed < 2 * TERM, elapsed < TERM);
        (current && self.current.contains(&endpoint)) || (last && self.last.contains(&endpoint))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn endpoint(number: u128) -> EndpointId {
        EndpointId::from_uuid(Uuid::from_u128(number))
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_is_busy_for_one_term_to_two() {
        let mut busy = Busy::new();
        busy.note([endpoint(1)].into_iter());
        assert!(busy.has(endpoint(1)) && !busy.has(endpoint(2)));
        tokio::time::advance(TERM).await;
        assert!(busy.has(endpoint(1)), "a term is the least");
        busy.note([endpoint(2)].into_iter());
        assert!(busy.has(endpoint(1)) && busy.has(endpoint(2)));
        tokio::time::advance(TERM).await;
        assert!(!busy.has(endpoint(1)) && busy.has(endpoint(2)), "two are the most");
        tokio::time::advance(TERM).await;
        assert!(!busy.has(endpoint(2)));
        busy.note([endpoint(3)].into_iter());
        assert!(!busy.has(endpoint(2)) && busy.has(endpoint(3)), "what is older than two terms is forgotten");
    }
}
