//! What this process has in hand: for each endpoint a lane, with a few attempts
//! under way at the same time and, behind them, deliveries that are already
//! leased and wait for their turn.
//!
//! Waiting here instead of in the store saves a claim for every delivery of a
//! burst. Lanes are as short as their receiver is slow, so that a lease outlasts
//! the wait; at an endpoint that answers slowly nothing waits here at all.
//!
//! When the process has as many attempts under way as it may, lanes take turns.
//! Endpoints that are not known to be quick share half of the attempts, beyond one
//! for each: receivers that hang, however many, leave the others the rest.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use signet_model::EndpointId;
use tokio::sync::Notify;

use super::Ready;

/// How many deliveries may wait in one lane behind those under way.
const WAITING: usize = 2_048;
/// How many while nothing is known of the endpoint.
const WAITING_AT_FIRST: usize = 512;
/// How long the last of them may have to wait, at the pace of the last attempt: a
/// third of what a lease has left beside the attempt.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many may wait in all lanes.
const WAITING_IN_ALL: usize = 4_096;
/// How many bytes their bodies may have.
const WAITING_BYTES: usize = 32 * 1024 * 1024;
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
    /// What the bodies weigh for which they are taken, bytes.
    bytes: usize,
    /// What one weighs, by those of late.
    usual_bytes: usize,
    /// Attempts under way in all lanes.
    running: usize,
    /// Those of them in lanes that are not known to be quick.
    unproven: usize,
    /// Lanes in which somebody waits who could be under way as far as the lane goes,
    /// each once.
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
    /// Whether it is among the stalled.
    stalled: bool,
    /// Something that is due was left in the store. Until it has been claimed,
    /// new deliveries line up behind it there.
    overflown: bool,
    /// How long its last attempt took.
    pace: Option<Duration>,
}

/// A place in a lane; given back when dropped.
pub(crate) struct Place {
    lanes: Arc<Lanes>,
    endpoint: EndpointId,
    /// The body for which it is taken.
    bytes: usize,
}

impl Lanes {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default(), freed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a delivery that is just being stored, whose body has so many
    /// bytes. `None`: it is to be stored as due, for somebody to claim.
    pub(crate) fn reserve(self: &Arc<Self>, endpoint: EndpointId, bytes: usize) -> Option<Place> {
        let mut state = self.state();
        let overflown = state.lanes.get(&endpoint).is_some_and(|lane| lane.overflown);
        if !overflown && self.room(&state, endpoint) > 0 && state.bears(bytes) {
            state.take(endpoint, 1);
            state.weigh(bytes);
            return Some(Place { lanes: Arc::clone(self), endpoint, bytes });
        }
        state.starved = true;
        state.lanes.entry(endpoint).or_default().overflown = true;
        None
    }

    /// Places for deliveries that are to be claimed, as many as there are, up to
    /// `most`, and to what their bodies will probably weigh.
    pub(crate) fn reserve_to_claim(self: &Arc<Self>, endpoint: EndpointId, most: usize) -> Vec<Place> {
        let mut state = self.state();
        let bearable = 1 + WAITING_BYTES.saturating_sub(state.bytes) / state.usual_bytes.max(1);
        let count = self.room(&state, endpoint).min(most).min(bearable);
        state.take(endpoint, count);
        state.starved |= count == 0;
        (0..count).map(|_| Place { lanes: Arc::clone(self), endpoint, bytes: 0 }).collect()
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
        let per_endpoint = self.limits.per_endpoint;
        let lane = state.lanes.get(&endpoint);
        let (taken, waiting) = lane.map_or((0, WAITING_AT_FIRST), |lane| (lane.taken, lane.may_wait(per_endpoint)));
        let in_all = (self.limits.in_all + WAITING_IN_ALL).saturating_sub(state.taken);
        let in_all = if taken == 0 && state.taken < self.capacity() { in_all.max(1) } else { in_all };
        (per_endpoint + waiting).saturating_sub(taken).min(in_all)
    }

    /// The most places that are taken at the same time: the last of them are for
    /// endpoints that have none yet, so that full lanes keep nobody out.
    const fn capacity(&self) -> usize {
        2 * self.limits.in_all + WAITING_IN_ALL
    }

    /// Whether anything may be claimed at all.
    pub(crate) fn has_room(&self) -> bool {
        let mut state = self.state();
        let room = state.running < self.limits.in_all && state.taken < self.capacity();
        state.starved |= !room;
        room
    }

    /// The endpoints for which enough is in hand, or all that there may be.
    pub(crate) fn saturated(&self) -> Vec<EndpointId> {
        let mut state = self.state();
        let full = |endpoint: EndpointId, lane: &Lane| {
            lane.taken >= lane.enough(self.limits.per_endpoint) || self.room(&state, endpoint) == 0
        };
        let full: Vec<_> =
            state.lanes.iter().filter(|(id, lane)| full(**id, lane)).map(|(&endpoint, _)| endpoint).collect();
        state.starved |= !full.is_empty();
        full
    }

