//! The words for instants, spans, counts, and the faults of text, on all screens.

use std::time::Duration;

use signet_engine::service::backlog::Count;
use signet_model::{Role, Timestamp, text::TextError};
use time::OffsetDateTime;

use crate::components::Moment;

/// No event type is ticked in a form.
pub(crate) const NO_EVENT_TYPE: &str = "Choose at least one event.";

pub(crate) fn too_many_event_types(most: usize) -> String {
    format!("Choose at most {most} event types, or choose groups.")
}

/// The name of a role.
pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Developer => "Developer",
        Role::Viewer => "Viewer",
    }
}

/// A role with its article.
pub(crate) const fn a_role(role: Role) -> &'static str {
    match role {
        Role::Owner => "an owner",
        Role::Admin => "an admin",
        Role::Developer => "a developer",
        Role::Viewer => "a viewer",
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// An instant as it is shown at the instant `now`.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> Moment {
    Moment { iso: at.rfc3339_seconds(), full: in_full(at), relative: relative(at, now) }
}

/// `28 Mar 2026, 12:00:05 UTC`
fn in_full(at: Timestamp) -> String {
    let at = OffsetDateTime::from(at);
    let month = &at.month().to_string()[..3];
    format!("{} {month} {}, {:02}:{:02}:{:02} UTC", at.day(), at.year(), at.hour(), at.minute(), at.second())
}

/// `12:00:05 UTC`, for instants of today.
pub(crate) fn time_of_day(at: Timestamp) -> String {
    let at = OffsetDateTime::from(at);
    format!("{:02}:{:02}:{:02} UTC", at.hour(), at.minute(), at.second())
}

fn relative(at: Timestamp, now: Timestamp) -> String {
    let (span, future) = if at > now { (at.since(now), true) } else { (now.since(at), false) };
    let text = match span.as_secs() {
        0 => return "just now".to_owned(),
        1..5 if !future => return "just now".to_owned(),
        seconds @ 0..MINUTE => format!("{seconds} s"),
        seconds @ MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        seconds @ HOUR..DAY => format!("{} h", seconds / HOUR),
        seconds if seconds < 2 * DAY => "1 day".to_owned(),
        seconds => format!("{} days", seconds / DAY),
    };
    if future { format!("in {text}") } else { format!("{text} ago") }
}

/// There were so many wrong codes or passwords that none is taken for a while.
pub(crate) fn too_many_tries(until: Timestamp, now: Timestamp) -> String {
    format!("There were too many wrong entries. Try again {}.", relative(until, now))
}

/// A number of deliveries.
pub(crate) fn deliveries(count: Count) -> String {
    if count == Count::from(1) { "1 delivery".to_owned() } else { format!("{count} deliveries") }
}

/// A span with the precision that is of use.
pub(crate) fn span(span: Duration) -> String {
    let millis = span.as_millis();
    match millis {
        0 => "under 1 ms".to_owned(),
        1..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.2} s", span.as_secs_f64()),
        _ => format!("{} min", span.as_secs() / MINUTE),
    }
}

/// The fault of a line of text, and its remedy.
pub(crate) fn invalid_text(error: TextError) -> String {
    match error {
        TextError::TooShort(min) => format!("Enter at least {}.", characters(min)),
        TextError::TooLong(max) => format!("Use at most {}.", characters(max)),
        TextError::Control(letter) => {
            let code = u32::from(letter);
            format!("Remove the control character U+{code:04X}: only characters that can be seen are taken.")
        }
    }
}

fn characters(count: usize) -> String {
    if count == 1 { "1 character".to_owned() } else { format!("{count} characters") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_205);

    #[test]
    fn instants_are_shown_relative_and_in_full() {
        let shown = moment(NOW - Duration::from_secs(200), NOW);
        assert_eq!(shown.iso, "2026-03-28T11:56:45Z");
        assert_eq!(shown.full, "28 Mar 2026, 11:56:45 UTC");
        assert_eq!(shown.relative, "3 min ago");
    }

    #[test]
    fn each_distance_has_its_words() {
        for (seconds, past, future) in [
            (0, "just now", "just now"),
            (4, "just now", "in 4 s"),
            (59, "59 s ago", "in 59 s"),
            (3_599, "59 min ago", "in 59 min"),
            (14_400, "4 h ago", "in 4 h"),
            (90_000, "1 day ago", "in 1 day"),
            (900_000, "10 days ago", "in 10 days"),
        ] {
            let span = Duration::from_secs(seconds);
            assert_eq!(relative(NOW - span, NOW), past);
            assert_eq!(relative(NOW + span, NOW), future);
        }
    }

    #[test]
    fn spans_keep_the_precision_that_is_of_use() {
        for (micros, text) in [(400, "under 1 ms"), (84_200, "84 ms"), (1_254_000, "1.25 s"), (10_000_000, "10.00 s")] {
            assert_eq!(span(Duration::from_micros(micros)), text);
        }
    }
}
