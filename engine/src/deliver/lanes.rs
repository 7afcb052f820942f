//! The deliveries that this process has leased: a lane for each endpoint, with a few
//! attempts under way and, behind them, deliveries that wait.
//!
//! Waiting in a lane saves a claim for every delivery of a burst. A lane is shorter the
//! slower its receiver is, so that a lease outlasts the wait; in the lane of a slow
//! endpoint no delivery waits.
//!
//! An attempt is *working* in its first second, and *hanging* after that. Each kind has
//! its own limits, so that an attempt that only waits for its receiver takes no slot of
//! one that could be made. Once the process reaches the limit of working attempts, lanes
//! take turns. Endpoints that are not known to be quick (*unproven*) share half of all
//! attempts, slots and bytes, and one account has a part of that half.

mod adaptive_limit;
mod groups;
mod lane;
mod load;
mod outage;
mod pace;
mod scheduler;
mod slot;
mod state;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp, endpoint::EndpointUrl};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{Address, LeasedDelivery};
use crate::{metrics::labels::Slot, outbound::LocalFault};
pub(crate) use lane::{AttemptResult, AttemptSummary, HANGS_AFTER};
pub(crate) use load::LaneLimits;
pub(crate) use slot::{LaneSlot, Leased, is_from_before};

use adaptive_limit::PAUSE_MIN;
use lane::Lane;
use load::QUEUED_DELIVERIES_MAX;
use slot::Kind;
use state::State;

/// Tests that may be under way, in all and of one account.
const TESTS_MAX: usize = 32;
const TESTS_PER_ACCOUNT_MAX: usize = 4;

/// The limit of tests under way, which has been reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TestsUnderWay(pub(crate) usize);

/// The place of an attempt under way among the working or the hanging ones.
#[derive(Debug)]
pub(crate) struct AttemptSlot {
    endpoint: EndpointId,
    kind: Kind,
    hangs: bool,
    /// Its beginning counts among those of the pace.
    paced: bool,
}

/// All lanes.
pub(crate) struct Lanes {
    state: Mutex<State>,
    /// Notified when a lane that had no room has room again.
    pub(crate) freed: Notify,
}

