//! Log lines about events that may come a thousand times a second.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The least time between two lines about the same event.
const INTERVAL: Duration = Duration::from_mins(1);

/// Counts, and lets one log line a minute through.
#[derive(Debug, Default)]
pub struct Notice(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    count: u64,
    logged_at: Option<Instant>,
}

impl Notice {
    /// Counts once more. Returns the count since the last line if a new line is due.
    pub fn due(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.count += 1;
        if state.logged_at.is_some_and(|at| now < at + INTERVAL) {
            return None;
        }
        state.logged_at = Some(now);
        Some(std::mem::take(&mut state.count))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_a_minute_says_how_often() {
        let notice = Notice::default();
        assert_eq!((notice.due(), notice.due(), notice.due()), (Some(1), None, None));
        advance(INTERVAL).await;
        assert_eq!((notice.due(), notice.due()), (Some(3), None));
    }
}