    /// Gives the delivery back to be attempted now, or lets it wait in its lane.
    pub(crate) fn enter(&self, ready: Ready) -> Option<Ready> {
        let mut state = self.state();
        let endpoint = ready.endpoint.id;
        state.lanes.entry(endpoint).or_default();
        if state.start(endpoint, self.limits) {
            return Some(ready);
        }
        if let Some(lane) = state.lanes.get_mut(&endpoint) {
            lane.waiting.push_back(ready);
        }
        state.stall(endpoint, self.limits);
        None
    }

    /// Ends an attempt, which took so long if it was made at all, and hands out the
    /// deliveries whose turn it is then.
    pub(crate) fn next(&self, endpoint: EndpointId, took: Option<Duration>) -> Vec<Ready> {
        let mut state = self.state();
        state.end(endpoint, took);
        state.stall(endpoint, self.limits);
        state.forget_if_idle(endpoint);
        state.resume(self.limits)
    }
}

impl Lane {
    fn is_quick(&self) -> bool {
        self.pace.is_some_and(|took| took <= SLOW)
    }

    /// How many deliveries may wait behind those under way.
    fn may_wait(&self, per_endpoint: usize) -> usize {
        match self.pace {
            None => WAITING_AT_FIRST,
            Some(took) if took > SLOW => 0,
            Some(took) => {
                let turns = PATIENCE.as_micros() / took.as_micros().max(1);
                usize::try_from(turns).unwrap_or(WAITING).saturating_mul(per_endpoint).min(WAITING)
            }
        }
    }

    /// How much in hand is enough not to claim more: at a quick endpoint half of what
    /// may be, so that its retries do not wait for ever behind new events.
    fn enough(&self, per_endpoint: usize) -> usize {
        per_endpoint + if self.is_quick() { self.may_wait(per_endpoint) / 2 } else { 0 }
    }
}

impl State {
    fn take(&mut self, endpoint: EndpointId, count: usize) {
        self.taken += count;
        self.lanes.entry(endpoint).or_default().taken += count;
    }

    /// Whether so many bytes more may wait. One body is always borne.
    const fn bears(&self, bytes: usize) -> bool {
        self.bytes == 0 || self.bytes + bytes <= WAITING_BYTES
    }

    fn weigh(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.usual_bytes = (self.usual_bytes * 7 + bytes) / 8;
    }

    /// Begins an attempt, if there may be one more.
    fn start(&mut self, endpoint: EndpointId, limits: Limits) -> bool {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return false };
        let quick = lane.is_quick();
        let free = quick || lane.running == 0 || self.unproven < limits.in_all / 2;
        if lane.running >= limits.per_endpoint || self.running >= limits.in_all || !free {
            return false;
        }
        lane.running += 1;
        self.running += 1;
        self.unproven += usize::from(!quick);
        true
    }

    fn end(&mut self, endpoint: EndpointId, took: Option<Duration>) {
        self.running -= 1;
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        let counted = |lane: &Lane| if lane.is_quick() { 0 } else { lane.running };
        let before = counted(lane);
        lane.running -= 1;
        lane.pace = took.or(lane.pace);
        self.unproven = self.unproven - before + counted(lane);
    }

    /// Puts the lane in line if somebody waits in it who could be under way.
    fn stall(&mut self, endpoint: EndpointId, limits: Limits) {
        if let Some(lane) = self.lanes.get_mut(&endpoint)
            && !lane.waiting.is_empty()
            && lane.running < limits.per_endpoint
            && !std::mem::replace(&mut lane.stalled, true)
        {
            self.stalled.push_back(endpoint);
        }
    }

    /// Begins what waits, lane by lane, as far as it may.
    fn resume(&mut self, limits: Limits) -> Vec<Ready> {
        let mut turns = Vec::new();
        let mut skipped = 0;
        while self.running < limits.in_all
            && skipped < self.stalled.len()
            && let Some(endpoint) = self.stalled.pop_front()
        {
            if let Some(lane) = self.lanes.get_mut(&endpoint) {
                lane.stalled = false;
            }
            let started = self.start(endpoint, limits);
            skipped = if started { 0 } else { skipped + 1 };
            if started {
                turns.extend(self.lanes.get_mut(&endpoint).and_then(|lane| lane.waiting.pop_front()));
            }
            self.stall(endpoint, limits);
        }
        turns
    }

    fn forget_if_idle(&mut self, endpoint: EndpointId) {
        let idle = |lane: &Lane| lane.taken == 0 && lane.running == 0 && !lane.overflown;
        if self.lanes.get(&endpoint).is_some_and(idle) {
            self.lanes.remove(&endpoint);
        }
    }
}

