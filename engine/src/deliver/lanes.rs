//! What this process has in hand: for each endpoint a lane, with a few attempts
//! under way at the same time and, behind them, deliveries that are already
//! leased and wait for their turn.
//!
//! Waiting here instead of in the store saves a claim for every delivery of a
//! burst. Lanes are as short as their receiver is slow, so that a lease outlasts
//! the wait; at an endpoint that answers slowly nothing waits here at all.
//!
//! An attempt is at work in its first second, and hangs after that. The two have
//! limits of their own, so that an attempt that only waits for its receiver takes no
//! place of one that could be made. When the process has as many at work as it may,
//! lanes take turns. Endpoints that are not known to be quick have half of
//! everything (attempts, places, bytes), and one account a part of that half.

mod adaptive_limit;
mod groups;
mod lane;
mod load;
mod outage;
mod slot;
mod state;
mod scheduler;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp, endpoint::EndpointUrl};
use tokio::{sync::Notify, time::Instant};

use super::{Address, Ready};
use crate::outbound::LocalFault;
pub(crate) use lane::{AttemptResult, Ended, SLOW};
pub(crate) use load::Limits;
pub(crate) use slot::{Count, Leased, Place};

use slot::{Held, Kind, lock};
use state::State;

/// How many tests may be under way, in all and of one account.
const TESTS_MAX: usize = 32;
const TESTS_PER_ACCOUNT_MAX: usize = 4;

/// So many tests are under way that there cannot be one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TestsUnderWay(pub(crate) usize);

/// What an attempt takes while it is under way.
#[derive(Debug)]
pub(crate) struct Slot {
    endpoint: EndpointId,
    kind: Kind,
    hangs: bool,
}

/// All lanes.
pub(crate) struct Lanes {
    state: Mutex<State>,
    /// Told when there is room that was asked for in vain.
    pub(crate) freed: Notify,
}

