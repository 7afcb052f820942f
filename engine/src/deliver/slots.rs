//! How many attempts may be under way, all in all and at one endpoint.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use signet_model::EndpointId;
use tokio::sync::Notify;

/// Counts the attempts under way.
#[derive(Debug)]
pub(crate) struct Slots {
    per_endpoint: usize,
    state: Mutex<State>,
    /// Told when a slot comes free that somebody could not have before.
    pub(crate) freed: Notify,
}

#[derive(Debug)]
struct State {
    free: usize,
    busy: HashMap<EndpointId, usize>,
    /// Somebody asked for a slot in vain: what they wanted to send waits in the store.
    starved: bool,
}

/// The right to make one attempt at one endpoint; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    endpoint: EndpointId,
}

impl Slots {
    pub(crate) fn new(total: usize, per_endpoint: usize) -> Arc<Self> {
        Arc::new(Self {
            per_endpoint,
            state: Mutex::new(State { free: total, busy: HashMap::new(), starved: false }),
            freed: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot at this endpoint, unless it or the process is at its limit.
    pub(crate) fn reserve(self: &Arc<Self>, endpoint: EndpointId) -> Option<Slot> {
        let mut state = self.state();
        let busy = state.busy.get(&endpoint).copied().unwrap_or(0);
        if state.free == 0 || busy >= self.per_endpoint {
            state.starved = true;
            return None;
        }
        state.free -= 1;
        state.busy.insert(endpoint, busy + 1);
        Some(Slot { slots: Arc::clone(self), endpoint })
    }

    /// As many slots at this endpoint as can be had, up to `most`.
    pub(crate) fn reserve_up_to(self: &Arc<Self>, endpoint: EndpointId, most: usize) -> Vec<Slot> {
        std::iter::from_fn(|| self.reserve(endpoint)).take(most).collect()
    }

    /// How many slots the process has left.
    pub(crate) fn free(&self) -> usize {
        let mut state = self.state();
        state.starved |= state.free == 0;
        state.free
    }

    /// The endpoints that are at their limit.
    pub(crate) fn saturated(&self) -> Vec<EndpointId> {
        let mut state = self.state();
        let full: Vec<_> =
            state.busy.iter().filter(|&(_, &busy)| busy >= self.per_endpoint).map(|(&endpoint, _)| endpoint).collect();
        state.starved |= !full.is_empty();
        full
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.slots.state();
        state.free += 1;
        if let Some(busy) = state.busy.get_mut(&self.endpoint) {
            *busy -= 1;
            if *busy == 0 {
                state.busy.remove(&self.endpoint);
            }
        }
        if std::mem::take(&mut state.starved) {
            drop(state);
            self.slots.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use signet_model::Timestamp;

    use super::*;

    fn endpoint(byte: u8) -> EndpointId {
        EndpointId::new(Timestamp::from_unix_seconds(1), [byte; 10])
    }

    #[test]
    fn an_endpoint_at_its_limit_leaves_slots_for_others() {
        let slots = Slots::new(3, 2);
        let held = slots.reserve_up_to(endpoint(1), 9);
        assert_eq!(held.len(), 2);
        assert_eq!(slots.saturated(), [endpoint(1)]);
        let other = slots.reserve(endpoint(2));
        assert!(other.is_some() && slots.reserve(endpoint(3)).is_none());
        drop(held);
        assert_eq!((slots.free(), slots.saturated()), (2, vec![]));
    }

    #[tokio::test]
    async fn a_freed_slot_is_told_to_who_asked_in_vain() {
        let slots = Slots::new(1, 1);
        let slot = slots.reserve(endpoint(1));
        assert!(slots.reserve(endpoint(1)).is_none());
        drop(slot);
        slots.freed.notified().await;
    }
}
