//! What is remembered of hours that change no more, so that a page that is read again reads the
//! present hour alone.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use signet_model::Timestamp;

use crate::queue::HOUR;

/// The time after the end of an hour by which the outcomes of its attempts are recorded.
const SETTLES_AFTER: Duration = Duration::from_mins(10);

/// The hours among these that change no more.
pub(super) fn settled(hours: &[Timestamp], now: Timestamp) -> impl Iterator<Item = Timestamp> {
    hours.iter().copied().filter(move |hour| *hour + HOUR + SETTLES_AFTER <= now)
}

/// What settled hours came to, by an account or an endpoint.
pub(crate) struct Settled<K, V> {
    all: Mutex<HashMap<K, BTreeMap<Timestamp, V>>>,
    /// The keys that are remembered.
    most: usize,
}

impl<K, V> fmt::Debug for Settled<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settled")
    }
}

impl<K: Eq + Hash, V: Clone> Settled<K, V> {
    /// Remembers so many keys.
    pub(crate) fn new(most: usize) -> Self {
        Self { all: Mutex::default(), most }
    }

    /// Those of the hours that are remembered.
    pub(super) fn of(&self, key: &K, hours: &[Timestamp]) -> BTreeMap<Timestamp, V> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = all.get(key).cloned().unwrap_or_default();
        known.retain(|hour, _| hours.contains(hour));
        known
    }

    /// Remembers hours; if there is no room, those of other keys are forgotten.
    pub(super) fn remember(&self, key: K, hours: BTreeMap<Timestamp, V>) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= self.most && !all.contains_key(&key) {
            all.clear();
        }
        all.insert(key, hours);
    }
}
