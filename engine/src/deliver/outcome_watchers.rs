//! Tasks that wait until the attempt at one delivery is recorded.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use signet_model::DeliveryId;
use tokio::sync::{Notify, futures::Notified};

/// Deliveries that tasks may wait for. A task beyond them is not notified, and looks again
/// by itself.
const DELIVERIES_MAX: usize = 1_024;

/// The deliveries that tasks wait for.
#[derive(Debug, Default)]
pub(crate) struct OutcomeWatchers(Mutex<HashMap<DeliveryId, Arc<Notify>>>);

impl OutcomeWatchers {
    /// Begins to watch a delivery.
    pub(crate) fn watch(&self, delivery: DeliveryId) -> OutcomeWatcher<'_> {
        let mut watched = self.lock();
        let has_room = watched.len() < DELIVERIES_MAX;
        let notify = match watched.get(&delivery) {
            Some(notify) => Arc::clone(notify),
            None => Arc::default(),
        };
        if has_room {
            watched.insert(delivery, Arc::clone(&notify));
        }
        OutcomeWatcher { watchers: self, delivery, notify }
    }

    /// Notifies the tasks that wait for one of these deliveries.
    pub(crate) fn notify(&self, deliveries: impl Iterator<Item = DeliveryId>) {
        let watched = self.lock();
        if watched.is_empty() {
            return;
        }
        for notify in deliveries.filter_map(|delivery| watched.get(&delivery)) {
            notify.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeliveryId, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One task's watch over a delivery, until it is dropped.
#[derive(Debug)]
pub(crate) struct OutcomeWatcher<'w> {
    watchers: &'w OutcomeWatchers,
    delivery: DeliveryId,
    notify: Arc<Notify>,
}

impl OutcomeWatcher<'_> {
    /// Completes when the delivery is next recorded after this call.
    pub(crate) fn recorded(&self) -> Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for OutcomeWatcher<'_> {
    fn drop(&mut self) {
        let mut watched = self.watchers.lock();
        // One reference is the registry's, one this watcher's.
        if watched.get(&self.delivery).is_some_and(|notify| Arc::strong_count(notify) <= 2) {
            watched.remove(&self.delivery);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use futures_util::FutureExt;
    use signet_model::Timestamp;

    use super::*;

    fn delivery(number: u16) -> DeliveryId {
        let mut random = [0; 10];
        random[8..].copy_from_slice(&number.to_be_bytes());
        DeliveryId::new(Timestamp::from_unix_seconds(1_774_699_200), random)
    }

    #[test]
    fn a_recorded_delivery_notifies_its_own_watchers_alone() {
        let watchers = OutcomeWatchers::default();
        let [one, same, other] = [1, 1, 2].map(|number| watchers.watch(delivery(number)));
        let mut waits = [one.recorded(), same.recorded(), other.recorded()].map(Box::pin);
        watchers.notify(iter::once(delivery(1)));
        assert_eq!(waits.each_mut().map(|wait| wait.as_mut().now_or_never().is_some()), [true, true, false]);
    }

    #[test]
    fn a_watcher_that_is_dropped_leaves_no_trace() {
        let watchers = OutcomeWatchers::default();
        let [one, same] = [1, 1].map(|number| watchers.watch(delivery(number)));
        drop(one);
        let mut wait = Box::pin(same.recorded());
        watchers.notify(iter::once(delivery(1)));
        assert!(wait.as_mut().now_or_never().is_some());
        drop(wait);
        drop(same);
        assert!(watchers.lock().is_empty());
    }

    #[test]
    fn a_crowd_of_watchers_takes_no_more_memory() {
        let watchers = OutcomeWatchers::default();
        let crowd: Vec<_> = (0..2_000).map(|number| watchers.watch(delivery(number))).collect();
        assert_eq!(watchers.lock().len(), DELIVERIES_MAX);
        drop(crowd);
        assert!(watchers.lock().is_empty());
    }
}
