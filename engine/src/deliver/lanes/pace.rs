//! Spreads the beginnings of attempts at endpoints that are not known to be quick. Each may
//! need a TLS handshake, and hundreds of handshakes in one instant would keep the attempts
//! at quick endpoints waiting for a core. A beginning that turned out to need none is given back.

use std::{num::NonZero, thread::available_parallelism, time::Duration};

use tokio::time::Instant;

/// The time that one core has for each beginning: about twice that of a TLS handshake.
const CORE_TIME: Duration = Duration::from_millis(2);
/// Beginnings that may come at once.
const BURST: u32 = 16;

/// Gives each beginning its instant (the generic cell rate algorithm, ITU-T I.371).
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// The instant at which the next one would begin if none came early.
    next: Instant,
}

impl Pace {
    /// Returns the pace that this machine's cores allow.
    pub(super) fn new(now: Instant) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self { interval: CORE_TIME / u32::try_from(cores).unwrap_or(u32::MAX), next: now }
    }

    /// Returns the instant at which one more may begin.
    pub(super) fn take(&mut self, now: Instant) -> Instant {
        let regular = self.next.max(now);
        self.next = regular + self.interval;
        regular.checked_sub(self.interval * (BURST - 1)).map_or(now, |early| early.max(now))
    }

    /// Gives a beginning back that made no connection: the next one may begin earlier by it.
    pub(super) fn give_back(&mut self) {
        self.next = self.next.checked_sub(self.interval).unwrap_or(self.next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_begin_at_once_and_the_others_at_intervals() {
        let now = Instant::now() + Duration::from_secs(1);
        let mut pace = Pace::new(now);
        for _ in 0..BURST {
            assert_eq!(pace.take(now), now);
        }
        for number in 1..1_000 {
            assert_eq!(pace.take(now), now + number * pace.interval);
        }
    }

    #[test]
    fn beginnings_that_are_given_back_keep_nobody_waiting() {
        let now = Instant::now() + Duration::from_secs(1);
        let mut pace = Pace::new(now);
        for _ in 0..1_000 {
            assert_eq!(pace.take(now), now);
            pace.give_back();
        }
        for _ in 0..BURST {
            assert_eq!(pace.take(now), now);
        }
        assert_eq!(pace.take(now), now + pace.interval);
    }

    #[test]
    fn a_pause_allows_a_few_at_once_again() {
        let now = Instant::now() + Duration::from_secs(1);
        let mut pace = Pace::new(now);
        for _ in 0..1_000 {
            pace.take(now);
        }
        let later = now + Duration::from_mins(1);
        let begun: Vec<Instant> = (0..=BURST).map(|_| pace.take(later)).collect();
        assert!(begun[..BURST as usize].iter().all(|&at| at == later), "{begun:?}");
        assert_eq!(begun[BURST as usize], later + pace.interval);
    }
}
