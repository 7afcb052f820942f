//! Who begins an attempt next. A lane that could but for a limit that it shares waits
//! in the line for that limit, and is looked at again when there is room below it:
//! an attempt that ends costs the same, however many lanes wait.

use std::collections::VecDeque;

use signet_model::EndpointId;

use super::{
    lane::{Ended, Lane, Shared},
    load::{account_share, unproven_share},
    state::State,
};
use crate::deliver::Ready;

/// How many lanes may stand in line again for each attempt that ends in their group:
/// one for its place, and one more, since limits can grow.
const CALLED: usize = 2;

/// Why a lane cannot begin an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    /// It has as many under way as it may.
    Lane,
    Shared(Shared),
}

impl State {
    fn obstacle(&self, lane: &Lane) -> Option<Obstacle> {
        let working = self.brake.limit();
        if lane.load.under_way() >= lane.attempts_max(&self.limits) {
            return Some(Obstacle::Lane);
        }
        if self.hosts[lane.host_group].load.under_way() >= self.limits.per_host {
            return Some(Obstacle::Shared(Shared::Host));
        }
        if lane.is_quick() {
            return (self.all.working >= working).then_some(Obstacle::Shared(Shared::Quick));
        }
        // Each of these may hang, and must find room then.
        let own = self.accounts[lane.account_group].load;
        if own.working >= account_share(working) || own.under_way() >= self.limits.hanging_per_account() {
            return Some(Obstacle::Shared(Shared::Account));
        }
        let full = self.unproven.working >= unproven_share(working)
            || self.unproven.under_way() >= self.limits.hanging
            || self.all.working >= working;
        full.then_some(Obstacle::Shared(Shared::Unproven))
    }

    /// Begins an attempt, if there may be one more.
    pub(super) fn begin(&mut self, endpoint: EndpointId) -> bool {
        let free = self.lanes.get(&endpoint).is_some_and(|lane| self.obstacle(lane).is_none());
        if free {
            self.change(endpoint, |lane| lane.load.working += 1);
        }
        free
    }

    /// Ends an attempt, and begins those whose turn it is then.
    pub(super) fn end(&mut self, endpoint: EndpointId, hangs: bool, ended: Option<Ended>) -> Vec<Ready> {
        self.change(endpoint, |lane| {
            let count = if hangs { &mut lane.load.hanging } else { &mut lane.load.working };
            *count -= 1;
            if let Some(ended) = ended {
                lane.learn(ended);
            }
        });
        self.leave_line_if_quick(endpoint);
        self.line_up(endpoint);
        self.call_groups(endpoint);
        self.resume()
    }

    fn call_groups(&mut self, endpoint: EndpointId) {
        let Some(lane) = self.lanes.get(&endpoint) else { return };
        let (account, host) = (lane.account_group, lane.host_group);
        self.call_group(Shared::Host, host);
        self.call_group(Shared::Account, account);
    }

    /// Counts an attempt as a hanging one, if there may be one more; otherwise it goes
    /// on taking the place of one that works.
    pub(super) fn hang(&mut self, endpoint: EndpointId) -> Option<Vec<Ready>> {
        self.change(endpoint, Lane::learn_hanging);
        let own = self.accounts[self.lanes.get(&endpoint)?.account_group].load;
        if self.all.hanging >= self.limits.hanging || own.hanging >= self.limits.hanging_per_account() {
            return None;
        }
        self.change(endpoint, |lane| {
            lane.load.working -= 1;
            lane.load.hanging += 1;
        });
        self.call_groups(endpoint);
        Some(self.resume())
    }

    /// An endpoint that turned out to be quick does not wait behind those that may hang.
    fn leave_line_if_quick(&mut self, endpoint: EndpointId) {
        if let Some(lane) = self.lanes.get_mut(&endpoint)
            && lane.is_quick()
        {
            lane.waits_for = lane.waits_for.filter(|shared| matches!(shared, Shared::Quick | Shared::Host));
        }
    }

