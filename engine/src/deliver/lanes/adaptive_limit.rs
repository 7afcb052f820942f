//! The limit of working attempts, which adapts to faults of this side: too few descriptors
//! or ports, too little memory, or no network.

use std::time::Duration;

use tokio::time::Instant;

pub(super) const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The limit grows once in each interval, by this part of its maximum.
const GROWTH_INTERVAL: Duration = Duration::from_secs(1);
const GROWTH_STEPS: usize = 64;

/// Halves the limit after a fault, once in each pause, and lets it grow slowly again.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    limit_max: usize,
    limit: usize,
    /// The delay of a delivery whose attempt met a fault, and of the next halving.
    pause: Duration,
    backed_off_at: Option<Instant>,
    grown_at: Option<Instant>,
}

impl AdaptiveLimit {
    pub(super) const fn new(limit_max: usize) -> Self {
        Self { limit_max, limit: limit_max, pause: PAUSE_MIN, backed_off_at: None, grown_at: None }
    }

    /// Returns the number of attempts that may be working.
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// Lowers the limit after a fault. Returns the delay of the delivery, and `true` if the
    /// limit has changed.
    pub(super) fn back_off(&mut self, now: Instant) -> (Duration, bool) {
        let due = self.backed_off_at.is_none_or(|at| now.duration_since(at) >= self.pause);
        if due {
            let again = self.limit < self.limit_max;
            self.pause = if again { (self.pause * 2).min(PAUSE_MAX) } else { PAUSE_MIN };
            self.limit = (self.limit / 2).max(1);
            (self.backed_off_at, self.grown_at) = (Some(now), Some(now));
        }
        (self.pause, due)
    }

    /// Raises the limit again after an attempt that was made.
    pub(super) fn recover(&mut self, now: Instant) {
        if self.limit < self.limit_max && self.grown_at.is_none_or(|at| now.duration_since(at) >= GROWTH_INTERVAL) {
            self.limit = (self.limit + (self.limit_max / GROWTH_STEPS).max(1)).min(self.limit_max);
            self.grown_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn faults_of_one_moment_halve_the_limit_once() {
        let (mut adaptive_limit, now) = (AdaptiveLimit::new(128), Instant::now());
        assert_eq!(adaptive_limit.back_off(now), (SECOND, true));
        assert_eq!(adaptive_limit.back_off(now), (SECOND, false));
        assert_eq!(adaptive_limit.limit(), 64);
        assert_eq!(adaptive_limit.back_off(now + SECOND), (2 * SECOND, true), "the pause grows");
        assert_eq!(adaptive_limit.limit(), 32);
        for seconds in 2..2_000 {
            adaptive_limit.back_off(now + seconds * SECOND);
        }
        assert_eq!((adaptive_limit.limit(), adaptive_limit.pause), (1, PAUSE_MAX), "one attempt is always made");
    }

    #[test]
    fn the_limit_grows_slowly_again() {
        let (mut adaptive_limit, now) = (AdaptiveLimit::new(128), Instant::now());
        adaptive_limit.back_off(now);
        adaptive_limit.recover(now);
        assert_eq!(adaptive_limit.limit(), 64);
        for seconds in 1..=31 {
            adaptive_limit.recover(now + seconds * SECOND);
            adaptive_limit.recover(now + seconds * SECOND);
        }
        assert_eq!(adaptive_limit.limit(), 126);
        for seconds in 32..=40 {
            adaptive_limit.recover(now + seconds * SECOND);
        }
        assert_eq!(adaptive_limit.limit(), 128);
        assert_eq!(adaptive_limit.back_off(now + 60 * SECOND), (SECOND, true), "and the pause is the shortest again");
    }
}
