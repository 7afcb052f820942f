//! The throttle of an endpoint: the deliveries that may start there in a second.
//!
//! Starts follow the generic cell rate algorithm (ITU-T I.371): one instant, at which the
//! next start is regular, is all that is stored. Claims come at multiples of [`STEP`], so
//! that the claims of all throttled endpoints are one, and take up to [`TOLERANCE`] of
//! starts together.

use std::time::Duration;

use crate::Timestamp;

/// The most deliveries a second that a throttle can allow.
pub const THROTTLE_MAX: u32 = 1_000;

/// Claims at throttled endpoints come at multiples of so many microseconds.
const STEP: i64 = 100_000;
/// Starts may be late by so many microseconds and still be made up for: a claim that comes
/// late takes the starts that were due since the one before.
const TOLERANCE: u32 = 200_000;

/// A number of deliveries a second, from 1 to [`THROTTLE_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Throttle(u32);

/// The number is no throttle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a number from 1 to 1,000")]
pub struct InvalidThrottle;

impl TryFrom<u32> for Throttle {
    type Error = InvalidThrottle;

    fn try_from(per_second: u32) -> Result<Self, InvalidThrottle> {
        if (1..=THROTTLE_MAX).contains(&per_second) { Ok(Self(per_second)) } else { Err(InvalidThrottle) }
    }
}

impl std::str::FromStr for Throttle {
    type Err = InvalidThrottle;

    fn from_str(text: &str) -> Result<Self, InvalidThrottle> {
        text.trim().parse::<u32>().map_err(|_| InvalidThrottle)?.try_into()
    }
}

impl Throttle {
    /// Deliveries a second.
    pub const fn per_second(self) -> u32 {
        self.0
    }

    /// Microseconds between two regular starts, rounded up: never faster.
    const fn interval_micros(self) -> u32 {
        1_000_000_u32.div_ceil(self.0)
    }

    /// The most deliveries that may start at one instant.
    pub fn at_once_max(self) -> usize {
        usize::try_from(1 + TOLERANCE / self.interval_micros()).unwrap_or(usize::MAX)
    }

    /// The number of deliveries that may start now, where the next regular start is at
    /// `next`.
    pub fn starts(self, next: Option<Timestamp>, now: Timestamp) -> usize {
        let late = now.unix_micros().saturating_sub(base(next, now).unix_micros());
        usize::try_from(late.div_euclid(self.interval_micros().into()) + 1).unwrap_or(0)
    }

    /// The next regular start after `started` of them have started now.
    pub fn after(self, next: Option<Timestamp>, now: Timestamp, started: usize) -> Timestamp {
        let started = i64::try_from(started).unwrap_or(i64::MAX);
        let micros =
            base(next, now).unix_micros().saturating_add(started.saturating_mul(self.interval_micros().into()));
        Timestamp::from_unix_micros(micros)
    }

    /// The instant at which to claim again, where the next regular start is at `next`.
    pub fn look_again(next: Timestamp, now: Timestamp) -> Timestamp {
        let earliest = next.unix_micros().max(now.unix_micros().saturating_add(1));
        let steps = earliest.div_euclid(STEP) + i64::from(earliest.rem_euclid(STEP) > 0);
        Timestamp::from_unix_micros(steps.saturating_mul(STEP))
    }
}

/// The next regular start, no further back than a claim can be late.
fn base(next: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let earliest = now - Duration::from_micros(TOLERANCE.into());
    next.map_or(now, |next| next.max(earliest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_200);

    fn throttle(per_second: u32) -> Throttle {
        per_second.try_into().expect("a throttle")
    }

    /// Starts of an endless backlog, claimed at the instants that the throttle says, each
    /// claim later than that by the next of `delays` (milliseconds).
    fn starts(throttle: Throttle, delays: &[u64]) -> Vec<Timestamp> {
        let (mut next, mut now, mut all) = (None, NOW, Vec::new());
        for delay in delays {
            now = now + Duration::from_millis(*delay);
            let count = throttle.starts(next, now);
            all.extend(std::iter::repeat_n(now, count));
            let after = throttle.after(next, now, count);
            next = Some(after);
            now = Throttle::look_again(after, now);
        }
        all
    }

    #[test]
    fn only_numbers_from_1_to_1000_are_throttles() {
        assert_eq!(["1", " 1000 "].map(|text| text.parse().map(Throttle::per_second)), [Ok(1), Ok(1_000)]);
        for text in ["0", "1001", "-1", "1.5", "", "many"] {
            assert_eq!(text.parse::<Throttle>(), Err(InvalidThrottle), "{text}");
        }
    }

    #[test]
    fn one_a_second_starts_each_second() {
        let at: Vec<_> = starts(throttle(1), &[0; 5]).iter().map(|at| at.since(NOW).as_secs()).collect();
        assert_eq!(at, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_fast_throttle_starts_a_tenth_of_a_second_of_them_together() {
        let all = starts(throttle(1_000), &[0; 11]);
        assert_eq!(all.len(), 1_001);
        assert_eq!(all[1_000].since(NOW), Duration::from_secs(1));
    }

    #[test]
    fn a_rest_is_not_saved_up() {
        let ten = throttle(10);
        let next = ten.after(None, NOW, 1);
        assert_eq!(ten.starts(Some(next), NOW), 0);
        assert_eq!(ten.starts(Some(next), NOW + Duration::from_hours(1)), ten.at_once_max());
    }

    proptest! {
        #[test]
        fn no_second_has_more_starts_than_the_throttle_allows(
            per_second in 1..=THROTTLE_MAX,
            delays in prop::collection::vec(0..400_u64, 1..100),
        ) {
            let throttle = throttle(per_second);
            let all = starts(throttle, &delays);
            let allowed = per_second as usize + throttle.at_once_max();
            for (first, next) in all.iter().zip(all.iter().skip(allowed)) {
                prop_assert!(next.since(*first) >= Duration::from_secs(1), "more than {allowed} in a second");
            }
        }

        #[test]
        fn claims_that_are_a_little_late_cost_no_throughput(
            per_second in 1..=THROTTLE_MAX,
            delays in prop::collection::vec(0..90_u64, 50..100),
        ) {
            let all = starts(throttle(per_second), &delays);
            let took = all.last().expect("a start").since(NOW).as_secs_f64();
            let count = f64::from(u32::try_from(all.len()).expect("few"));
            prop_assert!(count + 1.0 >= took * f64::from(per_second) * 0.97, "{} in {took} s", all.len());
        }
    }
}
