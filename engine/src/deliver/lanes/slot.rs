//! A slot in a lane, and the lease of its delivery.

use std::{fmt, sync::Arc, time::Duration};

use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp};

use super::Lanes;
use crate::{deliver::clock_watch::STEP_MIN, queue::Lease};

/// A lease, and when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leased {
    pub(crate) lease: Lease,
    pub(crate) until: Timestamp,
}

/// Tells whether a lease that ends then was given before the clock was set back: no other one
/// lasts longer than a lease.
pub(crate) fn is_from_before(until: Timestamp, now: Timestamp, lease: Duration) -> bool {
    until.since(now) > lease + STEP_MIN
}

/// The limits that a slot counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Lane,
    /// Tests have slots of their own.
    Test(AccountId),
}

/// A slot for one delivery. [`LaneSlot::vacate`] or dropping it frees the slot for another
/// delivery. Until it is dropped this process has its delivery in hand, and claims none at
/// the endpoint once the lease has run out.
pub(crate) struct LaneSlot {
    lanes: Arc<Lanes>,
    pub(super) endpoint: EndpointId,
    pub(super) kind: Kind,
    /// The length of the delivery's body.
    body_len: usize,
    is_vacant: bool,
    in_hand: Option<(DeliveryId, Leased)>,
}

impl LaneSlot {
    pub(super) fn new(lanes: &Arc<Lanes>, endpoint: EndpointId, kind: Kind, body_len: usize) -> Self {
        Self { lanes: Arc::clone(lanes), endpoint, kind, body_len, is_vacant: false, in_hand: None }
    }

    /// Puts a delivery into the slot that is being stored, and that the lanes have in hand.
    pub(super) fn holding(mut self, delivery: DeliveryId, leased: Leased) -> Self {
        self.in_hand = Some((delivery, leased));
        self
    }

    /// Puts a claimed delivery into the slot.
    pub(crate) fn take_in_hand(&mut self, delivery: DeliveryId, leased: Leased, body_len: usize) {
        let mut state = self.lanes.state();
        state.in_hand.insert((leased.until, delivery), self.endpoint);
        state.change(self.endpoint, |lane| lane.load.bytes += body_len);
        drop(state);
        (self.body_len, self.in_hand) = (body_len, Some((delivery, leased)));
    }

    /// Returns the lease of its delivery.
    pub(crate) fn leased(&self) -> Option<Leased> {
        self.in_hand.map(|(_, leased)| leased)
    }

    /// Frees the slot. The outcome of its delivery is yet to be recorded.
    pub(crate) fn vacate(&mut self) {
        if !std::mem::replace(&mut self.is_vacant, true) {
            self.lanes.give_back(self.endpoint, self.kind, self.body_len);
        }
    }
}

impl Drop for LaneSlot {
    fn drop(&mut self) {
        self.vacate();
        if let Some((delivery, leased)) = self.in_hand {
            self.lanes.state().in_hand.remove(&(leased.until, delivery));
        }
    }
}

impl fmt::Debug for LaneSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneSlot")
            .field("endpoint", &self.endpoint)
            .field("in_hand", &self.in_hand)
            .finish_non_exhaustive()
    }
}
