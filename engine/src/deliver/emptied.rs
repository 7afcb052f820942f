//! Endpoints at which a claim has just left nothing due.
//!
//! On PostgreSQL their queues look due for a while, since a row that changes with each claim would
//! make all look-ups dearer while somebody holds a snapshot. A process leaves them alone for a
//! moment; a lane that has room for what came in since requests a claim by itself.

use std::{collections::HashMap, time::Duration};

use signet_model::EndpointId;
use tokio::time::Instant;

use super::Address;

/// The time for which a pass leaves such an endpoint alone.
const REST: Duration = Duration::from_millis(500);

/// The endpoints that passes leave alone, and until when.
#[derive(Debug, Default)]
pub(super) struct Emptied(HashMap<EndpointId, Instant>);

impl Emptied {
    /// Notes endpoints at which a claim has left nothing due.
    pub(super) fn note(&mut self, endpoints: Vec<EndpointId>) {
        let until = Instant::now() + REST;
        self.0.extend(endpoints.into_iter().map(|endpoint| (endpoint, until)));
    }

    /// Forgets those whose time is over.
    pub(super) fn forget_old(&mut self) {
        let now = Instant::now();
        self.0.retain(|_, until| *until > now);
    }

    /// Tells whether a pass looks at an endpoint.
    pub(super) fn lets(&self, (_, endpoint): &Address) -> bool {
        !self.0.contains_key(endpoint)
    }

    /// Returns the time until the next endpoint is looked at again.
    pub(super) fn until_next(&self) -> Option<Duration> {
        let now = Instant::now();
        self.0.values().min().map(|until| until.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use signet_model::AccountId;
    use uuid::Uuid;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_is_left_alone_for_half_a_second() {
        let endpoint = |number| EndpointId::from_uuid(Uuid::from_u128(number));
        let address = |number| (AccountId::from_uuid(Uuid::nil()), endpoint(number));
        let mut emptied = Emptied::default();
        assert_eq!(emptied.until_next(), None);
        emptied.note(vec![endpoint(1)]);
        tokio::time::advance(Duration::from_millis(300)).await;
        emptied.note(vec![endpoint(2)]);
        emptied.forget_old();
        assert_eq!([1, 2, 3].map(|number| emptied.lets(&address(number))), [false, false, true]);
        assert_eq!(emptied.until_next(), Some(Duration::from_millis(200)));
        tokio::time::advance(Duration::from_millis(200)).await;
        emptied.forget_old();
        assert_eq!([1, 2, 3].map(|number| emptied.lets(&address(number))), [true, false, true]);
    }
}
