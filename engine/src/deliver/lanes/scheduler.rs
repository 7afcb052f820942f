//! Chooses the lane that begins an attempt next. A lane that only a shared limit keeps from
//! beginning waits in the queue of that limit, and is looked at again when the limit has
//! room: an attempt that ends costs the same, however many lanes wait.

use std::collections::VecDeque;

use signet_model::EndpointId;

use super::{
    lane::{AttemptSummary, Lane, SharedLimit},
    load::{account_share, unproven_share},
    state::State,
};
use crate::deliver::LeasedDelivery;

/// Lanes that move from a group's queue to the common one for each attempt that ends in the
/// group: one for its slot, and one more, since limits can grow.
const PROMOTED_MAX: usize = 2;

/// The limit that keeps a lane from beginning an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LimitReached {
    /// The lane's own.
    Lane,
    Shared(SharedLimit),
}

impl State {
    fn limit_reached(&self, lane: &Lane) -> Option<LimitReached> {
        let working = self.adaptive_limit.limit();
        if lane.load.under_way() >= lane.attempts_max(&self.limits) {
            return Some(LimitReached::Lane);
        }
        if self.hosts[lane.host_group].load.under_way() >= self.limits.per_host {
            return Some(LimitReached::Shared(SharedLimit::Host));
        }
        if lane.is_quick() {
            return (self.all.working >= working).then_some(LimitReached::Shared(SharedLimit::Quick));
        }
        // Each of these attempts may hang, and must have room among the hanging ones.
        let own = self.accounts[lane.account_group].load;
        if own.working >= account_share(working) || own.under_way() >= self.limits.hanging_per_account() {
            return Some(LimitReached::Shared(SharedLimit::Account));
        }
        let full = self.unproven.working >= unproven_share(working)
            || self.unproven.under_way() >= self.limits.hanging
            || self.all.working >= working;
        full.then_some(LimitReached::Shared(SharedLimit::Unproven))
    }

    /// Begins an attempt if the limits allow one more.
    pub(super) fn begin(&mut self, endpoint: EndpointId) -> bool {
        let free = self.lanes.get(&endpoint).is_some_and(|lane| self.limit_reached(lane).is_none());
        if free {
            self.change(endpoint, |lane| lane.load.working += 1);
        }
        free
    }

    /// Ends an attempt, and begins those that may take its place.
    pub(super) fn end(
        &mut self,
        endpoint: EndpointId,
        hangs: bool,
        ended: Option<AttemptSummary>,
    ) -> Vec<LeasedDelivery> {
        self.change(endpoint, |lane| {
            let count = if hangs { &mut lane.load.hanging } else { &mut lane.load.working };
            *count -= 1;
            if let Some(ended) = ended {
                lane.learn(ended);
            }
        });
        self.leave_queue_if_quick(endpoint);
        self.enqueue(endpoint);
        self.promote_groups(endpoint);
        self.resume()
    }

    fn promote_groups(&mut self, endpoint: EndpointId) {
        let Some(lane) = self.lanes.get(&endpoint) else { return };
        let (account, host) = (lane.account_group, lane.host_group);
        self.promote_group(SharedLimit::Host, host);
        self.promote_group(SharedLimit::Account, account);
    }

    /// Counts an attempt as hanging if the limits allow one more; otherwise it goes on
    /// counting as working.
    pub(super) fn hang(&mut self, endpoint: EndpointId) -> Option<Vec<LeasedDelivery>> {
        self.change(endpoint, Lane::learn_hanging);
        let own = self.accounts[self.lanes.get(&endpoint)?.account_group].load;
        if self.all.hanging >= self.limits.hanging || own.hanging >= self.limits.hanging_per_account() {
            return None;
        }
        self.change(endpoint, |lane| {
            lane.load.working -= 1;
            lane.load.hanging += 1;
        });
        self.promote_groups(endpoint);
        Some(self.resume())
    }

    /// Takes an endpoint that turned out to be quick out of the queues of unproven ones.
    fn leave_queue_if_quick(&mut self, endpoint: EndpointId) {
        if let Some(lane) = self.lanes.get_mut(&endpoint)
            && lane.is_quick()
        {
            lane.limited_by = lane.limited_by.filter(|shared| matches!(shared, SharedLimit::Quick | SharedLimit::Host));
        }
    }

