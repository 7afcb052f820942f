//! Limits the rate of each of many keys: a few times at once, then at intervals.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::notice::Notice;

/// The rate at which a key may be taken.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// The number of times at once.
    pub burst: u32,
    /// The time until one more time is allowed.
    pub interval: Duration,
}

impl Rate {
    /// The rate of `times` a second, which may come at once.
    pub fn per_second(times: NonZeroU32) -> Self {
        Self { burst: times.get(), interval: Duration::from_secs(1) / times.get() }
    }
}

/// Counts by key, for at most so many keys.
#[derive(Debug)]
pub struct RateLimit<K> {
    /// The name of the limit, for the log.
    name: &'static str,
    rate: Rate,
    most: usize,
    table: Mutex<Table<K>>,
    full: Notice,
}

/// The instants at which keys that kept to the interval would be free. A key that is free now
/// need not be here.
#[derive(Debug)]
struct Table<K> {
    free_at: HashMap<K, Instant>,
    /// The same, the soonest first.
    order: BTreeSet<(Instant, K)>,
}

impl<K: Copy + Eq + Hash + Ord> RateLimit<K> {
    /// No key has been taken yet. When there are `most` keys, a new one takes the place of the
    /// one that is free soonest.
    pub fn new(name: &'static str, rate: Rate, most: usize) -> Self {
        let table = Table { free_at: HashMap::new(), order: BTreeSet::new() };
        Self { name, rate, most, table: Mutex::new(table), full: Notice::default() }
    }

    /// Takes a key once.
    ///
    /// # Errors
    /// The key was taken too often; the error is the time to wait.
    pub fn take(&self, key: K) -> Result<(), Duration> {
        let now = Instant::now();
        let mut table = self.table();
        let free_at = table.free_at.get(&key).copied().unwrap_or(now).max(now);
        let wait = (free_at - now).saturating_sub(self.rate.interval * (self.rate.burst - 1));
        if !wait.is_zero() {
            return Err(wait);
        }
        table.set(key, free_at + self.rate.interval);
        table.forget_free(now);
        if table.free_at.len() > self.most {
            table.forget_soonest();
            if let Some(times) = self.full.due() {
                tracing::warn!(
                    name = self.name,
                    limit = self.most,
                    times,
                    "too many are counted: forgot the least busy"
                );
            }
        }
        Ok(())
    }

    /// Forgets that a key was taken.
    pub fn forget(&self, key: &K) {
        self.table().remove(key);
    }

    fn table(&self) -> MutexGuard<'_, Table<K>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash + Ord> Table<K> {
    fn set(&mut self, key: K, free_at: Instant) {
        if let Some(before) = self.free_at.insert(key, free_at) {
            self.order.remove(&(before, key));
        }
        self.order.insert((free_at, key));
    }

    fn remove(&mut self, key: &K) {
        if let Some(free_at) = self.free_at.remove(key) {
            self.order.remove(&(free_at, *key));
        }
    }

    /// Forgets keys that are free: two for each that is taken are soon all.
    fn forget_free(&mut self, now: Instant) {
        for _ in 0..2 {
            if self.order.first().is_some_and(|(free_at, _)| *free_at <= now) {
                self.forget_soonest();
            }
        }
    }

    fn forget_soonest(&mut self) {
        if let Some((_, key)) = self.order.pop_first() {
            self.free_at.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);
    const MOST: usize = 100;

    fn limit() -> RateLimit<usize> {
        RateLimit::new("keys", Rate { burst: 10, interval: INTERVAL }, MOST)
    }

    fn sizes(limit: &RateLimit<usize>) -> (usize, usize) {
        let table = limit.table();
        (table.free_at.len(), table.order.len())
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_burst_a_key_is_taken_at_intervals() {
        let limit = limit();
        for _ in 0..10 {
            assert_eq!(limit.take(1), Ok(()));
        }
        assert_eq!(limit.take(1), Err(INTERVAL));
        assert_eq!(limit.take(2), Ok(()), "another key is not concerned");
        advance(INTERVAL).await;
        assert_eq!((limit.take(1), limit.take(1)), (Ok(()), Err(INTERVAL)));
        limit.forget(&1);
        assert_eq!(limit.take(1), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_free_takes_no_memory() {
        let limit = limit();
        for key in 0..MOST {
            assert_eq!(limit.take(key), Ok(()));
        }
        advance(INTERVAL).await;
        for _ in 0..MOST / 2 {
            assert_eq!(limit.take(0), Ok(()));
            limit.forget(&0);
        }
        assert_eq!(sizes(&limit), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn any_number_of_keys_leaves_the_busy_ones_counted() {
        let limit = limit();
        for _ in 0..10 {
            assert_eq!(limit.take(0), Ok(()));
        }
        for key in 1..10 * MOST {
            assert_eq!(limit.take(key), Ok(()));
        }
        assert_eq!(sizes(&limit), (MOST, MOST));
        assert_eq!(limit.take(0), Err(INTERVAL));
    }
}