    /// Puts the lane in line if a delivery waits in it that could be under way as far
    /// as the lane goes.
    pub(super) fn line_up(&mut self, endpoint: EndpointId) {
        let Some(lane) = self.lanes.get(&endpoint) else { return };
        if lane.waiting.is_empty() || lane.waits_for.is_some() {
            return;
        }
        let shared = match self.obstacle(lane) {
            Some(Obstacle::Lane) => return,
            Some(Obstacle::Shared(shared)) => shared,
            None if lane.is_quick() => Shared::Quick,
            None => Shared::Unproven,
        };
        let (account, host) = (lane.account_group, lane.host_group);
        match shared {
            Shared::Host => &mut self.hosts[host].line,
            Shared::Account => &mut self.accounts[account].line,
            Shared::Unproven => &mut self.unproven_line,
            Shared::Quick => &mut self.quick_line,
        }
        .push_back(endpoint);
        if let Some(lane) = self.lanes.get_mut(&endpoint) {
            lane.waits_for = Some(shared);
        }
    }

    /// Lets lanes of a group that wait for its limit stand in the line for all.
    pub(super) fn call_group(&mut self, shared: Shared, group: usize) {
        for _ in 0..CALLED {
            let Some(&first) = self.group_line(shared, group).front() else { return };
            if self.still_waits(first, shared) {
                return;
            }
            self.group_line(shared, group).pop_front();
            self.step_out(first, shared);
            self.line_up(first);
        }
    }

    fn group_line(&mut self, shared: Shared, group: usize) -> &mut VecDeque<EndpointId> {
        if shared == Shared::Host { &mut self.hosts[group].line } else { &mut self.accounts[group].line }
    }

    /// Begins what waits, line by line, as far as it may.
    fn resume(&mut self) -> Vec<Ready> {
        let mut turns = Vec::new();
        let mut in_vain = 0;
        while in_vain < 2 {
            let shared = self.next_line;
            self.next_line = if shared == Shared::Quick { Shared::Unproven } else { Shared::Quick };
            let begun = self.begin_first(shared);
            in_vain = if begun.is_some() { 0 } else { in_vain + 1 };
            turns.extend(begun);
        }
        turns
    }

    /// Begins the first attempt in this line that may begin.
    fn begin_first(&mut self, shared: Shared) -> Option<Ready> {
        while let Some(&first) = self.line(shared).front() {
            if self.still_waits(first, shared) {
                return None;
            }
            self.line(shared).pop_front();
            let ready = if self.step_out(first, shared) && self.begin(first) { self.take_waiting(first) } else { None };
            self.line_up(first);
            if ready.is_some() {
                return ready;
            }
        }
        None
    }

    fn line(&mut self, shared: Shared) -> &mut VecDeque<EndpointId> {
        if shared == Shared::Quick { &mut self.quick_line } else { &mut self.unproven_line }
    }

    /// Whether the first in this line waits for the same limit as before.
    fn still_waits(&self, endpoint: EndpointId, shared: Shared) -> bool {
        let Some(lane) = self.lanes.get(&endpoint) else { return false };
        lane.waits_for == Some(shared) && self.obstacle(lane) == Some(Obstacle::Shared(shared))
    }

    /// Takes a lane out of its line; `false` if it stands in another by now.
    fn step_out(&mut self, endpoint: EndpointId, shared: Shared) -> bool {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return false };
        let stood = lane.waits_for == Some(shared);
        if stood {
            lane.waits_for = None;
        }
        stood
    }

    fn take_waiting(&mut self, endpoint: EndpointId) -> Option<Ready> {
        let lane = self.lanes.get_mut(&endpoint)?;
        let ready = lane.waiting.pop_front();
        if lane.waiting.is_empty() {
            // An idle lane is remembered for long.
            lane.waiting = VecDeque::new();
        }
        ready
    }
}
