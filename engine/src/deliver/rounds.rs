//! The rounds of the two tasks without which nothing moves. A supervisor compares them: it
//! learns from them that the process works, and not merely that it has a timer.
//!
//! A round waits for nothing without an end: a step of the writer takes a minute at most, and
//! one of the dispatcher half of that, also while the database is away.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Context;

/// Counts the rounds.
#[derive(Debug, Default)]
pub(crate) struct RoundCounter {
    writer: AtomicU64,
    dispatcher: AtomicU64,
}

impl RoundCounter {
    pub(super) fn writer_begins(&self) {
        self.writer.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dispatcher_begins(&self) {
        self.dispatcher.fetch_add(1, Ordering::Relaxed);
    }
}

/// The rounds that the tasks have begun since the engine was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    writer: u64,
    dispatcher: u64,
}

impl Rounds {
    /// The task that has begun no round since `earlier`, if one has not.
    pub fn stuck_since(self, earlier: Self) -> Option<&'static str> {
        if self.writer == earlier.writer {
            return Some("writer");
        }
        (self.dispatcher == earlier.dispatcher).then_some("dispatcher")
    }
}

impl Context {
    /// The rounds so far. Wakes both tasks, which have nothing to do at times, so that each has
    /// begun another round soon unless it is stuck.
    pub(crate) fn rounds(&self) -> Rounds {
        let rounds = Rounds {
            writer: self.rounds.writer.load(Ordering::Relaxed),
            dispatcher: self.rounds.dispatcher.load(Ordering::Relaxed),
        };
        self.requests.wake_writer();
        self.wake.notify_one();
        rounds
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use crate::testing::{resting_engine, sqlite};

    #[tokio::test]
    async fn the_tasks_of_an_engine_without_work_begin_rounds_when_they_are_looked_at() {
        let database = sqlite().await;
        let (engine, _) = resting_engine(&database);
        let running = engine.start().expect("a new engine");
        for _ in 0..3 {
            let before = engine.rounds();
            while engine.rounds().stuck_since(before).is_some() {
                sleep(Duration::from_millis(1)).await;
            }
        }
        running.stop(tokio_util::sync::CancellationToken::new()).await;
    }

    #[tokio::test]
    async fn an_engine_that_does_not_run_is_stuck() {
        let database = sqlite().await;
        let (engine, _) = resting_engine(&database);
        let before = engine.rounds();
        assert_eq!(engine.rounds().stuck_since(before), Some("writer"));
    }
}