impl Lanes {
    pub(crate) fn new(limits: LaneLimits) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::new(limits)), freed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the slots that are taken, and those that can be, by what takes them.
    pub(crate) fn slots(&self) -> [(Slot, usize, usize); 3] {
        let (all, limits) = {
            let state = self.state();
            (state.all, state.limits)
        };
        [
            (Slot::Working, all.working, limits.working),
            (Slot::Hanging, all.hanging, limits.hanging),
            (Slot::Waiting, all.slots.saturating_sub(all.under_way()), QUEUED_DELIVERIES_MAX),
        ]
    }

    /// Reserves a slot for a delivery that is being stored and whose body has `bytes`
    /// bytes. Returns `None` if the delivery must be stored as due and claimed later.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        (account, endpoint): Address,
        url: Option<&Arc<EndpointUrl>>,
        (delivery, leased): (DeliveryId, Leased),
        bytes: usize,
    ) -> Option<LaneSlot> {
        let mut state = self.state();
        state.open((account, endpoint), url);
        let room = state.room(account, endpoint);
        // One body fits, however large it is.
        let fits = room.slots > 0 && (bytes <= room.bytes || state.all.bytes == 0);
        let overflown = state.lanes.get(&endpoint).is_some_and(|lane| lane.overflown);
        if overflown || !fits {
            state.overflow(endpoint);
            return None;
        }
        state.change(endpoint, |lane| {
            lane.load.slots += 1;
            lane.load.bytes += bytes;
        });
        state.in_hand.insert((leased.until, delivery), endpoint);
        Some(LaneSlot::new(self, endpoint, Kind::Lane, bytes).holding(delivery, leased))
    }

    /// Reserves a slot for a test, which bypasses the lane of its endpoint.
    ///
    /// # Errors
    /// The limit of tests under way has been reached.
    pub(crate) fn reserve_for_test(
        self: &Arc<Self>,
        (account, endpoint): Address,
        (delivery, leased): (DeliveryId, Leased),
    ) -> Result<LaneSlot, TestsUnderWay> {
        let mut state = self.state();
        let own = state.tests.get(&account).copied().unwrap_or_default();
        let all = state.tests.values().sum();
        if own >= TESTS_PER_ACCOUNT_MAX {
            return Err(TestsUnderWay(own));
        }
        if all >= TESTS_MAX {
            return Err(TestsUnderWay(all));
        }
        state.tests.insert(account, own + 1);
        state.in_hand.insert((leased.until, delivery), endpoint);
        Ok(LaneSlot::new(self, endpoint, Kind::Test(account), 0).holding(delivery, leased))
    }

    /// Reserves up to `slots_max` slots for deliveries to be claimed. Returns the slots and
    /// the bytes that the bodies may have together, in a claim at so many `endpoints`.
    pub(crate) fn reserve_to_claim(
        self: &Arc<Self>,
        (account, endpoint): Address,
        url: Option<&Arc<EndpointUrl>>,
        slots_max: usize,
        endpoints: usize,
    ) -> (Vec<LaneSlot>, usize) {
        let mut state = self.state();
        state.open((account, endpoint), url);
        if state.is_saturated((account, endpoint)) {
            state.overflow(endpoint);
            return (Vec::new(), 0);
        }
        let room = state.room(account, endpoint);
        let slots = room.slots.min(slots_max);
        state.change(endpoint, |lane| lane.load.slots += slots);
        let slots = (0..slots).map(|_| LaneSlot::new(self, endpoint, Kind::Lane, 0)).collect();
        (slots, room.bytes / endpoints)
    }

    /// Notes whether a claim left a delivery due at the endpoint.
    pub(crate) fn claimed(&self, endpoint: EndpointId, more_is_due: bool) {
        if let Some(lane) = self.state().lanes.get_mut(&endpoint) {
            lane.overflown = more_is_due;
        }
    }

    /// Tells whether a claim has room at any endpoint.
    pub(crate) fn has_room(&self) -> bool {
        let mut state = self.state();
        let room = state.has_room();
        state.starved |= !room;
        room
    }

    /// Returns those of the `due` endpoints that have room. [`Lanes::freed`] notifies of
    /// the others once they have room.
    pub(crate) fn with_room(&self, due: impl Iterator<Item = Address>) -> Vec<Address> {
        let mut state = self.state();
        let mut with_room = Vec::new();
        for address in due {
            if state.is_saturated(address) {
                state.overflow(address.1);
            } else {
                with_room.push(address);
            }
        }
        with_room
    }

    /// Takes up to `endpoints_max` endpoints whose lanes overflowed and have room again.
    pub(crate) fn claimable(&self, endpoints_max: usize) -> Vec<Address> {
        let mut state = self.state();
        let count = state.claimable.len().min(endpoints_max);
        let claimable: Vec<Address> = state.claimable.drain(..count).collect();
        for (_, endpoint) in &claimable {
            if let Some(lane) = state.lanes.get_mut(endpoint) {
                lane.claim_requested = false;
            }
        }
        claimable
    }

    /// Returns the endpoints with a delivery in hand whose lease has run out by now, or was given
    /// before the clock was set back and so may have. A claim at one of them would take the
    /// delivery, or its unrecorded outcome, from this process itself. Leases are as long as
    /// `lease`.
    pub(crate) fn overdue_endpoints(&self, now: Timestamp, lease: Duration) -> HashSet<EndpointId> {
        let state = self.state();
        let overdue = state.in_hand.iter().take_while(|((until, _), _)| *until <= now);
        let from_before = state.in_hand.iter().rev().take_while(|((until, _), _)| is_from_before(*until, now, lease));
        overdue.chain(from_before).map(|(_, &endpoint)| endpoint).collect()
    }

    /// Returns the delivery if its attempt may begin now, or lets it wait in its lane.
    pub(crate) fn enter(&self, ready: LeasedDelivery) -> Option<LeasedDelivery> {
        let endpoint = ready.endpoint.id;
        if ready.slot.kind != Kind::Lane {
            return Some(ready);
        }
        let mut state = self.state();
        if state.begin(endpoint) {
            return Some(ready);
        }
        if let Some(lane) = state.lanes.get_mut(&endpoint) {
            lane.waiting.push_back(ready);
        }
        state.enqueue(endpoint);
        None
    }

    /// Waits until an attempt that has a slot may begin: at an endpoint that is not known to
    /// be quick, when its beginning is due among those of the others.
    pub(crate) async fn pace(&self, slot: &mut AttemptSlot) {
        let begins_at = self.state().begins_at(slot);
        if let Some(at) = begins_at {
            sleep_until(at).await;
        }
    }

    /// Notes that an attempt has taken longer than [`HANGS_AFTER`]. Returns the deliveries
    /// that may begin in its place, or `None` if the limit of hanging attempts is reached
    /// and the attempt goes on counting as working.
    pub(crate) fn hang(&self, slot: &mut AttemptSlot) -> Option<Vec<LeasedDelivery>> {
        if slot.kind != Kind::Lane {
            return Some(Vec::new());
        }
        let mut state = self.state();
        let turns = state.hang(slot.endpoint)?;
        slot.hangs = true;
        self.tell(state);
        Some(turns)
    }

    /// Frees the slot of an attempt that has ended, or was not made, and returns the
    /// deliveries that may begin in its place.
    pub(crate) fn next(&self, slot: &AttemptSlot, ended: Option<AttemptSummary>) -> Vec<LeasedDelivery> {
        if slot.kind != Kind::Lane {
            return Vec::new();
        }
        let mut state = self.state();
        if let Some(ended) = ended {
            state.adaptive_limit.recover(ended.at);
            if slot.paced && ended.answered_over_kept {
                state.pace.give_back();
            }
        }
        let turns = state.end(slot.endpoint, slot.hangs, ended);
        self.tell(state);
        turns
    }

    /// Begins fewer attempts after a fault of this side, if others meet it too. Returns the
    /// delay after which the delivery may be attempted again.
    pub(crate) fn slow_down(&self, fault: LocalFault) -> Duration {
        if !fault.is_shared() {
            return PAUSE_MIN;
        }
        let mut state = self.state();
        let (pause, is_new) = state.adaptive_limit.back_off(Instant::now());
        if is_new {
            let at_most = state.adaptive_limit.limit();
            drop(state);
            tracing::warn!(%fault, at_most, "an attempt could not be made, and is not counted; fewer are begun at a time");
        }
        pause
    }

    fn give_back(&self, endpoint: EndpointId, kind: Kind, bytes: usize) {
        let mut state = self.state();
        match kind {
            Kind::Test(account) => state.end_test(account),
            Kind::Lane => state.change(endpoint, |lane| {
                lane.load.slots -= 1;
                lane.load.bytes -= bytes;
            }),
        }
        state.request_claim(endpoint);
        self.tell(state);
    }

    /// Notifies the dispatcher if a claim waits for room.
    fn tell(&self, mut state: MutexGuard<'_, State>) {
        if std::mem::take(&mut state.starved) || !state.claimable.is_empty() {
            drop(state);
            self.freed.notify_one();
        }
    }
}

impl State {
    fn begins_at(&mut self, slot: &mut AttemptSlot) -> Option<Instant> {
        let is_quick = self.lanes.get(&slot.endpoint).is_some_and(Lane::is_quick);
        if slot.kind != Kind::Lane || is_quick {
            return None;
        }
        slot.paced = true;
        let now = Instant::now();
        Some(self.pace.take(now)).filter(|&at| at > now)
    }

    fn end_test(&mut self, account: AccountId) {
        if let Some(own) = self.tests.get_mut(&account) {
            *own -= 1;
            if *own == 0 {
                self.tests.remove(&account);
            }
        }
    }
}

impl LaneSlot {
    /// Returns the slot that the delivery's attempt takes while it is under way.
    pub(crate) const fn attempt_slot(&self) -> AttemptSlot {
        AttemptSlot { endpoint: self.endpoint, kind: self.kind, hangs: false, paced: false }
    }
}

#[cfg(test)]
mod tests;
