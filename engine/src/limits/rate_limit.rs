//! Limits the rate of each of many keys: a few times at once, then at intervals. `governor` has
//! the algorithm (GCRA); the table of keys has a fixed size.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    hash::Hash,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{self, Clock as _},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::StateStore,
};
use signet_model::time::Clock;

use super::steady_clock::SteadyClock;
use crate::notice::Notice;

/// The rate at which a key may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The number of times at once.
    pub burst: NonZeroU32,
    /// The time until one more time is allowed.
    pub interval: Duration,
}

impl Rate {
    /// So many times at once, and one more after each interval.
    ///
    /// # Panics
    /// With a burst of zero, which would allow nothing at all.
    pub const fn new(burst: u32, interval: Duration) -> Self {
        Self { burst: NonZeroU32::new(burst).expect("a burst above zero"), interval }
    }

    /// The rate of `times` a second, which may come at once.
    pub fn per_second(times: NonZeroU32) -> Self {
        Self { burst: times, interval: Duration::from_secs(1) / times.get() }
    }

    /// The time after which a key that has used all of its burst has all of it again.
    pub fn window(self) -> Duration {
        self.interval * self.burst.get()
    }

    fn quota(self) -> Quota {
        let quota = Quota::with_period(self.interval.max(Duration::from_nanos(1)));
        quota.unwrap_or(Quota::per_second(self.burst)).allow_burst(self.burst)
    }
}

/// The rest of a key's allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The number of times that are left at once.
    pub remaining: u32,
    /// The time after which the whole burst is there again.
    pub full_after: Duration,
}

/// Counts by key, for at most so many keys.
pub struct RateLimit<K: Copy + Eq + Hash + Ord> {
    rate: Rate,
    table: Shared<K>,
    limiter: RateLimiter<K, Shared<K>, LimitClock, StateInformationMiddleware>,
}

impl<K: Copy + Eq + Hash + Ord> fmt::Debug for RateLimit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("name", &self.table.0.name).field("rate", &self.rate).finish_non_exhaustive()
    }
}

impl<K: Copy + Eq + Hash + Ord> RateLimit<K> {
    /// No key has been taken yet. When there are `most` keys, a new one takes the place of the
    /// one that is free soonest. `name` is for the log.
    pub fn new(name: &'static str, rate: Rate, most: usize, clock: Arc<dyn Clock>) -> Self {
        let clock = LimitClock(SteadyClock::of(clock));
        let keys = Keys {
            start: clock.now(),
            clock: clock.clone(),
            name,
            most,
            busy: Mutex::default(),
            full: Notice::default(),
        };
        let table = Shared(Arc::new(keys));
        let limiter = RateLimiter::new(rate.quota(), table.clone(), clock);
        Self { rate, table, limiter }
    }

    /// The rate.
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes a key once.
    ///
    /// # Errors
    /// The key was taken too often; the error is the time to wait.
    pub fn take(&self, key: K) -> Result<Allowance, Duration> {
        match self.limiter.check_key(&key) {
            Ok(state) => Ok(self.allowance(state.remaining_burst_capacity())),
            Err(until) => Err(until.wait_time_from(self.limiter.clock().now())),
        }
    }

    /// Takes back that a key was taken once.
    pub fn give_back(&self, key: &K) {
        let mut busy = self.table.0.busy();
        if let Some(free_at) = busy.free_at.get(key).copied() {
            busy.set(*key, free_at.saturating_sub(nanos(self.rate.interval)));
        }
    }

    fn allowance(&self, remaining: u32) -> Allowance {
        let used = self.rate.burst.get().saturating_sub(remaining);
        Allowance { remaining, full_after: self.rate.interval * used }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The clock of the engine, as `governor` reads it.
#[derive(Clone)]
struct LimitClock(SteadyClock);

impl clock::Clock for LimitClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.since_1970()
    }
}

/// The keys that are not free. One that is free need not be here.
struct Keys<K> {
    name: &'static str,
    most: usize,
    clock: LimitClock,
    start: Duration,
    busy: Mutex<Busy<K>>,
    full: Notice,
}

