//! The lanes and their sums. Loads change through [`State::change`] alone, so that the sums
//! of an account, of a host and of all lanes are those of the lanes.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp, endpoint::EndpointUrl};
use tokio::time::Instant;

use super::{
    adaptive_limit::AdaptiveLimit,
    groups::Groups,
    lane::{Lane, NEW_LANE_DELIVERIES_MAX, SharedLimit},
    load::{BODIES_BYTES_MAX, LaneLimits, Load, fair_share},
    pace::Pace,
};
use crate::deliver::Address;

/// Lanes that are kept, idle ones included, since they know the speed of their endpoints.
const LANES_MAX: usize = 16_384;
/// Lanes that an eviction looks at.
const EVICTION_LANES_MAX: usize = 8;

/// The slots and bytes that may still be taken for an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) slots: usize,
    pub(super) bytes: usize,
}

pub(super) struct State {
    pub(super) limits: LaneLimits,
    pub(super) lanes: HashMap<EndpointId, Lane>,
    /// The load of each account at endpoints that are not known to be quick.
    pub(super) accounts: Groups<AccountId>,
    /// The load of each account at each host.
    pub(super) hosts: Groups<(AccountId, Box<str>)>,
    pub(super) all: Load,
    /// The load of all endpoints that are not known to be quick.
    pub(super) unproven: Load,
    pub(super) quick_queue: VecDeque<EndpointId>,
    pub(super) unproven_queue: VecDeque<EndpointId>,
    /// The queue that is next: the two take turns.
    pub(super) next_queue: SharedLimit,
    pub(super) adaptive_limit: AdaptiveLimit,
    /// The pace of attempts at endpoints that are not known to be quick.
    pub(super) pace: Pace,
    /// The tests that each account has under way.
    pub(super) tests: HashMap<AccountId, usize>,
    /// Endpoints whose lanes overflowed and have room again.
    pub(super) claimable: VecDeque<Address>,
    /// A delivery waits in the store for any free slot.
    pub(super) starved: bool,
    /// The deliveries that this process has leased and whose outcomes are not yet recorded.
    /// Ordered by the ends of their leases.
    pub(super) in_hand: BTreeMap<(Timestamp, DeliveryId), EndpointId>,
    /// The instant at which the log last reported an outage.
    pub(super) outage_reported_at: Option<Instant>,
    /// Every lane once, for the eviction of idle ones.
    evictable: VecDeque<EndpointId>,
}

impl State {
    pub(super) fn new(limits: LaneLimits) -> Self {
        Self {
            limits,
            lanes: HashMap::new(),
            accounts: Groups::default(),
            hosts: Groups::default(),
            all: Load::default(),
            unproven: Load::default(),
            quick_queue: VecDeque::new(),
            unproven_queue: VecDeque::new(),
            next_queue: SharedLimit::Quick,
            adaptive_limit: AdaptiveLimit::new(limits.working),
            pace: Pace::new(Instant::now()),
            tests: HashMap::new(),
            claimable: VecDeque::new(),
            starved: false,
            in_hand: BTreeMap::new(),
            outage_reported_at: None,
            evictable: VecDeque::new(),
        }
    }

    /// Makes sure that the endpoint has a lane, in the groups of its account and its host.
    pub(super) fn open(&mut self, address: Address, url: Option<&Arc<EndpointUrl>>) {
        match self.lanes.get_mut(&address.1) {
            Some(lane) if lane.url.as_ref().map(Arc::as_ptr) == url.map(Arc::as_ptr) => lane.used = true,
            Some(_) => self.relocate(address, url),
            None => self.add(address, url),
        }
    }

    fn add(&mut self, (account, endpoint): Address, url: Option<&Arc<EndpointUrl>>) {
        if self.lanes.len() >= LANES_MAX {
            self.evict();
        }
        let account_group = self.accounts.join(account);
        let host_group = self.hosts.join((account, host(url)));
        self.lanes.insert(endpoint, Lane::new(account, url.cloned(), account_group, host_group));
        self.evictable.push_back(endpoint);
    }

