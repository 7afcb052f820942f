//! The customers of a soak, and how the receiver of each behaves.

use std::time::Duration;

/// A customer, by the habits of its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Customer {
    /// Answers 200 at once, always. Its latency must not depend on the others.
    Good,
    /// Answers 200 after two seconds.
    Slow,
    /// Answers 500 for a while, and recovers.
    Recovering,
    /// Answers each fourth request with 500.
    Flaky,
    /// Asks to be left alone, for a while.
    Busy,
    /// Never answers, for a while.
    Hanging,
    /// Closes the connection at each third request.
    Closing,
    /// Says 200, and goes on sending a body without an end.
    Endless,
    /// Answers each third request with something that is no HTTP.
    Garbled,
    /// Answers 500 for so long that its webhook is disabled.
    Dead,
}

/// All of them; the first one gets half of the events.
pub const CUSTOMERS: [Customer; 10] = [
    Customer::Good,
    Customer::Slow,
    Customer::Recovering,
    Customer::Flaky,
    Customer::Busy,
    Customer::Hanging,
    Customer::Closing,
    Customer::Endless,
    Customer::Garbled,
    Customer::Dead,
];

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Good,
    GoodAfter(Duration),
    GoodWithoutEnd,
    Failure,
    ComeBackLater,
    Never,
    Close,
    Garbage,
}

impl Answer {
    /// True if it counts as delivered.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Good | Self::GoodAfter(_) | Self::GoodWithoutEnd)
    }
}

impl Customer {
    /// The customer of a task.
    pub fn of_task(task: usize) -> usize {
        if task.is_multiple_of(2) { 0 } else { 1 + task / 2 % (CUSTOMERS.len() - 1) }
    }

    /// The answer to a request, by the time since the start and the number of the request.
    pub fn answer(self, since_start: Duration, number: usize) -> Answer {
        let in_first = |part: u64, of: u64| since_start.as_secs() % of < part;
        match self {
            Self::Slow => Answer::GoodAfter(Duration::from_secs(2)),
            Self::Recovering if in_first(20, 90) => Answer::Failure,
            Self::Flaky if number.is_multiple_of(4) => Answer::Failure,
            Self::Busy if in_first(20, 120) => Answer::ComeBackLater,
            Self::Hanging if in_first(20, 120) => Answer::Never,
            Self::Closing if number.is_multiple_of(3) => Answer::Close,
            Self::Endless => Answer::GoodWithoutEnd,
            Self::Garbled if number.is_multiple_of(3) => Answer::Garbage,
            Self::Dead if in_first(120, 300) => Answer::Failure,
            _ => Answer::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_good_customer_gets_half_and_the_others_share_the_rest() {
        let mut counts = [0; CUSTOMERS.len()];
        (0..1_800).for_each(|task| counts[Customer::of_task(task)] += 1);
        assert_eq!(counts, [900, 100, 100, 100, 100, 100, 100, 100, 100, 100]);
    }
}
