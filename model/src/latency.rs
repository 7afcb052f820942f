//! A histogram of the durations of attempts, from which percentiles are estimated.

use std::{iter, ops::AddAssign, time::Duration};

/// The upper bounds of the buckets, in milliseconds. A last bucket has all longer durations.
pub const BOUNDS_MS: [u32; 11] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// The number of buckets.
pub const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// The number of durations in each bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latencies(pub [u64; BUCKETS]);

impl Latencies {
    /// Returns the bucket of a duration. A duration that equals a bound is in the bucket
    /// below it.
    pub fn bucket_of(duration: Duration) -> usize {
        BOUNDS_MS.iter().take_while(|&&bound| duration > Duration::from_millis(bound.into())).count()
    }

    /// Returns the number of durations.
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, &count| sum.saturating_add(count))
    }

    /// Estimates the duration that `percent` of the durations do not exceed: durations count
    /// as spread evenly over their bucket, and those above the last bound as that bound.
    /// Returns `None` if there are no durations.
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        let total = self.count();
        // In hundredths of a duration, so that nothing is rounded before the end.
        let mut rank = u128::from(total) * u128::from(percent.min(100));
        if total == 0 {
            return None;
        }
        let lows = iter::once(0).chain(BOUNDS_MS);
        let highs = BOUNDS_MS.into_iter().chain(BOUNDS_MS.last().copied());
        for ((low, high), &count) in lows.zip(highs).zip(&self.0) {
            let size = u128::from(count) * 100;
            if rank <= size && size > 0 {
                let width = u128::from(high - low) * 1_000;
                return u64::try_from(u128::from(low) * 1_000 + width * rank / size).ok().map(Duration::from_micros);
            }
            rank = rank.saturating_sub(size);
        }
        None
    }
}

impl AddAssign for Latencies {
    fn add_assign(&mut self, more: Self) {
        for (count, more) in self.0.iter_mut().zip(more.0) {
            *count = count.saturating_add(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(durations: &[Duration]) -> Latencies {
        let mut latencies = Latencies::default();
        for &duration in durations {
            latencies.0[Latencies::bucket_of(duration)] += 1;
        }
        latencies
    }

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        for (micros, bucket) in [(0, 0), (5_000, 0), (5_001, 1), (10_000_000, 10), (10_000_001, 11), (u64::MAX, 11)] {
            assert_eq!(Latencies::bucket_of(Duration::from_micros(micros)), bucket, "{micros} µs");
        }
    }

    #[test]
    fn without_durations_there_is_no_percentile() {
        assert_eq!(Latencies::default().percentile(95), None);
    }

    #[test]
    fn a_percentile_is_estimated_within_its_bucket() {
        let latencies = of(&[Duration::from_millis(20); 10]);
        assert_eq!(latencies.percentile(0), Some(Duration::from_millis(10)));
        assert_eq!(latencies.percentile(50), Some(Duration::from_micros(17_500)));
        assert_eq!(latencies.percentile(100), Some(Duration::from_millis(25)));
        assert_eq!(of(&[Duration::from_secs(30)]).percentile(50), Some(Duration::from_secs(10)));
    }

    proptest! {
        #[test]
        fn a_percentile_is_in_the_bucket_of_the_true_one(
            mut millis in prop::collection::vec(0..9_000_u64, 1..50),
            percent in 1..=100_u32,
        ) {
            let durations: Vec<_> = millis.iter().map(|&one| Duration::from_millis(one)).collect();
            let estimate = of(&durations).percentile(percent).expect("there are durations");
            millis.sort_unstable();
            let rank = (millis.len() * percent as usize).div_ceil(100).max(1);
            let exact = Duration::from_millis(millis[rank - 1]);
            prop_assert_eq!(Latencies::bucket_of(estimate), Latencies::bucket_of(exact));
        }

        #[test]
        fn percentiles_grow(counts in prop::array::uniform12(0..u64::MAX), percents in (0..=100_u32, 0..=100_u32)) {
            let (low, high) = (percents.0.min(percents.1), percents.0.max(percents.1));
            prop_assert!(Latencies(counts).percentile(low) <= Latencies(counts).percentile(high));
        }
    }
}
