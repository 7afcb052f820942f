//! What this process has in hand: for each endpoint a lane, with a few attempts
//! under way at the same time and, behind them, deliveries that are already
//! leased and wait for their turn.
//!
//! Waiting here instead of in the store saves a claim for every delivery of a
//! burst. Lanes are short, so that a lease outlasts the wait; at an endpoint
//! that answers slowly nothing waits here at all.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use signet_model::EndpointId;
use tokio::sync::Notify;

use super::Ready;

/// How many deliveries may wait in one lane behind those under way.
const WAITING: usize = 512;
/// How many may wait in all lanes.
const WAITING_IN_ALL: usize = 4_096;
/// An endpoint whose last attempt took longer has no waiting lane.
const SLOW: Duration = Duration::from_secs(1);

/// How much may be under way at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) in_all: usize,
    pub(crate) per_endpoint: usize,
}

/// All lanes.
pub(crate) struct Lanes {
    limits: Limits,
    state: Mutex<State>,
    /// Told when there is room again that somebody could not have before.
    pub(crate) freed: Notify,
}

#[derive(Default)]
struct State {
    lanes: HashMap<EndpointId, Lane>,
    /// Places taken in all lanes.
    taken: usize,
    /// Attempts under way in all lanes.
    running: usize,
    /// Lanes with somebody who waits for the process to have fewer attempts under way.
    stalled: VecDeque<EndpointId>,
    /// Somebody asked for a place in vain: what they wanted to send is in the store.
    starved: bool,
}

#[derive(Default)]
struct Lane {
    /// Places taken: under way, waiting, or promised to somebody who stores first.
    taken: usize,
    running: usize,
    waiting: VecDeque<Ready>,
    /// Something that is due was left in the store. Until it has been claimed,
    /// new deliveries line up behind it there.
    overflown: bool,
    slow: bool,
}

/// A place in a lane; given back when dropped.
pub(crate) struct Place {
    lanes: Arc<Lanes>,
    endpoint: EndpointId,
}

impl Lanes {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default(), freed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a delivery that is just being stored. `None`: it is to be
    /// stored as due, for somebody to claim.
    pub(crate) fn reserve(self: &Arc<Self>, endpoint: EndpointId) -> Option<Place> {
        let mut state = self.state();
        let room = !state.lanes.get(&endpoint).is_some_and(|lane| lane.overflown) && self.room(&state, endpoint) > 0;
        if room {
            state.take(endpoint, 1);
            return Some(Place { lanes: Arc::clone(self), endpoint });
        }
        state.starved = true;
        state.lanes.entry(endpoint).or_default().overflown = true;
        None
    }

    /// Places for deliveries that are to be claimed, as many as there are, up to `most`.
    pub(crate) fn reserve_to_claim(self: &Arc<Self>, endpoint: EndpointId, most: usize) -> Vec<Place> {
        let mut state = self.state();
        let count = self.room(&state, endpoint).min(most);
        state.take(endpoint, count);
        (0..count).map(|_| Place { lanes: Arc::clone(self), endpoint }).collect()
    }

    /// Tells that a claim found less at the endpoint than there was room for.
    pub(crate) fn caught_up(&self, endpoint: EndpointId) {
        let mut state = self.state();
        if let Some(lane) = state.lanes.get_mut(&endpoint) {
            lane.overflown = false;
        }
        state.forget_if_idle(endpoint);
    }

    fn room(&self, state: &State, endpoint: EndpointId) -> usize {
        let (taken, slow) = state.lanes.get(&endpoint).map_or((0, false), |lane| (lane.taken, lane.slow));
        let in_lane = self.limits.per_endpoint + if slow { 0 } else { WAITING };
        let in_all = self.limits.in_all + WAITING_IN_ALL;
        in_lane.saturating_sub(taken).min(in_all.saturating_sub(state.taken))
    }

    /// Whether anything may be claimed at all.
    pub(crate) fn has_room(&self) -> bool {
        let mut state = self.state();
        let room = state.running < self.limits.in_all;
        state.starved |= !room;
        room
    }

    /// The endpoints whose attempts under way are as many as may be.
    pub(crate) fn saturated(&self) -> Vec<EndpointId> {
        let mut state = self.state();
        let full = |lane: &Lane| lane.taken >= self.limits.per_endpoint;
        let full: Vec<_> = state.lanes.iter().filter(|(_, lane)| full(lane)).map(|(&endpoint, _)| endpoint).collect();
        state.starved |= !full.is_empty();
        full
    }

