//! The lanes and their sums. Each count changes in one place, so that the sums of an
//! account, of a host and of all lanes are those of the lanes.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use signet_model::{AccountId, DeliveryId, EndpointId, endpoint::EndpointUrl};
use tokio::time::Instant;

use super::{
    adaptive_limit::Brake,
    groups::Groups,
    lane::{Lane, Shared, WAITING_AT_FIRST},
    load::{BODIES_BYTES_MAX, Limits, Load, fair},
    slot::Held,
};
use crate::deliver::Address;

/// How many lanes are remembered, for what is known of their endpoints.
const LANES_MAX: usize = 16_384;
/// How many lanes an eviction looks at.
const LOOKED_AT: usize = 8;

/// How much may be taken for an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) places: usize,
    pub(super) bytes: usize,
}

pub(super) struct State {
    pub(super) limits: Limits,
    pub(super) lanes: HashMap<EndpointId, Lane>,
    /// What each account has in hand for endpoints that are not known to be quick.
    pub(super) accounts: Groups<AccountId>,
    /// What each account has in hand for each host.
    pub(super) hosts: Groups<(AccountId, Box<str>)>,
    pub(super) all: Load,
    /// What is in hand for endpoints that are not known to be quick.
    pub(super) unproven: Load,
    pub(super) quick_line: VecDeque<EndpointId>,
    pub(super) unproven_line: VecDeque<EndpointId>,
    /// The line that is next: the two take turns.
    pub(super) next_line: Shared,
    pub(super) brake: Brake,
    /// The tests that each account has under way.
    pub(super) tests: HashMap<AccountId, usize>,
    /// Endpoints whose lanes overflowed and have room again.
    pub(super) claimable: VecDeque<Address>,
    /// A place was asked for in vain: something waits in the store for it.
    pub(super) starved: bool,
    /// The deliveries that this process has in hand or whose outcome is not on record.
    pub(super) in_hand: HashMap<DeliveryId, Arc<Mutex<Held>>>,
    /// When the log last said that disabling rests.
    pub(super) rest_said_at: Option<Instant>,
    /// Every lane once, for the eviction of idle ones.
    evictable: VecDeque<EndpointId>,
}

impl State {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            lanes: HashMap::new(),
            accounts: Groups::default(),
            hosts: Groups::default(),
            all: Load::default(),
            unproven: Load::default(),
            quick_line: VecDeque::new(),
            unproven_line: VecDeque::new(),
            next_line: Shared::Quick,
            brake: Brake::new(limits.working),
            tests: HashMap::new(),
            claimable: VecDeque::new(),
            starved: false,
            in_hand: HashMap::new(),
            rest_said_at: None,
            evictable: VecDeque::new(),
        }
    }

    /// Makes sure that the endpoint has a lane, by its account and its present host.
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

    /// Takes in the endpoint's URL as it was read anew. At another address there may
    /// be another receiver.
    fn relocate(&mut self, (account, endpoint): Address, url: Option<&Arc<EndpointUrl>>) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        let before = std::mem::replace(&mut lane.url, url.cloned());
        if before.as_ref() == url {
            return;
        }
        let host = self.hosts.join((account, host(url)));
        let (old, load) = (std::mem::replace(&mut lane.host_group, host), lane.load);
        lane.waits_for = lane.waits_for.filter(|&shared| shared != Shared::Host);
        self.hosts[old].load.recount(load, Load::default());
        self.hosts[host].load.recount(Load::default(), load);
        self.call_group(Shared::Host, old);
        self.hosts.leave(old);
        self.change(endpoint, Lane::forget);
        self.line_up(endpoint);
    }

    /// Forgets a few of the lanes that are idle and were not used since this last came
    /// past them.
    fn evict(&mut self) {
        for _ in 0..LOOKED_AT {
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

    /// Changes a lane, and with it the sums that it is part of.
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

    /// How much more may be taken for an endpoint. Those that are not known to be quick
    /// have half of everything, of which each account has its fair part.
    pub(super) fn room(&self, account: AccountId, endpoint: EndpointId) -> Room {
        let limits = &self.limits;
        let lane = self.lanes.get(&endpoint);
        let quick = lane.is_some_and(Lane::is_quick);
        let taken = lane.map_or(0, |lane| lane.load.places);
        let most = lane.map_or(limits.per_endpoint + WAITING_AT_FIRST, |lane| lane.places_max(limits));
        let mut places = limits.places().saturating_sub(self.all.standing());
        let mut bytes = BODIES_BYTES_MAX.saturating_sub(self.all.bytes);
        if !quick {
            let own = lane.map_or_else(|| self.accounts.load(&account), |lane| self.accounts[lane.account_group].load);
            let left = |most: usize, taken| (most / 2).saturating_sub(taken);
            places = places.min(fair(left(limits.places(), self.unproven.standing()), own.standing()));
            bytes = bytes.min(fair(left(BODIES_BYTES_MAX, self.unproven.bytes), own.bytes));
        } else if taken == 0 && self.all.standing() < limits.capacity() {
            places = places.max(1);
        }
        Room { places: places.min(most.saturating_sub(taken)), bytes }
    }

    /// Whether anything may be claimed at all.
    pub(super) fn has_room(&self) -> bool {
        self.all.working < self.brake.limit()
            && self.all.standing() < self.limits.capacity()
            && self.all.bytes < BODIES_BYTES_MAX
    }

    /// Whether enough is in hand for the endpoint, or all that there may be.
    pub(super) fn is_saturated(&self, (account, endpoint): Address) -> bool {
        let room = self.room(account, endpoint);
        let lane = self.lanes.get(&endpoint);
        let enough = lane.is_some_and(|lane| lane.load.places >= lane.enough(&self.limits));
        enough || room.places == 0 || room.bytes == 0
    }

    /// Notes that something is due at the endpoint for which there is no room. Its lane
    /// tells when there is again; where it has nothing in hand, any place that is given
    /// back may be what it waits for.
    pub(super) fn overflow(&mut self, endpoint: EndpointId) {
        match self.lanes.get_mut(&endpoint) {
            Some(lane) => {
                lane.overflown = true;
                self.starved |= lane.load.places == 0;
            }
            None => self.starved = true,
        }
    }

    /// Tells the dispatcher that an overflown lane has room again, once.
    pub(super) fn call_to_claim(&mut self, endpoint: EndpointId) {
        let Some(lane) = self.lanes.get(&endpoint) else { return };
        if !lane.overflown || lane.called {
            return;
        }
        let address = (lane.account, endpoint);
        if self.is_saturated(address) {
            self.overflow(endpoint);
        } else if let Some(lane) = self.lanes.get_mut(&endpoint) {
            lane.called = true;
            self.claimable.push_back(address);
        }
    }
}

/// The host of a URL; of one that cannot be read, none.
fn host(url: Option<&Arc<EndpointUrl>>) -> Box<str> {
    url.map_or("", |url| url.host()).into()
}
