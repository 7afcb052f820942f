//! The sentences of the screen.

use signet_model::{Amount, Timestamp};

use crate::words::moment;

pub(crate) const TITLE: &str = "Balance";
pub(super) const LEAD: &str = "What your backend has reported, hour by hour, and when it was low.";
pub(super) const BALANCE: &str = "Balance";
pub(super) const THRESHOLD: &str = "Threshold";
pub(super) const REPORTED: &str = "Last reported";
pub(super) const NOT_REPORTED: &str = "Not reported yet";
pub(super) const NO_THRESHOLD: &str = "None";
pub(super) const NEVER: &str = "Never";
pub(super) const CHANGE: &str = "Changed under Account";
pub(super) const HISTORY: &str = "History";
pub(super) const SPAN: &str = "Span of time";
pub(super) const NO_HISTORY: &str = "No balance was reported in this time.";
pub(super) const AS_TABLE: &str = "As a table";
pub(super) const DAY: &str = "Day";
pub(super) const LAST: &str = "Last";
pub(super) const LOWEST: &str = "Lowest";
pub(super) const TRIAL: &str = "Try a threshold";
pub(super) const TRIED: &str = "Threshold to try";
pub(super) const TRIED_HINT: &str = "Shows when balance.low would have been sent. Nothing is changed.";
pub(super) const TRY: &str = "Try it";
pub(super) const NO_THRESHOLD_ADVICE: &str =
    "This account has no threshold, so that balance.low is not sent. Try one to see when it would have been.";
/// The hour stands in the place of `{}`.
pub(super) const IN_HOUR: &str = "In the hour from {}:";

pub(super) fn days(days: u64) -> String {
    format!("{days} days")
}

/// `28 Mar 2026`
pub(super) fn day(at: Timestamp) -> String {
    let full = moment(at, at).full;
    full.split_once(',').map_or(full.clone(), |(day, _)| day.to_owned())
}

pub(super) fn more_days(count: usize) -> String {
    format!("and {count} earlier days")
}

pub(super) fn fell_to(lowest: Amount) -> String {
    format!("the balance fell to {lowest}.")
}

pub(super) fn sent(threshold: Amount, times: usize, days: u64) -> String {
    match times {
        0 => format!("With a threshold of {threshold}, balance.low would not have been sent in these {days} days."),
        1 => format!("With a threshold of {threshold}, balance.low would have been sent once in these {days} days:"),
        _ => format!(
            "With a threshold of {threshold}, balance.low would have been sent {times} times in these {days} days:"
        ),
    }
}

pub(super) fn more_times(count: usize) -> String {
    format!("and {count} times before")
}

pub(super) fn save(threshold: Amount) -> String {
    format!("Use {threshold} as the threshold")
}

pub(super) fn chart(days: u64, lowest: Amount, highest: Amount) -> String {
    format!("The balance over {days} days, between {lowest} and {highest}. The table below has the same.")
}

pub(super) const LEGEND_LAST: &str = "Balance";
pub(super) const LEGEND_LOWEST: &str = "Lowest of each time";

pub(super) fn legend_threshold(threshold: Amount) -> String {
    format!("Threshold {threshold}")
}

pub(super) fn legend_tried(threshold: Amount) -> String {
    format!("Tried: {threshold}")
}
