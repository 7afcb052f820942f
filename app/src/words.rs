//! The words for instants, spans, counts, and the faults of text, on all screens.

use std::time::Duration;

use signet_engine::service::backlog::Count;
use signet_model::{Role, Timestamp, text::TextError};

use crate::{
    components::Moment,
    zone::{Local, Zone},
};

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
const YEAR: u64 = 365 * DAY;

/// An instant as it is shown at the instant `now`, in the zone of the reader.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> Moment {
    moment_in(&Zone::here(), at, now)
}

fn moment_in(zone: &Zone, at: Timestamp, now: Timestamp) -> Moment {
    let utc = (!zone.is_utc()).then(|| beside(zone, at));
    Moment { iso: at.rfc3339_seconds(), full: in_full(zone, at), utc, relative: relative(at, now) }
}

/// `28 Mar 2026, 13:00:05 CET`
fn in_full(zone: &Zone, at: Timestamp) -> String {
    let Local { date, time, abbreviation } = zone.local(at);
    format!("{date}, {time} {abbreviation}")
}

/// The instant in UTC, beside the one in this zone: `12:00:05 UTC`, with the date if it is another.
fn beside(zone: &Zone, at: Timestamp) -> String {
    let (own, utc) = (zone.local(at), Zone::UTC.local(at));
    if own.date == utc.date { format!("{} UTC", utc.time) } else { format!("{}, {} UTC", utc.date, utc.time) }
}

/// `28 Mar 2026, 12:00:05 UTC`
pub(crate) fn in_utc(at: Timestamp) -> String {
    in_full(&Zone::UTC, at)
}

/// `13:00:05 CET`, for instants of today.
pub(crate) fn time_of_day(at: Timestamp) -> String {
    let Local { time, abbreviation, .. } = Zone::here().local(at);
    format!("{time} {abbreviation}")
}

/// `12,000`
pub(crate) fn number(count: impl Into<u64>) -> String {
    let digits = count.into().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A long span in its greatest unit: `7 years`, `30 days`, `6 hours`, `1 minute`.
pub(crate) fn long_span(span: Duration) -> String {
    let seconds = span.as_secs();
    let unit = [(YEAR, "year"), (DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")];
    let (size, name) = unit.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, "second"));
    let count = seconds / size;
    format!("{} {name}{}", number(count), if count == 1 { "" } else { "s" })
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
        seconds if seconds < YEAR => format!("{} days", seconds / DAY),
        seconds if seconds < 2 * YEAR => "1 year".to_owned(),
        seconds => format!("{} years", seconds / YEAR),
    };
    if future { format!("in {text}") } else { format!("{text} ago") }
}

/// There were so many wrong codes or passwords that none is taken for a while.
pub(crate) fn too_many_tries(until: Timestamp, now: Timestamp) -> String {
    format!("There were too many wrong entries. Try again {}.", relative(until, now))
}

/// A number of deliveries.
pub(crate) fn deliveries(count: Count) -> String {
    let counted = number(count.counted);
    match (count.counted, count.more) {
        (1, false) => "1 delivery".to_owned(),
        (_, false) => format!("{counted} deliveries"),
        (_, true) => format!("more than {counted} deliveries"),
    }
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
        assert_eq!((shown.utc, shown.relative.as_str()), (None, "3 min ago"));
    }

    #[test]
    fn utc_stands_beside_another_zone_with_its_date_if_that_differs() {
        for (zone, full, utc) in [
            ("Europe/Vienna", "28 Mar 2026, 13:00:05 CET", "12:00:05 UTC"),
            ("Pacific/Kiritimati", "29 Mar 2026, 02:00:05 +14", "28 Mar 2026, 12:00:05 UTC"),
        ] {
            let shown = moment_in(&Zone::named(zone).expect("a zone"), NOW, NOW);
            assert_eq!((shown.full.as_str(), shown.utc.as_deref()), (full, Some(utc)));
        }
    }

    #[test]
    fn numbers_and_long_spans_are_read_at_a_glance() {
        for (count, text) in
            [(0_u64, "0"), (999, "999"), (1_000, "1,000"), (12_000, "12,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(number(count), text);
        }
        for (seconds, text) in
            [(1, "1 second"), (3_600, "1 hour"), (86_400 * 30, "30 days"), (86_400 * 365 * 7, "7 years")]
        {
            assert_eq!(long_span(Duration::from_secs(seconds)), text);
        }
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
            (31_536_000, "1 year ago", "in 1 year"),
            (250_000_000, "7 years ago", "in 7 years"),
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
