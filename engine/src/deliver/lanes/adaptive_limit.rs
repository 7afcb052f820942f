//! How many attempts are begun while attempts fail on this side: for want of
//! descriptors, ports or memory, or of a network.

use std::time::Duration;

use tokio::time::Instant;

const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often the limit grows again, by a part of the most.
const GROW_EVERY: Duration = Duration::from_secs(1);
const GROW_BY_PART: usize = 64;

/// Halves the limit of attempts at work where one failed on this side, once in each
/// pause, and lets it grow again slowly.
#[derive(Debug)]
pub(super) struct Brake {
    most: usize,
    limit: usize,
    /// How long what failed rests, and how long the limit stays as it is.
    pause: Duration,
    pressed_at: Option<Instant>,
    grown_at: Option<Instant>,
}

impl Brake {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, limit: most, pause: SHORTEST_PAUSE, pressed_at: None, grown_at: None }
    }

    /// How many attempts may be at work.
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// Begins fewer attempts: one failed on this side. Returns how long its delivery
    /// rests, and whether the limit has changed.
    pub(super) fn press(&mut self, now: Instant) -> (Duration, bool) {
        let due = self.pressed_at.is_none_or(|at| now.duration_since(at) >= self.pause);
        if due {
            let again = self.limit < self.most;
            self.pause = if again { (self.pause * 2).min(LONGEST_PAUSE) } else { SHORTEST_PAUSE };
            self.limit = (self.limit / 2).max(1);
            (self.pressed_at, self.grown_at) = (Some(now), Some(now));
        }
        (self.pause, due)
    }

    /// Begins more attempts again: one was made.
    pub(super) fn release(&mut self, now: Instant) {
        if self.limit < self.most && self.grown_at.is_none_or(|at| now.duration_since(at) >= GROW_EVERY) {
            self.limit = (self.limit + (self.most / GROW_BY_PART).max(1)).min(self.most);
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
        let (mut brake, now) = (Brake::new(128), Instant::now());
        assert_eq!(brake.press(now), (SECOND, true));
        assert_eq!(brake.press(now), (SECOND, false));
        assert_eq!(brake.limit(), 64);
        assert_eq!(brake.press(now + SECOND), (2 * SECOND, true), "the pause grows");
        assert_eq!(brake.limit(), 32);
        for seconds in 2..2_000 {
            brake.press(now + seconds * SECOND);
        }
        assert_eq!((brake.limit(), brake.pause), (1, LONGEST_PAUSE), "one is always tried");
    }

    #[test]
    fn the_limit_grows_slowly_again() {
        let (mut brake, now) = (Brake::new(128), Instant::now());
        brake.press(now);
        brake.release(now);
        assert_eq!(brake.limit(), 64);
        for seconds in 1..=31 {
            brake.release(now + seconds * SECOND);
            brake.release(now + seconds * SECOND);
        }
        assert_eq!(brake.limit(), 126);
        for seconds in 32..=40 {
            brake.release(now + seconds * SECOND);
        }
        assert_eq!(brake.limit(), 128);
        assert_eq!(brake.press(now + 60 * SECOND), (SECOND, true), "and the pause is the shortest again");
    }
}
