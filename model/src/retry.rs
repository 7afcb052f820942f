//! The schedule of retries.

use std::time::Duration;

use crate::Timestamp;

/// The longest wait that a receiver can ask for with `Retry-After`.
pub const RETRY_AFTER_CAP: Duration = Duration::from_hours(4);

/// The delays between attempts, each counted from the end of the failed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    delays: Vec<Duration>,
    jitter_percent: u32,
}

impl Default for Schedule {
    /// 30 s, 2 min, 10 min, 1 h, 4 h, each up to a tenth longer.
    fn default() -> Self {
        Self { delays: [30, 120, 600, 3_600, 14_400].map(Duration::from_secs).to_vec(), jitter_percent: 10 }
    }
}

impl Schedule {
    /// A schedule of one's own. No delays: one attempt only.
    pub const fn new(delays: Vec<Duration>, jitter_percent: u32) -> Self {
        Self { delays, jitter_percent }
    }

    /// The delays, without jitter.
    pub fn delays(&self) -> &[Duration] {
        &self.delays
    }

    /// The most that jitter adds, in percent of the delay.
    pub const fn jitter_percent(&self) -> u32 {
        self.jitter_percent
    }

    /// The instant of the next attempt after one that ended at `ended_at`, the
    /// `failures`th to fail in this round (from 1). `None` after the last.
    ///
    /// `jitter` is a random number in `0..1`; `retry_after` is the receiver's wish.
    /// Neither makes the wait shorter than the schedule's.
    pub fn next_due(
        &self,
        failures: u32,
        ended_at: Timestamp,
        jitter: f64,
        retry_after: Option<Duration>,
    ) -> Option<Timestamp> {
        let delay = *self.delays.get(usize::try_from(failures).ok()?.checked_sub(1)?)?;
        let jittered = delay + delay.mul_f64(jitter.clamp(0.0, 1.0) * f64::from(self.jitter_percent) / 100.0);
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_CAP);
        Some(ended_at + jittered.max(asked))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const END: Timestamp = Timestamp::from_unix_seconds(1_000);

    #[test]
    fn the_default_is_the_table_of_the_contract() {
        let schedule = Schedule::default();
        let delays: Vec<_> =
            (1..=6).map(|n| schedule.next_due(n, END, 0.0, None).map(|due| due.since(END).as_secs())).collect();
        assert_eq!(delays, [Some(30), Some(120), Some(600), Some(3_600), Some(14_400), None]);
    }

    #[test]
    fn a_receiver_can_ask_for_more_time_up_to_a_cap() {
        let due = |seconds| Schedule::default().next_due(1, END, 0.0, Some(Duration::from_secs(seconds)));
        assert_eq!(due(5), Some(END + Duration::from_secs(30)));
        assert_eq!(due(90), Some(END + Duration::from_secs(90)));
        assert_eq!(due(9_999_999), Some(END + RETRY_AFTER_CAP));
    }

    proptest! {
        #[test]
        fn no_wait_is_made_shorter(failures in 1_u32..6, jitter in 0.0..1.0_f64, asked in proptest::option::of(0_u64..100_000)) {
            let schedule = Schedule::default();
            let plain = schedule.next_due(failures, END, 0.0, None);
            prop_assert!(schedule.next_due(failures, END, jitter, asked.map(Duration::from_secs)) >= plain);
        }
    }
}