impl Lanes {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::new(limits)), freed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a delivery that is just being stored, whose body has so many
    /// bytes. `None`: it is to be stored as due, to be claimed later.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        (account, endpoint): Address,
        url: Option<&Arc<EndpointUrl>>,
        (delivery, leased): (DeliveryId, Leased),
        bytes: usize,
    ) -> Option<Place> {
        let mut state = self.state();
        state.open((account, endpoint), url);
        let room = state.room(account, endpoint);
        // One body is always borne.
        let fits = room.places > 0 && (bytes <= room.bytes || state.all.bytes == 0);
        let overflown = state.lanes.get(&endpoint).is_some_and(|lane| lane.overflown);
        if overflown || !fits {
            state.overflow(endpoint);
            return None;
        }
        state.change(endpoint, |lane| {
            lane.load.places += 1;
            lane.load.bytes += bytes;
        });
        let held = state.hold(delivery, leased, Count::default());
        Some(Place::new(self, endpoint, Kind::Lane, bytes).holding(delivery, held))
    }

    /// A place for a test, which passes by the lane of its endpoint.
    ///
    /// # Errors
    /// As many tests as may be are under way.
    pub(crate) fn reserve_for_test(
        self: &Arc<Self>,
        (account, endpoint): Address,
        (delivery, leased): (DeliveryId, Leased),
    ) -> Result<Place, TestsUnderWay> {
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
        let held = state.hold(delivery, leased, Count::default());
        Ok(Place::new(self, endpoint, Kind::Test(account), 0).holding(delivery, held))
    }

    /// Places for deliveries that are to be claimed, as many as there are up to `most`,
    /// and how many bytes their bodies may have together, where the claim is at so many
    /// endpoints.
    pub(crate) fn reserve_to_claim(
        self: &Arc<Self>,
        (account, endpoint): Address,
        url: Option<&Arc<EndpointUrl>>,
        most: usize,
        endpoints: usize,
    ) -> (Vec<Place>, usize) {
        let mut state = self.state();
        state.open((account, endpoint), url);
        if state.is_saturated((account, endpoint)) {
            state.overflow(endpoint);
            return (Vec::new(), 0);
        }
        let room = state.room(account, endpoint);
        let places = room.places.min(most);
        state.change(endpoint, |lane| lane.load.places += places);
        let places = (0..places).map(|_| Place::new(self, endpoint, Kind::Lane, 0)).collect();
        (places, room.bytes / endpoints)
    }

    /// Tells whether a claim left something due at the endpoint.
    pub(crate) fn claimed(&self, endpoint: EndpointId, more_is_due: bool) {
        if let Some(lane) = self.state().lanes.get_mut(&endpoint) {
            lane.overflown = more_is_due;
        }
    }

    /// Whether anything may be claimed at all.
    pub(crate) fn has_room(&self) -> bool {
        let mut state = self.state();
        let room = state.has_room();
        state.starved |= !room;
        room
    }

    /// Those of these endpoints, at which something is due, for which it may be claimed.
    /// The others are told of ([`Lanes::freed`]) when there is room.
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

    /// Endpoints whose lanes overflowed and have room again, at most so many.
    pub(crate) fn claimable(&self, most: usize) -> Vec<Address> {
        let mut state = self.state();
        let count = state.claimable.len().min(most);
        let called: Vec<Address> = state.claimable.drain(..count).collect();
        for (_, endpoint) in &called {
            if let Some(lane) = state.lanes.get_mut(endpoint) {
                lane.called = false;
            }
        }
        called
    }

    /// Whether an outcome is not on record whose lease has run out by now.
    pub(crate) fn owes_outcomes(&self, now: Timestamp) -> bool {
        let overdue = |held: &Arc<Mutex<Held>>| {
            let held = lock(held);
            held.is_over && held.leased.until <= now
        };
        self.state().in_hand.values().any(overdue)
    }

    /// Gives the delivery back to be attempted now, or lets it wait in its lane.
    pub(crate) fn enter(&self, ready: Ready) -> Option<Ready> {
        let endpoint = ready.endpoint.id;
        if ready.place.kind != Kind::Lane {
            return Some(ready);
        }
        let mut state = self.state();
        if state.begin(endpoint) {
            return Some(ready);
        }
        if let Some(lane) = state.lanes.get_mut(&endpoint) {
            lane.waiting.push_back(ready);
        }
        state.line_up(endpoint);
        None
    }

    /// Tells that an attempt has taken longer than [`SLOW`]. Returns the deliveries whose
    /// turn it is, if it counts as hanging from now on.
    pub(crate) fn hang(&self, slot: &mut Slot) -> Option<Vec<Ready>> {
        if slot.kind != Kind::Lane {
            return Some(Vec::new());
        }
        let mut state = self.state();
        let turns = state.hang(slot.endpoint)?;
        slot.hangs = true;
        self.tell(state);
        Some(turns)
    }

    /// Ends a turn, in which there was an attempt or not, and hands out the deliveries
    /// whose turn it is then.
    pub(crate) fn next(&self, slot: &Slot, ended: Option<Ended>) -> Vec<Ready> {
        if slot.kind != Kind::Lane {
            return Vec::new();
        }
        let mut state = self.state();
        if let Some(ended) = ended {
            state.brake.release(ended.at);
        }
        let turns = state.end(slot.endpoint, slot.hangs, ended);
        self.tell(state);
        turns
    }

    /// Begins fewer attempts: one failed on this side. Returns how long its delivery is
    /// to rest.
    pub(crate) fn brake(&self, fault: LocalFault) -> Duration {
        let mut state = self.state();
        let (pause, is_new) = state.brake.press(Instant::now());
        if is_new {
            let at_most = state.brake.limit();
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
                lane.load.places -= 1;
                lane.load.bytes -= bytes;
            }),
        }
        state.call_to_claim(endpoint);
        self.tell(state);
    }

    /// Tells the dispatcher of room that was asked for in vain.
    fn tell(&self, mut state: MutexGuard<'_, State>) {
        if std::mem::take(&mut state.starved) || !state.claimable.is_empty() {
            drop(state);
            self.freed.notify_one();
        }
    }
}

impl State {
    fn hold(&mut self, delivery: DeliveryId, leased: Leased, count: Count) -> Arc<Mutex<Held>> {
        let held = Arc::new(Mutex::new(Held { leased, count, is_over: false }));
        self.in_hand.insert(delivery, Arc::clone(&held));
        held
    }

    fn let_go(&mut self, delivery: DeliveryId, held: &Arc<Mutex<Held>>) {
        if self.in_hand.get(&delivery).is_some_and(|newest| Arc::ptr_eq(newest, held)) {
            self.in_hand.remove(&delivery);
        }
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

impl Place {
    /// What its attempt takes while it is under way.
    pub(crate) const fn slot(&self) -> Slot {
        Slot { endpoint: self.endpoint, kind: self.kind, hangs: false }
    }
}

#[cfg(test)]
mod tests;