    /// Queues the lane if a delivery waits in it that the lane's own limit allows to begin.
    pub(super) fn enqueue(&mut self, endpoint: EndpointId) {
        let Some(lane) = self.lanes.get(&endpoint) else { return };
        if lane.waiting.is_empty() || lane.limited_by.is_some() {
            return;
        }
        let shared = match self.limit_reached(lane) {
            Some(LimitReached::Lane) => return,
            Some(LimitReached::Shared(shared)) => shared,
            None if lane.is_quick() => SharedLimit::Quick,
            None => SharedLimit::Unproven,
        };
        let (account, host) = (lane.account_group, lane.host_group);
        match shared {
            SharedLimit::Host => &mut self.hosts[host].queue,
            SharedLimit::Account => &mut self.accounts[account].queue,
            SharedLimit::Unproven => &mut self.unproven_queue,
            SharedLimit::Quick => &mut self.quick_queue,
        }
        .push_back(endpoint);
        if let Some(lane) = self.lanes.get_mut(&endpoint) {
            lane.limited_by = Some(shared);
        }
    }

    /// Moves lanes from the queue of their group to the queue for all.
    pub(super) fn promote_group(&mut self, shared: SharedLimit, group: usize) {
        for _ in 0..PROMOTED_MAX {
            let Some(&first) = self.group_queue(shared, group).front() else { return };
            if self.is_still_limited(first, shared) {
                return;
            }
            self.group_queue(shared, group).pop_front();
            self.dequeue(first, shared);
            self.enqueue(first);
        }
    }

    fn group_queue(&mut self, shared: SharedLimit, group: usize) -> &mut VecDeque<EndpointId> {
        if shared == SharedLimit::Host { &mut self.hosts[group].queue } else { &mut self.accounts[group].queue }
    }

    /// Begins attempts from both queues in turn, as far as the limits allow.
    fn resume(&mut self) -> Vec<LeasedDelivery> {
        let mut deliveries = Vec::new();
        let mut misses = 0;
        while misses < 2 {
            let shared = self.next_queue;
            self.next_queue = if shared == SharedLimit::Quick { SharedLimit::Unproven } else { SharedLimit::Quick };
            let begun = self.begin_first(shared);
            misses = if begun.is_some() { 0 } else { misses + 1 };
            deliveries.extend(begun);
        }
        deliveries
    }

    /// Begins the first attempt in this queue that may begin.
    fn begin_first(&mut self, shared: SharedLimit) -> Option<LeasedDelivery> {
        while let Some(&first) = self.queue(shared).front() {
            if self.is_still_limited(first, shared) {
                return None;
            }
            self.queue(shared).pop_front();
            let ready = if self.dequeue(first, shared) && self.begin(first) { self.take_waiting(first) } else { None };
            self.enqueue(first);
            if ready.is_some() {
                return ready;
            }
        }
        None
    }

    fn queue(&mut self, shared: SharedLimit) -> &mut VecDeque<EndpointId> {
        if shared == SharedLimit::Quick { &mut self.quick_queue } else { &mut self.unproven_queue }
    }

    /// Tells whether the first lane in this queue waits for the same limit as before.
    fn is_still_limited(&self, endpoint: EndpointId, shared: SharedLimit) -> bool {
        let Some(lane) = self.lanes.get(&endpoint) else { return false };
        lane.limited_by == Some(shared) && self.limit_reached(lane) == Some(LimitReached::Shared(shared))
    }

    /// Takes a lane out of its queue. Returns `false` if it waits in another by now.
    fn dequeue(&mut self, endpoint: EndpointId, shared: SharedLimit) -> bool {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return false };
        let waited = lane.limited_by == Some(shared);
        if waited {
            lane.limited_by = None;
        }
        waited
    }

    fn take_waiting(&mut self, endpoint: EndpointId) -> Option<LeasedDelivery> {
        let lane = self.lanes.get_mut(&endpoint)?;
        let ready = lane.waiting.pop_front();
        if lane.waiting.is_empty() {
            // An idle lane is kept for long.
            lane.waiting = VecDeque::new();
        }
        ready
    }
}
