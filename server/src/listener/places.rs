//! The places of connections: so many in all, and so many of one client.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ipnet::IpNet;
use signet_engine::{notice::Notice, request::ClientAddress};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Activity, Proxies};

/// The limits of connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most in all. A new one ends the one that has waited for its client longest.
    pub connections: usize,
    /// Of one client: an IPv4 address, or a /64 of IPv6. Trusted proxies, and those on this
    /// machine, have no such limit.
    pub connections_per_client: usize,
}

/// The connections that are open.
#[derive(Debug)]
pub struct Places {
    limits: Limits,
    proxies: Arc<Proxies>,
    free: Arc<Semaphore>,
    open: Mutex<Open>,
    full: Notice,
    crowded: Notice,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    activities: HashMap<u64, Arc<Activity>>,
    by_client: HashMap<IpNet, usize>,
}

/// One connection's place, free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    number: u64,
    client: Option<IpNet>,
    /// The connection's present step.
    pub activity: Arc<Activity>,
    /// Given back after the connection has left the lists.
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// All places, free.
    pub fn new(limits: Limits, proxies: Arc<Proxies>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            proxies,
            free: Arc::new(Semaphore::new(limits.connections)),
            open: Mutex::default(),
            full: Notice::default(),
            crowded: Notice::default(),
        })
    }

    /// A place for a connection from `peer`. `None` if its client has too many, or if this
    /// server works on an answer for each open connection.
    pub async fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let is_proxy = peer.to_canonical().is_loopback() || self.proxies.contain(peer);
        let client = (!is_proxy).then(|| ClientAddress::new(peer).household());
        if client.is_some_and(|client| self.is_crowded(client)) {
            return None;
        }
        if self.free.available_permits() == 0 && !self.evict() {
            return None;
        }
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(self.enter(client, permit))
    }

    fn is_crowded(&self, client: IpNet) -> bool {
        let limit = self.limits.connections_per_client;
        let crowded = self.open().by_client.get(&client).is_some_and(|&count| count >= limit);
        if crowded && let Some(refused) = self.crowded.due() {
            tracing::warn!(%client, limit, refused, "refused connections: see --max-connections-per-client");
        }
        crowded
    }

    /// Ends the connection that has waited for its client longest. Returns false if none waits.
    fn evict(&self) -> bool {
        if let Some(times) = self.full.due() {
            let limit = self.limits.connections;
            tracing::warn!(limit, times, "too many connections: ended those that wait longest, see --max-connections");
        }
        let open = self.open();
        let waiting = open.activities.values().filter_map(|it| Some((it.waits_since()?, it)));
        let longest = waiting.min_by_key(|(since, _)| *since);
        longest.inspect(|(_, activity)| activity.evict()).is_some()
    }

    fn enter(self: &Arc<Self>, client: Option<IpNet>, permit: OwnedSemaphorePermit) -> Place {
        let activity = Arc::new(Activity::new());
        let mut open = self.open();
        let number = open.next;
        open.next += 1;
        open.activities.insert(number, Arc::clone(&activity));
        if let Some(client) = client {
            *open.by_client.entry(client).or_default() += 1;
        }
        Place { places: Arc::clone(self), number, client, activity, _permit: permit }
    }

    fn leave(&self, number: u64, client: Option<IpNet>) {
        let mut open = self.open();
        open.activities.remove(&number);
        let Some(client) = client else { return };
        if let Some(count) = open.by_client.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                open.by_client.remove(&client);
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.leave(self.number, self.client);
    }
}
