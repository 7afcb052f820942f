//! Where a pass through the due queues begins.
//!
//! A queue that has moved on leaves an entry at the beginning of `endpoint_queues_due`, which
//! PostgreSQL keeps for as long as somebody holds a snapshot: a pass from the beginning reads all
//! of them. So a pass begins a little before the first queue that the last one has found. From
//! time to time one begins at the beginning, since a commit can take longer than a little.

use std::time::Duration;

use signet_model::Timestamp;
use tokio::time::Instant;

use crate::queue::DueQueue;

/// The time by which a commit can come later than the instant of the queue that it makes due.
const COMMIT_TIME: Duration = Duration::from_secs(10);
/// The shortest time between two passes from the beginning.
const REST: Duration = Duration::from_secs(1);
/// A pass from the beginning is followed by passes that are not for so many times its duration.
const REST_FACTOR: u32 = 100;

/// Where the next pass begins.
#[derive(Debug)]
pub(super) struct PassStart {
    /// No queue was due before this. `None`: not known.
    from: Option<Timestamp>,
    /// The instant of the next pass from the beginning.
    whole_at: Instant,
}

impl PassStart {
    pub(super) fn new() -> Self {
        Self { from: None, whole_at: Instant::now() }
    }

    /// Returns the place after which a pass begins that looks for what is due at an instant.
    pub(super) fn place(&self, now: Timestamp) -> DueQueue {
        match self.from {
            Some(from) if from <= now && Instant::now() < self.whole_at => DueQueue::before(from),
            _ => DueQueue::default(),
        }
    }

    /// Notes a pass that has looked for what is due at an instant, and has gone through to the end:
    /// the first queue that it found, and the duration of its look-ups.
    pub(super) fn passed(&mut self, now: Timestamp, first: Option<Timestamp>, took: Duration) {
        let present = now - COMMIT_TIME;
        if self.from.is_none_or(|from| from > now) || Instant::now() >= self.whole_at {
            self.whole_at = Instant::now() + (took * REST_FACTOR).max(REST);
        }
        self.from = Some(first.map_or(present, |first| first.min(present)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_200);
    const SECOND: Duration = Duration::from_secs(1);

    fn begins(start: &PassStart, now: Timestamp) -> Timestamp {
        start.place(now).next_due_at()
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_begins_before_what_the_last_one_found() {
        let beginning = DueQueue::default().next_due_at();
        let mut start = PassStart::new();
        assert_eq!(begins(&start, NOW), beginning);
        start.passed(NOW, Some(NOW - 60 * SECOND), Duration::ZERO);
        assert_eq!(begins(&start, NOW), NOW - 60 * SECOND);
        start.passed(NOW, Some(NOW - SECOND), Duration::ZERO);
        assert_eq!(begins(&start, NOW), NOW - COMMIT_TIME);
        start.passed(NOW, None, Duration::ZERO);
        assert_eq!(begins(&start, NOW), NOW - COMMIT_TIME);
    }

    #[tokio::test(start_paused = true)]
    async fn passes_from_the_beginning_take_a_small_part_of_the_time() {
        let beginning = DueQueue::default().next_due_at();
        let mut start = PassStart::new();
        start.passed(NOW, None, SECOND);
        tokio::time::advance(99 * SECOND).await;
        // A pass that is not from the beginning changes nothing about it, however long it takes.
        start.passed(NOW, None, 50 * SECOND);
        assert_ne!(begins(&start, NOW), beginning);
        tokio::time::advance(SECOND).await;
        assert_eq!(begins(&start, NOW), beginning);
        start.passed(NOW, None, Duration::ZERO);
        assert_ne!(begins(&start, NOW), beginning);
        tokio::time::advance(SECOND).await;
        assert_eq!(begins(&start, NOW), beginning);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_put_back_hides_nothing() {
        let mut start = PassStart::new();
        start.passed(NOW, None, 9 * SECOND);
        let back = NOW - Duration::from_hours(1);
        assert_eq!(begins(&start, back), DueQueue::default().next_due_at());
        start.passed(back, None, 9 * SECOND);
        assert_eq!(begins(&start, back), back - COMMIT_TIME);
    }
}
