//! Waits that grow with each failure of a key, and never lock it.

use std::{
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hashlink::LinkedHashMap;
use signet_model::{Timestamp, time::Clock};

use super::steady_clock::SteadyClock;

/// The growth of the waits.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// The failures without a wait.
    pub free: u32,
    /// The wait after one more failure. Each further one doubles it.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// The time without an attempt after which a key begins anew.
    pub forgotten_after: Duration,
}

impl Growth {
    /// The wait after so many failures.
    fn wait(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None | Some(0) => Duration::ZERO,
            Some(beyond) => self.first.saturating_mul(1 << (beyond - 1).min(30)).min(self.longest),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// Counts failures by key, for at most so many keys.
pub struct Backoff<K> {
    growth: Growth,
    most: usize,
    clock: SteadyClock,
    /// The key that was tried least recently comes first.
    failures: Mutex<LinkedHashMap<K, Failures>>,
}

impl<K> std::fmt::Debug for Backoff<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backoff").field("growth", &self.growth).finish_non_exhaustive()
    }
}

impl<K: Copy + Eq + Hash> Backoff<K> {
    /// No key has failed yet. Of more than `most` keys the one that was tried least recently is
    /// forgotten.
    pub fn new(growth: Growth, most: usize, clock: Arc<dyn Clock>) -> Self {
        Self { growth, most, clock: SteadyClock::of(clock), failures: Mutex::new(LinkedHashMap::new()) }
    }

    /// The time for which a key has to wait, if it has to.
    pub fn wait(&self, key: &K) -> Option<Duration> {
        let failures = self.failures().get(key).copied()?;
        let wait = self.growth.wait(failures.count).saturating_sub(self.clock.now().since(failures.last));
        Some(wait).filter(|wait| !wait.is_zero())
    }

    /// Begins an attempt. It counts as a failure until [`Self::succeeded`], so that attempts
    /// that come at once count as well.
    ///
    /// # Errors
    /// The key has to wait; the error is the time. A refused attempt makes the wait no longer.
    pub fn begin(&self, key: K) -> Result<(), Duration> {
        if let Some(wait) = self.wait(&key) {
            return Err(wait);
        }
        let now = self.clock.now();
        let mut all = self.failures();
        let before = all.remove(&key).filter(|it| now.since(it.last) < self.growth.forgotten_after);
        let count = before.map_or(0, |it| it.count).saturating_add(1);
        all.insert(key, Failures { count, last: now });
        while all.len() > self.most {
            all.pop_front();
        }
        Ok(())
    }

    /// Takes back that an attempt was begun, which was not made after all.
    pub fn not_made(&self, key: &K) {
        if let Some(failures) = self.failures().get_mut(key) {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    /// An attempt has succeeded: the key begins anew.
    pub fn succeeded(&self, key: &K) {
        self.failures().remove(key);
    }

    fn failures(&self) -> MutexGuard<'_, LinkedHashMap<K, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const SECOND: Duration = Duration::from_secs(1);
    const GROWTH: Growth =
        Growth { free: 3, first: SECOND, longest: Duration::from_secs(5), forgotten_after: Duration::from_mins(10) };

    fn backoff() -> (Backoff<u32>, ManualClock) {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
        (Backoff::new(GROWTH, 100, Arc::new(clock.clone())), clock)
    }

    #[test]
    fn waits_double_and_end() {
        let (backoff, clock) = backoff();
        for _ in 0..3 {
            assert_eq!(backoff.begin(1), Ok(()));
        }
        for seconds in [0, 1, 2, 4, 5, 5, 5] {
            assert_eq!(backoff.wait(&1).unwrap_or_default(), SECOND * seconds);
            if seconds > 0 {
                assert_eq!(backoff.begin(1), Err(SECOND * seconds));
            }
            clock.advance(SECOND * seconds);
            assert_eq!(backoff.begin(1), Ok(()), "{seconds}");
        }
        assert_eq!(backoff.begin(2), Ok(()), "another key is not concerned");
    }

    #[test]
    fn a_key_that_succeeds_or_rests_begins_anew() {
        let (backoff, clock) = backoff();
        let fail = || while backoff.begin(1).is_ok() {};
        fail();
        backoff.succeeded(&1);
        assert_eq!(backoff.wait(&1), None);
        fail();
        clock.advance(GROWTH.forgotten_after);
        for _ in 0..3 {
            assert_eq!(backoff.begin(1), Ok(()));
        }
    }

    #[test]
    fn a_million_keys_take_a_bounded_memory() {
        let (backoff, _) = backoff();
        for key in 0..1_000_000 {
            assert_eq!(backoff.begin(key), Ok(()));
        }
        assert_eq!(backoff.failures().len(), 100);
    }
}