impl Place {
    /// Tells what the body weighs that was claimed for it.
    pub(crate) fn weigh(&mut self, bytes: usize) {
        self.bytes = bytes;
        self.lanes.state().weigh(bytes);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.lanes.state();
        let Limits { in_all, per_endpoint } = self.lanes.limits;
        let was_full = state.taken >= in_all + WAITING_IN_ALL || state.bytes >= WAITING_BYTES;
        state.taken -= 1;
        state.bytes -= self.bytes;
        let Some(lane) = state.lanes.get_mut(&self.endpoint) else { return };
        lane.taken -= 1;
        let room = was_full || lane.taken < lane.enough(per_endpoint);
        state.forget_if_idle(self.endpoint);
        if room && std::mem::take(&mut state.starved) {
            drop(state);
            self.lanes.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use signet_model::Timestamp;

    use super::*;

    const BYTES: usize = 400;
    const QUICK: Option<Duration> = Some(Duration::from_millis(1));
    const HANGING: Option<Duration> = Some(Duration::from_secs(10));

    fn endpoint(byte: u8) -> EndpointId {
        EndpointId::new(Timestamp::from_unix_seconds(1), [byte; 10])
    }

    fn lanes() -> Arc<Lanes> {
        Lanes::new(Limits { in_all: 8, per_endpoint: 2 })
    }

    #[test]
    fn a_full_lane_leaves_room_for_others() {
        let lanes = lanes();
        let places: Vec<_> = std::iter::from_fn(|| lanes.reserve(endpoint(1), BYTES)).collect();
        assert_eq!(places.len(), 2 + WAITING_AT_FIRST);
        assert_eq!(lanes.saturated(), [endpoint(1)]);
        assert!(lanes.reserve(endpoint(2), BYTES).is_some());
        drop(places);
        assert!(lanes.saturated().is_empty());
    }

    #[test]
    fn what_comes_after_an_overflow_lines_up_behind_it() {
        let lanes = lanes();
        let places: Vec<_> = std::iter::from_fn(|| lanes.reserve(endpoint(1), BYTES)).collect();
        drop(places);
        assert!(lanes.reserve(endpoint(1), BYTES).is_none(), "something older is due in the store");
        assert_eq!(lanes.reserve_to_claim(endpoint(1), 9).len(), 9);
        lanes.caught_up(endpoint(1));
        assert!(lanes.reserve(endpoint(1), BYTES).is_some());
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

    #[test]
    fn full_lanes_keep_out_nobody_who_has_nothing_in_hand() {
        let lanes = lanes();
        let mut places = Vec::new();
        for byte in 1..=10 {
            places.extend(std::iter::from_fn(|| lanes.reserve(endpoint(byte), BYTES)));
        }
        assert!(lanes.has_room());
        assert_eq!(lanes.reserve_to_claim(endpoint(11), 512).len(), 1);
        assert!(places.len() <= lanes.capacity());
        while let Some(place) = lanes.reserve(endpoint(u8::try_from(places.len() % 200).expect("a byte") + 30), BYTES) {
            places.push(place);
        }
        assert!(places.len() <= lanes.capacity(), "{}", places.len());
    }

    #[test]
    fn a_lane_is_as_short_as_its_receiver_is_slow() {
        let lane = |pace| Lane { pace, ..Lane::default() };
        assert_eq!(lane(None).may_wait(32), WAITING_AT_FIRST);
        assert_eq!(lane(QUICK).may_wait(32), WAITING);
        assert_eq!(lane(Some(SLOW)).may_wait(32), 480);
        assert_eq!(lane(HANGING).may_wait(32), 0);
    }

    #[test]
    fn large_bodies_wait_in_the_store() {
        let lanes = lanes();
        let large = WAITING_BYTES / 4;
        let places: Vec<_> = std::iter::from_fn(|| lanes.reserve(endpoint(1), large)).collect();
        assert_eq!(places.len(), 4);
        assert_eq!(lanes.reserve_to_claim(endpoint(2), 512).len(), 1, "the next are as large, by all that is known");
        drop(places);
        assert!(lanes.reserve(endpoint(3), 2 * WAITING_BYTES).is_some(), "one body is always borne");
    }

    #[test]
    fn receivers_that_hang_share_half_beyond_one_attempt_each() {
        let limits = Limits { in_all: 12, per_endpoint: 4 };
        let mut state = State::default();
        for byte in 1..=4 {
            state.take(endpoint(byte), 4);
        }
        let started = |state: &mut State, byte| (0..4).filter(|_| state.start(endpoint(byte), limits)).count();
        assert_eq!([1, 2, 3].map(|byte| started(&mut state, byte)), [4, 2, 1]);
        assert!(state.start(endpoint(4), limits), "somebody unknown has one attempt");
        state.end(endpoint(4), QUICK);
        assert_eq!(started(&mut state, 4), 4, "and who is quick has all of its own");
        state.end(endpoint(1), HANGING);
        assert!(!state.start(endpoint(1), limits), "who hangs still shares half");
    }
}
