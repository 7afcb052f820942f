//! A slot in a lane, and the lease of its delivery.

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

/// The number of attempts at a delivery before this one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AttemptCounts {
    pub(crate) attempts: i32,
    /// Failed attempts of this round.
    pub(crate) failures: i32,
}

/// A delivery that this process has leased and whose outcome is not yet recorded.
#[derive(Debug)]
pub(super) struct InHand {
    pub(super) leased: Leased,
    pub(super) count: AttemptCounts,
    /// The attempt has ended, and the writer has the outcome.
    pub(super) is_decided: bool,
}

/// The limits that a slot counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Lane,
    /// Tests have slots of their own.
    Test(AccountId),
}

/// A slot for one delivery. [`LaneSlot::vacate`] or dropping it frees the slot for another.
/// Until it is dropped, a claim of the same delivery only renews the lease.
pub(crate) struct LaneSlot {
    lanes: Arc<Lanes>,
    pub(super) endpoint: EndpointId,
    pub(super) kind: Kind,
    /// The length of the delivery's body.
    body_len: usize,
    is_vacant: bool,
    in_hand: Option<(DeliveryId, Arc<Mutex<InHand>>)>,
}

impl LaneSlot {
    pub(super) fn new(lanes: &Arc<Lanes>, endpoint: EndpointId, kind: Kind, body_len: usize) -> Self {
        Self { lanes: Arc::clone(lanes), endpoint, kind, body_len, is_vacant: false, in_hand: None }
    }

    /// Puts a delivery into the slot that is being stored.
    pub(super) fn holding(mut self, delivery: DeliveryId, in_hand: Arc<Mutex<InHand>>) -> Self {
        self.in_hand = Some((delivery, in_hand));
        self
    }

    /// Puts a claimed delivery into the slot. Returns `false` if this process has the
    /// delivery in hand already; then that one gets the new lease. If another process
    /// attempted it since, the delivery in hand is out of date and keeps its lost lease.
    pub(crate) fn take_in_hand(
        &mut self,
        delivery: DeliveryId,
        leased: Leased,
        count: AttemptCounts,
        body_len: usize,
    ) -> bool {
        let mut state = self.lanes.state();
        if let Some(held) = state.in_hand.get(&delivery)
            && lock(held).count == count
        {
            lock(held).leased = leased;
            return false;
        }
        let held = state.take_in_hand(delivery, leased, count);
        state.change(self.endpoint, |lane| lane.load.bytes += body_len);
        drop(state);
        (self.body_len, self.in_hand) = (body_len, Some((delivery, held)));
        true
    }

    /// Returns the newest lease of its delivery.
    pub(crate) fn leased(&self) -> Option<Leased> {
        self.in_hand.as_ref().map(|(_, held)| lock(held).leased)
    }

    /// Frees the slot. The outcome of its delivery is yet to be recorded.
    pub(crate) fn vacate(&mut self) {
        if let Some((_, held)) = &self.in_hand {
            lock(held).is_decided = true;
        }
        if !std::mem::replace(&mut self.is_vacant, true) {
            self.lanes.give_back(self.endpoint, self.kind, self.body_len);
        }
    }
}

impl Drop for LaneSlot {
    fn drop(&mut self) {
        self.vacate();
        if let Some((delivery, held)) = &self.in_hand {
            self.lanes.state().remove_in_hand(*delivery, held);
        }
    }
}

impl std::fmt::Debug for LaneSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LaneSlot")
            .field("endpoint", &self.endpoint)
            .field("in_hand", &self.in_hand)
            .finish_non_exhaustive()
    }
}

pub(super) fn lock(held: &Mutex<InHand>) -> MutexGuard<'_, InHand> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
