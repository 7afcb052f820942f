//! Tasks that wait until the attempt at one delivery is on record.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use signet_model::DeliveryId;
use tokio::sync::{Notify, futures::Notified};

/// The most deliveries that are waited for. A task beyond them is not woken, and looks
/// again by itself.
const DELIVERIES_MAX: usize = 1_024;

/// The deliveries that tasks wait for.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<HashMap<DeliveryId, Arc<Notify>>>);

impl Waiters {
    /// Begins to wait for a delivery.
    pub(crate) fn wait_for(&self, delivery: DeliveryId) -> Waiter<'_> {
        let mut waited_for = self.lock();
        let has_room = waited_for.len() < DELIVERIES_MAX;
        let notify = match waited_for.get(&delivery) {
            Some(notify) => Arc::clone(notify),
            None => Arc::default(),
        };
        if has_room {
            waited_for.insert(delivery, Arc::clone(&notify));
        }
        Waiter { waiters: self, delivery, notify }
    }

    /// Wakes the tasks that wait for one of these.
    pub(crate) fn wake(&self, deliveries: impl Iterator<Item = DeliveryId>) {
        let waited_for = self.lock();
        if waited_for.is_empty() {
            return;
        }
        for notify in deliveries.filter_map(|delivery| waited_for.get(&delivery)) {
            notify.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeliveryId, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task's wait for a delivery; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Waiter<'w> {
    waiters: &'w Waiters,
    delivery: DeliveryId,
    notify: Arc<Notify>,
}

impl Waiter<'_> {
    /// Ends when the delivery is next recorded after this call.
    pub(crate) fn recorded(&self) -> Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waited_for = self.waiters.lock();
        // The registry's and this one's.
        if waited_for.get(&self.delivery).is_some_and(|notify| Arc::strong_count(notify) <= 2) {
            waited_for.remove(&self.delivery);
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
    fn a_recorded_delivery_wakes_its_own_waiters_and_no_other() {
        let waiters = Waiters::default();
        let [one, same, other] = [1, 1, 2].map(|number| waiters.wait_for(delivery(number)));
        let mut waits = [one.recorded(), same.recorded(), other.recorded()].map(Box::pin);
        waiters.wake(iter::once(delivery(1)));
        assert_eq!(waits.each_mut().map(|wait| wait.as_mut().now_or_never().is_some()), [true, true, false]);
    }

    #[test]
    fn a_waiter_that_has_gone_leaves_no_trace() {
        let waiters = Waiters::default();
        let [one, same] = [1, 1].map(|number| waiters.wait_for(delivery(number)));
        drop(one);
        let mut wait = Box::pin(same.recorded());
        waiters.wake(iter::once(delivery(1)));
        assert!(wait.as_mut().now_or_never().is_some());
        drop(wait);
        drop(same);
        assert!(waiters.lock().is_empty());
    }

    #[test]
    fn a_crowd_of_waiters_takes_no_more_memory() {
        let waiters = Waiters::default();
        let crowd: Vec<_> = (0..2_000).map(|number| waiters.wait_for(delivery(number))).collect();
        assert_eq!(waiters.lock().len(), DELIVERIES_MAX);
        drop(crowd);
        assert!(waiters.lock().is_empty());
    }
}