    /// Replaces the endpoint's URL by the one that was read anew. Another URL may lead to
    /// another receiver, so the speed is forgotten.
    fn relocate(&mut self, (account, endpoint): Address, url: Option<&Arc<EndpointUrl>>) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        let before = std::mem::replace(&mut lane.url, url.cloned());
        if before.as_ref() == url {
            return;
        }
        let host = self.hosts.join((account, host(url)));
        let (old, load) = (std::mem::replace(&mut lane.host_group, host), lane.load);
        lane.limited_by = lane.limited_by.filter(|&shared| shared != SharedLimit::Host);
        self.hosts[old].load.recount(load, Load::default());
        self.hosts[host].load.recount(Load::default(), load);
        self.promote_group(SharedLimit::Host, old);
        self.hosts.leave(old);
        self.change(endpoint, Lane::forget);
        self.enqueue(endpoint);
    }

    /// Removes a few of the lanes that are idle and were not used since the last look.
    fn evict(&mut self) {
        for _ in 0..EVICTION_LANES_MAX {
            let Some(endpoint) = self.evictable.pop_front() else { return };
            let Some(lane) = self.lanes.get_mut(&endpoint) else { continue };
            if std::mem::take(&mut lane.used) || !lane.is_idle() {
                self.evictable.push_back(endpoint);
                continue;
            }
            let (account, host) = (lane.account_group, lane.host_group);
            self.lanes.remove(&endpoint);
            self.accounts.leave(account);
            self.hosts.leave(host);
        }
    }

    /// Changes a lane and the sums that it is part of.
    pub(super) fn change(&mut self, endpoint: EndpointId, change: impl FnOnce(&mut Lane)) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        let unproven = |lane: &Lane| if lane.is_quick() { Load::default() } else { lane.load };
        let (before, unproven_before) = (lane.load, unproven(lane));
        change(lane);
        let (after, unproven_after) = (lane.load, unproven(lane));
        self.all.recount(before, after);
        self.hosts[lane.host_group].load.recount(before, after);
        self.unproven.recount(unproven_before, unproven_after);
        self.accounts[lane.account_group].load.recount(unproven_before, unproven_after);
    }

    /// Returns the room that is left for an endpoint. Endpoints that are not known to be
    /// quick share half of all slots and bytes, of which each account has its fair share.
    pub(super) fn room(&self, account: AccountId, endpoint: EndpointId) -> Room {
        let limits = &self.limits;
        let lane = self.lanes.get(&endpoint);
        let quick = lane.is_some_and(Lane::is_quick);
        let taken = lane.map_or(0, |lane| lane.load.slots);
        let slots_max = lane.map_or(limits.per_endpoint + NEW_LANE_DELIVERIES_MAX, |lane| lane.slots_max(limits));
        let mut slots = limits.slots().saturating_sub(self.all.slots_not_hanging());
        let mut bytes = BODIES_BYTES_MAX.saturating_sub(self.all.bytes);
        if !quick {
            let own = lane.map_or_else(|| self.accounts.load(&account), |lane| self.accounts[lane.account_group].load);
            let left = |most: usize, taken| (most / 2).saturating_sub(taken);
            slots =
                slots.min(fair_share(left(limits.slots(), self.unproven.slots_not_hanging()), own.slots_not_hanging()));
            bytes = bytes.min(fair_share(left(BODIES_BYTES_MAX, self.unproven.bytes), own.bytes));
        } else if taken == 0 && self.all.slots_not_hanging() < limits.capacity() {
            slots = slots.max(1);
        }
        Room { slots: slots.min(slots_max.saturating_sub(taken)), bytes }
    }

    /// Tells whether a claim has room at any endpoint.
    pub(super) fn has_room(&self) -> bool {
        self.all.working < self.adaptive_limit.limit()
            && self.all.slots_not_hanging() < self.limits.capacity()
            && self.all.bytes < BODIES_BYTES_MAX
    }

    /// Tells whether the endpoint has enough in hand, or no room.
    pub(super) fn is_saturated(&self, (account, endpoint): Address) -> bool {
        let room = self.room(account, endpoint);
        let lane = self.lanes.get(&endpoint);
        let enough = lane.is_some_and(|lane| lane.load.slots >= lane.enough(&self.limits));
        enough || room.slots == 0 || room.bytes == 0
    }

    /// Notes that the endpoint has a delivery due and no room. Its lane requests a claim once
    /// it has room; if the lane is empty, any slot that is freed may give it room.
    pub(super) fn overflow(&mut self, endpoint: EndpointId) {
        match self.lanes.get_mut(&endpoint) {
            Some(lane) => {
                lane.overflown = true;
                self.starved |= lane.load.slots == 0;
            }
            None => self.starved = true,
        }
    }

    /// Requests one claim for an overflown lane that has room again.
    pub(super) fn request_claim(&mut self, endpoint: EndpointId) {
        let Some(lane) = self.lanes.get(&endpoint) else { return };
        if !lane.overflown || lane.claim_requested {
            return;
        }
        let address = (lane.account, endpoint);
        if self.is_saturated(address) {
            self.overflow(endpoint);
        } else if let Some(lane) = self.lanes.get_mut(&endpoint) {
            lane.claim_requested = true;
            self.claimable.push_back(address);
        }
    }
}

/// Returns the host of a URL, or an empty text for a URL that cannot be read.
fn host(url: Option<&Arc<EndpointUrl>>) -> Box<str> {
    url.map_or("", |url| url.host()).into()
}
