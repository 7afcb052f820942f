//! Tasks that wait for the next commit about one thing: a delivery's attempt, or an account's
//! events.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, futures::Notified};

/// Things that tasks may wait for. A task beyond them is not notified, and looks again
/// by itself.
const WATCHED_MAX: usize = 1_024;

/// The things that tasks wait for, by their ids.
#[derive(Debug)]
pub(crate) struct Watchers<K>(Mutex<HashMap<K, Arc<Notify>>>);

impl<K> Default for Watchers<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash> Watchers<K> {
    /// Begins to watch a thing.
    pub(crate) fn watch(&self, id: K) -> Watcher<'_, K> {
        let mut watched = self.lock();
        let has_room = watched.len() < WATCHED_MAX;
        let notify = match watched.get(&id) {
            Some(notify) => Arc::clone(notify),
            None => Arc::default(),
        };
        if has_room {
            watched.insert(id, Arc::clone(&notify));
        }
        Watcher { watchers: self, id, notify }
    }

    /// Notifies the tasks that wait for one of these things.
    pub(crate) fn notify(&self, ids: impl Iterator<Item = K>) {
        let watched = self.lock();
        if watched.is_empty() {
            return;
        }
        for notify in ids.filter_map(|id| watched.get(&id)) {
            notify.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One task's watch over a thing, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher<'w, K: Copy + Eq + Hash> {
    watchers: &'w Watchers<K>,
    id: K,
    notify: Arc<Notify>,
}

impl<K: Copy + Eq + Hash> Watcher<'_, K> {
    /// Completes at the next notification after this call.
    pub(crate) fn notified(&self) -> Notified<'_> {
        self.notify.notified()
    }
}

impl<K: Copy + Eq + Hash> Drop for Watcher<'_, K> {
    fn drop(&mut self) {
        let mut watched = self.watchers.lock();
        // One reference is the registry's, one this watcher's.
        if watched.get(&self.id).is_some_and(|notify| Arc::strong_count(notify) <= 2) {
            watched.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use futures_util::FutureExt;
    use signet_model::{DeliveryId, Timestamp};

    use super::*;

    fn delivery(number: u16) -> DeliveryId {
        let mut random = [0; 10];
        random[8..].copy_from_slice(&number.to_be_bytes());
        DeliveryId::new(Timestamp::from_unix_seconds(1_774_699_200), random)
    }

    #[test]
    fn a_recorded_delivery_notifies_its_own_watchers_alone() {
        let watchers = Watchers::default();
        let [one, same, other] = [1, 1, 2].map(|number| watchers.watch(delivery(number)));
        let mut waits = [one.notified(), same.notified(), other.notified()].map(Box::pin);
        watchers.notify(iter::once(delivery(1)));
        assert_eq!(waits.each_mut().map(|wait| wait.as_mut().now_or_never().is_some()), [true, true, false]);
    }

    #[test]
    fn a_watcher_that_is_dropped_leaves_no_trace() {
        let watchers = Watchers::default();
        let [one, same] = [1, 1].map(|number| watchers.watch(delivery(number)));
        drop(one);
        let mut wait = Box::pin(same.notified());
        watchers.notify(iter::once(delivery(1)));
        assert!(wait.as_mut().now_or_never().is_some());
        drop(wait);
        drop(same);
        assert!(watchers.lock().is_empty());
    }

    #[test]
    fn a_crowd_of_watchers_takes_no_more_memory() {
        let watchers = Watchers::default();
        let crowd: Vec<_> = (0..2_000).map(|number| watchers.watch(delivery(number))).collect();
        assert_eq!(watchers.lock().len(), WATCHED_MAX);
        drop(crowd);
        assert!(watchers.lock().is_empty());
    }
}
