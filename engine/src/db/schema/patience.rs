//! Trying again, with growing pauses, to get locks that others have.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{SchemaProblem, blockers::Blocker};

/// The pause after the first try that failed. Each one is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a migration goes on trying, over all its tries.
#[derive(Debug)]
pub(super) struct Patience {
    whole: Duration,
    began: Instant,
    pause: Duration,
}

impl Patience {
    /// Begins now.
    pub(super) fn of(whole: Duration) -> Self {
        Self { whole, began: Instant::now(), pause: FIRST_PAUSE }
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Duration {
        self.whole.saturating_sub(self.began.elapsed())
    }

    /// Begins anew: what waited has got its locks.
    pub(super) fn renew(&mut self) {
        *self = Self::of(self.whole);
    }

    /// Pauses before another try.
    ///
    /// # Errors
    /// It has taken too long already.
    pub(super) async fn pause(&mut self, what: &str, blockers: Vec<Blocker>) -> Result<(), SchemaProblem> {
        if self.left().is_zero() {
            return Err(SchemaProblem::Locked { what: what.to_owned(), waited: self.whole, blockers });
        }
        sleep(self.pause.min(self.left())).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_limit_and_end_with_the_patience() {
        let (mut patience, mut pauses) = (Patience::of(Duration::from_mins(2)), Vec::new());
        let gave_up = loop {
            let before = Instant::now();
            match patience.pause("migration 5", Vec::new()).await {
                Ok(()) => pauses.push(before.elapsed().as_millis()),
                Err(problem) => break problem,
            }
        };
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 28_500]);
        assert_eq!(
            gave_up.to_string(),
            "migration 5 did not get its locks within 120 s; which session had them is not known"
        );
        patience.renew();
        assert!(patience.pause("migration 6", Vec::new()).await.is_ok());
    }
}
