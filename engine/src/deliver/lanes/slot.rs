//! A place in a lane, and the lease of the delivery that has it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp};

use super::Lanes;
use crate::queue::Lease;

/// A lease, and when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leased {
    pub(crate) lease: Lease,
    pub(crate) until: Timestamp,
}

/// How often a delivery was attempted before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) attempts: i32,
    /// Those that failed in this round.
    pub(crate) failures: i32,
}

/// What the lanes know of a delivery in hand.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) leased: Leased,
    pub(super) count: Count,
    /// Its turn is over, and the outcome is with the writer.
    pub(super) is_over: bool,
}

/// Whose limits a place counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Lane,
    /// Tests have places of their own.
    Test(AccountId),
}

/// A place for one delivery. It is given back when its turn is over ([`Place::vacate`]) or
/// when this is dropped; until it is dropped, a claim that gets the same delivery only
/// renews its lease.
pub(crate) struct Place {
    lanes: Arc<Lanes>,
    pub(super) endpoint: EndpointId,
    pub(super) kind: Kind,
    /// The bytes of its delivery's body.
    bytes: usize,
    is_vacant: bool,
    held: Option<(DeliveryId, Arc<Mutex<Held>>)>,
}

impl Place {
    pub(super) fn new(lanes: &Arc<Lanes>, endpoint: EndpointId, kind: Kind, bytes: usize) -> Self {
        Self { lanes: Arc::clone(lanes), endpoint, kind, bytes, is_vacant: false, held: None }
    }

    /// A place for a delivery that is being stored.
    pub(super) fn holding(mut self, delivery: DeliveryId, held: Arc<Mutex<Held>>) -> Self {
        self.held = Some((delivery, held));
        self
    }

    /// Takes in a delivery that was claimed for this place. `false` if this process has
    /// it in hand already: that one has the new lease then. (Where it was attempted
    /// elsewhere since, what is in hand is out of date, and stays without a lease.)
    pub(crate) fn hold(&mut self, delivery: DeliveryId, leased: Leased, count: Count, bytes: usize) -> bool {
        let mut state = self.lanes.state();
        if let Some(held) = state.in_hand.get(&delivery)
            && lock(held).count == count
        {
            lock(held).leased = leased;
            return false;
        }
        let held = state.hold(delivery, leased, count);
        state.change(self.endpoint, |lane| lane.load.bytes += bytes);
        drop(state);
        (self.bytes, self.held) = (bytes, Some((delivery, held)));
        true
    }

    /// The newest lease of its delivery.
    pub(crate) fn leased(&self) -> Option<Leased> {
        self.held.as_ref().map(|(_, held)| lock(held).leased)
    }

    /// Gives the place back. The outcome of its delivery is yet to be recorded.
    pub(crate) fn vacate(&mut self) {
        if let Some((_, held)) = &self.held {
            lock(held).is_over = true;
        }
        if !std::mem::replace(&mut self.is_vacant, true) {
            self.lanes.give_back(self.endpoint, self.kind, self.bytes);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.vacate();
        if let Some((delivery, held)) = &self.held {
            self.lanes.state().let_go(*delivery, held);
        }
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("endpoint", &self.endpoint).field("held", &self.held).finish_non_exhaustive()
    }
}

pub(super) fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
