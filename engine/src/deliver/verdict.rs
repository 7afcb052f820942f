//! What an attempt means for its delivery.

use signet_model::{Timestamp, delivery::Attempt, endpoint::DisabledReason, retry::Schedule};

/// What becomes of a delivery, as long as its endpoint stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It arrived.
    Delivered,
    /// It is tried again.
    Retry(Timestamp),
    /// A test that failed; tests are not repeated and disable nothing.
    TestFailed,
    /// It is given up, and its endpoint is disabled.
    GivenUp(DisabledReason),
    /// It was not attempted, and is given back.
    GivenBack,
}

/// Judges the attempt that failed as the `failures`th of its round, or succeeded.
/// `jitter` is a random number in `0..1`.
pub(super) fn judge(attempt: &Attempt, is_test: bool, failures: i32, schedule: &Schedule, jitter: f64) -> Verdict {
    let outcome = attempt.outcome();
    if outcome.is_success() {
        return Verdict::Delivered;
    }
    if is_test {
        return Verdict::TestFailed;
    }
    if outcome.is_gone() {
        return Verdict::GivenUp(DisabledReason::Gone);
    }
    let failures = u32::try_from(failures).unwrap_or(u32::MAX);
    match schedule.next_due(failures, attempt.ended_at(), jitter, attempt.retry_after) {
        Some(due_at) => Verdict::Retry(due_at),
        None => Verdict::GivenUp(DisabledReason::RetriesExhausted),
    }
}
