//! The meaning of an attempt for its delivery.

use signet_model::{Timestamp, delivery::Attempt, endpoint::DisabledReason, retry::Schedule};

/// The decision about a delivery, as long as its endpoint stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The delivery arrived.
    Delivered,
    /// The delivery is attempted again at this instant.
    Retry(Timestamp),
    /// A test failed. Tests are not repeated and disable no endpoint.
    TestFailed,
    /// The delivery has failed for good, and its endpoint is disabled.
    Disable(DisabledReason),
    /// No attempt was made, and the delivery returns to the store.
    Returned,
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
        return Verdict::Disable(DisabledReason::Gone);
    }
    let failures = u32::try_from(failures).unwrap_or(u32::MAX);
    match schedule.next_due(failures, attempt.ended_at(), jitter, attempt.retry_after) {
        Some(due_at) => Verdict::Retry(due_at),
        None => Verdict::Disable(DisabledReason::RetriesExhausted),
    }
}