    /// Gives the delivery back to be attempted now, or lets it wait in its lane.
    pub(crate) fn enter(&self, ready: Ready) -> Option<Ready> {
        let mut state = self.state();
        let endpoint = ready.endpoint.id;
        let room = state.running < self.limits.in_all;
        let lane = state.lanes.entry(endpoint).or_default();
        if lane.running < self.limits.per_endpoint && room {
            lane.running += 1;
            state.running += 1;
            return Some(ready);
        }
        lane.waiting.push_back(ready);
        if !room {
            state.stalled.push_back(endpoint);
        }
        None
    }

    /// Ends an attempt, and hands out the delivery whose turn it is then.
    pub(crate) fn next(&self, endpoint: EndpointId, took: Duration) -> Option<Ready> {
        let mut state = self.state();
        if let Some(lane) = state.lanes.get_mut(&endpoint) {
            lane.slow = took > SLOW;
            if let Some(ready) = lane.waiting.pop_front() {
                return Some(ready);
            }
            lane.running -= 1;
        }
        state.running -= 1;
        state.forget_if_idle(endpoint);
        state.resume(self.limits)
    }
}

impl State {
    fn take(&mut self, endpoint: EndpointId, count: usize) {
        self.taken += count;
        self.lanes.entry(endpoint).or_default().taken += count;
    }

    /// Starts what waits in another lane for the process to have room.
    fn resume(&mut self, limits: Limits) -> Option<Ready> {
        while let Some(endpoint) = self.stalled.pop_front() {
            let Some(lane) = self.lanes.get_mut(&endpoint) else { continue };
            if lane.running >= limits.per_endpoint {
                continue;
            }
            if let Some(ready) = lane.waiting.pop_front() {
                lane.running += 1;
                self.running += 1;
                return Some(ready);
            }
        }
        None
    }

    fn forget_if_idle(&mut self, endpoint: EndpointId) {
        let idle = |lane: &Lane| lane.taken == 0 && lane.running == 0 && !lane.overflown;
        if self.lanes.get(&endpoint).is_some_and(idle) {
            self.lanes.remove(&endpoint);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.lanes.state();
        state.taken -= 1;
        if let Some(lane) = state.lanes.get_mut(&self.endpoint) {
            lane.taken -= 1;
            let room = lane.taken < self.lanes.limits.per_endpoint;
            state.forget_if_idle(self.endpoint);
            if room && std::mem::take(&mut state.starved) {
                drop(state);
                self.lanes.freed.notify_one();
            }
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

    fn lanes() -> Arc<Lanes> {
        Lanes::new(Limits { in_all: 8, per_endpoint: 2 })
    }

    #[test]
    fn a_full_lane_leaves_room_for_others() {
        let lanes = lanes();
        let places: Vec<_> = std::iter::from_fn(|| lanes.reserve(endpoint(1))).collect();
        assert_eq!(places.len(), 2 + WAITING);
        assert_eq!(lanes.saturated(), [endpoint(1)]);
        assert!(lanes.reserve(endpoint(2)).is_some());
        drop(places);
        assert!(lanes.saturated().is_empty());
    }

    #[test]
    fn what_comes_after_an_overflow_lines_up_behind_it() {
        let lanes = lanes();
        let places: Vec<_> = std::iter::from_fn(|| lanes.reserve(endpoint(1))).collect();
        drop(places);
        assert!(lanes.reserve(endpoint(1)).is_none(), "something older is due in the store");
        assert_eq!(lanes.reserve_to_claim(endpoint(1), 9).len(), 9);
        lanes.caught_up(endpoint(1));
        assert!(lanes.reserve(endpoint(1)).is_some());
        assert!(lanes.state().lanes.is_empty(), "what is idle is forgotten");
    }

    #[tokio::test]
    async fn room_is_told_to_who_asked_in_vain() {
        let lanes = lanes();
        let places = lanes.reserve_to_claim(endpoint(1), 2);
        assert_eq!(lanes.saturated(), [endpoint(1)]);
        drop(places);
        lanes.freed.notified().await;
    }
}
