//! Instants that people type: in their own zone, and read together with its name, so that a form
//! means one instant wherever it is read. Addresses have instants in UTC.
//!
//! When clocks are put back, an hour of the day comes twice; when they are put forward, one is left
//! out. A time in such an hour is read so that the range to which it is an end gets longer
//! ([`End`]): nobody misses what they look for. A time that the server has filled in, and nobody has
//! changed, keeps its instant.

use leptos::prelude::*;
use signet_model::Timestamp;

use crate::{
    form::{Field, Form, Invalid},
    words,
    zone::Zone,
};

/// The zone in which the times of a form are typed.
pub(crate) const ZONE: Field = Field::named("zone");

pub(crate) mod text {
    pub(crate) const INVALID: &str = "Enter a date and a time, such as 28 March 2026, 12:00.";
}

/// The end of a range for which a time stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Of two instants with the same time of day, the earlier one counts.
    First,
    /// The later one counts.
    Last,
}

/// Reads an instant; `None` if the field is empty.
pub(crate) fn read(form: &mut Form, field: &Field, end: End) -> Result<Option<Timestamp>, Invalid> {
    let typed = form.get(field).trim().to_owned();
    if typed.is_empty() {
        return Ok(None);
    }
    let at = parse(form, field, &typed, end).ok_or(());
    form.check(field, at, |()| text::INVALID.to_owned()).map(Some)
}

fn parse(form: &Form, field: &Field, typed: &str, end: End) -> Option<Timestamp> {
    if let Ok(at) = Timestamp::parse_rfc3339(typed) {
        return Some(at);
    }
    let zone = match form.get(&ZONE) {
        "" => Zone::UTC,
        name => Zone::named(name)?,
    };
    let filled_in = filled_in(form, field).filter(|&at| zone.datetime_local(at) == typed);
    filled_in.or_else(|| zone.typed(typed, end))
}

/// The instant that the server has filled in.
fn filled_in(form: &Form, field: &Field) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(form.named(&filled_in_name(field))).ok()
}

fn filled_in_name(field: &Field) -> String {
    format!("{}-at", field.name)
}

/// True for a form whose times were typed in a zone. An address has none: its instants are in UTC.
pub(crate) fn is_typed(form: &Form) -> bool {
    !form.get(&ZONE).is_empty()
}

/// An instant of an address, as people read it.
pub(crate) fn in_words(address: &str) -> String {
    Timestamp::parse_rfc3339(address).map_or_else(|_| address.to_owned(), |at| words::moment(at, at).in_full())
}

/// A field as it is shown.
pub(crate) struct Shown {
    /// The value of the field.
    pub(crate) value: String,
    /// The zone, and the instant in UTC where that is another time.
    pub(crate) hint: String,
    /// The instant, if it is known.
    at: Option<Timestamp>,
    zone: Zone,
}

impl Shown {
    /// The field, with an instant in the zone of the reader, or what was typed.
    pub(crate) fn of(form: &Form, field: &Field) -> Self {
        let raw = form.get(field).trim();
        let utc = Timestamp::parse_rfc3339(raw).ok();
        // Addresses of earlier versions have times of UTC.
        let utc = utc.or_else(|| Timestamp::parse_datetime_local(raw).ok().filter(|_| !is_typed(form)));
        let zone = Zone::named(form.get(&ZONE)).unwrap_or_else(Zone::here);
        let (value, at) = match utc {
            Some(at) => (zone.datetime_local(at), Some(at)),
            None => (raw.to_owned(), filled_in(form, field)),
        };
        let beside = utc.filter(|_| !zone.is_utc()).map(|at| format!(": {}", words::in_utc(at)));
        let hint = format!("{}{}", zone.name(), beside.unwrap_or_default());
        Self { value, hint, at, zone }
    }