/// The instants, in nanoseconds since the start, at which keys that kept to the interval would
/// be free.
struct Busy<K> {
    free_at: HashMap<K, u64>,
    /// The same, the soonest first.
    order: BTreeSet<(u64, K)>,
}

impl<K> Default for Busy<K> {
    fn default() -> Self {
        Self { free_at: HashMap::new(), order: BTreeSet::new() }
    }
}

struct Shared<K>(Arc<Keys<K>>);

impl<K> Clone for Shared<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Copy + Eq + Hash + Ord> StateStore for Shared<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut busy = self.0.busy();
        let (outcome, free_at) = measure(busy.free_at.get(key).copied().map(Nanos::from))?;
        busy.set(*key, free_at.as_u64());
        self.0.bound(&mut busy);
        Ok(outcome)
    }
}

impl<K: Copy + Eq + Hash + Ord> Keys<K> {
    /// Forgets keys that are free, and beyond the limit the least busy one.
    fn bound(&self, busy: &mut Busy<K>) {
        busy.forget_free(nanos(self.clock.now().saturating_sub(self.start)));
        if busy.free_at.len() <= self.most {
            return;
        }
        busy.forget_soonest();
        if let Some(times) = self.full.due() {
            tracing::warn!(name = self.name, limit = self.most, times, "too many are counted: forgot the least busy");
        }
    }

    fn busy(&self) -> MutexGuard<'_, Busy<K>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash + Ord> Busy<K> {
    fn set(&mut self, key: K, free_at: u64) {
        if let Some(before) = self.free_at.insert(key, free_at) {
            self.order.remove(&(before, key));
        }
        self.order.insert((free_at, key));
    }

    /// Forgets keys that are free: two for each that is taken are soon all.
    fn forget_free(&mut self, now: u64) {
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
    use signet_model::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    const INTERVAL: Duration = Duration::from_secs(30);
    const MOST: usize = 100;

    fn limit() -> (RateLimit<usize>, ManualClock) {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
        (RateLimit::new("keys", Rate::new(10, INTERVAL), MOST, Arc::new(clock.clone())), clock)
    }

    fn sizes(limit: &RateLimit<usize>) -> (usize, usize) {
        let busy = limit.table.0.busy();
        (busy.free_at.len(), busy.order.len())
    }

    #[test]
    fn after_a_burst_a_key_is_taken_at_intervals() {
        let (limit, clock) = limit();
        for taken in 1..=10 {
            let allowance = Allowance { remaining: 10 - taken, full_after: INTERVAL * taken };
            assert_eq!(limit.take(1), Ok(allowance));
        }
        assert_eq!(limit.take(1), Err(INTERVAL));
        assert!(limit.take(2).is_ok(), "another key is not concerned");
        clock.advance(INTERVAL);
        assert!(limit.take(1).is_ok());
        assert_eq!(limit.take(1), Err(INTERVAL));
        limit.give_back(&1);
        assert!(limit.take(1).is_ok());
    }

    #[test]
    fn a_key_that_is_free_takes_no_memory() {
        let (limit, clock) = limit();
        for key in 0..MOST {
            assert!(limit.take(key).is_ok());
        }
        clock.advance(INTERVAL);
        for _ in 0..=MOST / 2 {
            assert!(limit.take(0).is_ok());
            clock.advance(INTERVAL);
        }
        assert_eq!(sizes(&limit), (1, 1));
    }

    #[test]
    fn two_hundred_thousand_keys_leave_the_busy_ones_counted() {
        let (limit, _) = limit();
        for _ in 0..10 {
            assert!(limit.take(0).is_ok());
        }
        for key in 1..200_000 {
            assert!(limit.take(key).is_ok());
        }
        assert_eq!(sizes(&limit), (MOST, MOST));
        assert_eq!(limit.take(0), Err(INTERVAL));
    }

    #[test]
    fn a_rate_of_any_number_a_second_is_one() {
        for times in [1, 10_000, u32::MAX] {
            let rate = Rate::per_second(NonZeroU32::new(times).expect("above zero"));
            let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
            assert!(RateLimit::new("keys", rate, MOST, Arc::new(clock)).take(1).is_ok());
        }
    }
}