    /// What goes with the field, so that its value means one instant.
    pub(crate) fn hidden(&self, field: &Field) -> impl IntoView + use<> {
        let (name, zone) = (filled_in_name(field), self.zone.name().to_owned());
        let at = self.at.map(|at| view! { <input type="hidden" name=name value=at.to_string() /> });
        view! { {at} <input type="hidden" name=ZONE.name value=zone /> }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: Field = Field::named("from");

    fn read_in(zone: &str, typed: &str, end: End) -> Option<String> {
        let mut form = Form::blank().with(&FROM, typed).with(&ZONE, zone);
        read(&mut form, &FROM, end).ok().flatten().map(|at| at.to_string())
    }

    #[test]
    fn a_time_is_read_in_the_zone_in_which_it_was_typed() {
        for (zone, typed, at) in [
            ("Europe/Vienna", "2026-03-28T12:00", "2026-03-28T11:00:00Z"),
            ("Europe/Vienna", "2026-06-28T12:00:30", "2026-06-28T10:00:30Z"),
            ("Asia/Kolkata", "2026-03-28T12:00", "2026-03-28T06:30:00Z"),
            ("", "2026-03-28T12:00", "2026-03-28T12:00:00Z"),
            ("Europe/Vienna", "2026-03-28T12:00:00Z", "2026-03-28T12:00:00Z"),
        ] {
            assert_eq!(read_in(zone, typed, End::First).as_deref(), Some(at), "{zone} {typed}");
        }
        for (zone, typed) in [
            ("Mars/Olympus", "2026-03-28T12:00"),
            ("Europe/Vienna", "yesterday"),
            ("Europe/Vienna", "2026-13-01T00:00"),
            ("Europe/Vienna", "99999-01-01T00:00"),
        ] {
            assert_eq!(read_in(zone, typed, End::First), None, "{zone} {typed}");
        }
    }

    #[test]
    fn a_time_that_comes_twice_or_never_makes_the_range_longer() {
        for (typed, first, last) in [
            // Clocks go from 03:00 back to 02:00.
            ("2026-10-25T02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            // Clocks go from 02:00 on to 03:00.
            ("2026-03-29T02:30", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"),
        ] {
            let read = |end| read_in("Europe/Vienna", typed, end);
            assert_eq!((read(End::First).as_deref(), read(End::Last).as_deref()), (Some(first), Some(last)), "{typed}");
        }
    }

    #[test]
    fn a_time_that_nobody_changed_keeps_its_instant() {
        let second = "2026-10-25T01:30:07Z";
        let form = || Form::blank().with(&ZONE, "Europe/Vienna").with(&Field::named("from-at"), second);
        let at = read(&mut form().with(&FROM, "2026-10-25T02:30"), &FROM, End::First);
        assert_eq!(at.ok().flatten().map(|at| at.to_string()).as_deref(), Some(second));
        let at = read(&mut form().with(&FROM, "2026-10-25T02:31"), &FROM, End::First);
        assert_eq!(at.ok().flatten().map(|at| at.to_string()).as_deref(), Some("2026-10-25T00:31:00Z"));
    }

    #[test]
    fn an_instant_is_shown_in_a_zone_and_goes_back_as_it_came() {
        let form = Form::blank().with(&FROM, "2026-03-28T11:00:30Z").with(&ZONE, "Europe/Vienna");
        let shown = Shown::of(&form, &FROM);
        assert_eq!((&*shown.value, &*shown.hint), ("2026-03-28T12:00", "Europe/Vienna: 28 Mar 2026, 11:00:30 UTC"));
        let hidden = shown.hidden(&FROM).to_html();
        assert!(hidden.contains(r#"name="from-at" value="2026-03-28T11:00:30Z""#), "{hidden}");
        assert!(hidden.contains(r#"name="zone" value="Europe/Vienna""#), "{hidden}");
        let shown = Shown::of(&Form::blank().with(&FROM, "2026-03-28T11:00"), &FROM);
        assert_eq!((&*shown.value, &*shown.hint), ("2026-03-28T11:00", "UTC"), "an address of an earlier version");
    }
}
