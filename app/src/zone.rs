//! The time zone in which times are shown: the one that the person has chosen, or else that of
//! their browser, which a script hands over in a cookie. Without both it is UTC.
//!
//! Every page has times in it, so the zone is bound to the request, as its number is, and not
//! handed from function to function.

use std::sync::LazyLock;

use axum::{extract::Request, http::HeaderMap, middleware::Next, response::Response};
use jiff::{
    civil::DateTime,
    tz::{Disambiguation, TimeZone, TimeZoneDatabase},
};
use signet_engine::service::{myself::TimeZoneName, sessions::Session};
use signet_model::Timestamp;

use crate::{cookie, instants::End};

/// The cookie with the zone of the browser, written by the page's script.
const COOKIE: &str = "__Host-signet-zone";

/// The rules of all zones. They are part of the program, so that each server shows the same.
static RULES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

tokio::task_local! {
    static ZONE: Zone;
}

/// A time zone with its rules.
#[derive(Debug, Clone)]
pub(crate) struct Zone(TimeZone);

/// An instant in a zone, in parts.
pub(crate) struct Local {
    /// `28 Mar 2026`
    pub(crate) date: String,
    /// `13:00:05`
    pub(crate) time: String,
    /// `CET`
    pub(crate) abbreviation: String,
}

impl Zone {
    /// Coordinated universal time.
    pub(crate) const UTC: Self = Self(TimeZone::UTC);

    /// The zone with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '/' | '_' | '-' | '+');
        let usable = name.len() <= 64 && name.chars().all(is_name);
        usable.then(|| RULES.get(name).ok().map(Self))?
    }

    /// The zone of the request at hand.
    pub(crate) fn here() -> Self {
        ZONE.try_with(Clone::clone).unwrap_or(Self::UTC)
    }

    /// The name in the IANA's list.
    pub(crate) fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    pub(crate) fn is_utc(&self) -> bool {
        matches!(self.name(), "UTC" | "Etc/UTC" | "Etc/UCT" | "UCT" | "Zulu" | "Etc/Zulu" | "Universal")
    }

    /// The value of an `<input type="datetime-local">` for an instant, to the minute.
    pub(crate) fn datetime_local(&self, at: Timestamp) -> String {
        self.civil(at).strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// The instant of such a value; `None` if that is none.
    pub(crate) fn typed(&self, text: &str, end: End) -> Option<Timestamp> {
        let civil: DateTime = text.parse().ok()?;
        let is_usual = text.contains('T') && (1..=9_999).contains(&civil.year());
        let which = match end {
            End::First => Disambiguation::Earlier,
            End::Last => Disambiguation::Later,
        };
        is_usual.then(|| self.instant(civil, which))?
    }

    fn civil(&self, at: Timestamp) -> DateTime {
        let at = jiff::Timestamp::from_microsecond(at.unix_micros()).unwrap_or_default();
        self.0.to_datetime(at)
    }

    fn instant(&self, civil: DateTime, which: Disambiguation) -> Option<Timestamp> {
        let at = self.0.to_ambiguous_timestamp(civil).disambiguate(which).ok()?;
        Some(Timestamp::from_unix_micros(at.as_microsecond()))
    }

    /// The beginnings of the last spans up to an instant, oldest first: spans of so many hours of
    /// the day in this zone, from each midnight on. Days can have 23 hours, or 25.
    pub(crate) fn spans(&self, until: Timestamp, hours: i8, count: usize) -> Vec<Timestamp> {
        let mut starts = Vec::with_capacity(count + 24);
        let mut day = Some(self.civil(until).date());
        while let Some(date) = day.filter(|_| starts.len() < count) {
            let of_day = (0..24).step_by(usize::from(hours.max(1).unsigned_abs()));
            let of_day = of_day.filter_map(|hour| self.instant(date.at(hour, 0, 0, 0), Disambiguation::Compatible));
            let mut of_day: Vec<_> = of_day.filter(|start| *start <= until).collect();
            of_day.dedup();
            of_day.reverse();
            starts.extend(of_day);
            day = date.yesterday().ok();
        }
        starts.truncate(count);
        starts.reverse();
        starts
    }

    /// The beginning of the day in this zone that an instant is in.
    pub(crate) fn day(&self, at: Timestamp) -> Timestamp {
        self.instant(self.civil(at).date().at(0, 0, 0, 0), Disambiguation::Compatible).unwrap_or(at)
    }

    /// An instant in this zone.
    pub(crate) fn local(&self, at: Timestamp) -> Local {
        let at = jiff::Timestamp::from_microsecond(at.unix_micros()).unwrap_or_default();
        let info = self.0.to_offset_info(at);
        let abbreviation = info.abbreviation().to_owned();
        let civil = info.offset().to_datetime(at);
        let month = MONTHS[usize::from(civil.month().unsigned_abs() - 1) % MONTHS.len()];
        Local {
            date: format!("{} {month} {}", civil.day(), civil.year()),
            time: format!("{:02}:{:02}:{:02}", civil.hour(), civil.minute(), civil.second()),
            abbreviation,
        }
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The names of all zones that can be chosen, in order: those with a place in them.
pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<String> = RULES.available().map(|name| name.to_string()).collect();
    names.retain(|name| name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("SystemV/"));
    names.push("UTC".to_owned());
    names.sort_unstable();
    names.dedup();
    names
}

/// The name of a zone that is typed or chosen.
pub(crate) fn parse(name: &str) -> Option<TimeZoneName> {
    Zone::named(name).and_then(|_| name.parse().ok())
}

/// The zone of the browser, if it has one that is known here.
fn of_browser(headers: &HeaderMap) -> Option<Zone> {
    Zone::named(cookie::value(headers, COOKIE)?)
}

/// Has a request answered in the zone of its reader.
pub(crate) async fn apply(request: Request, next: Next) -> Response {
    let chosen = request.extensions().get::<Session>().and_then(|session| session.time_zone.as_deref());
    let zone = chosen.and_then(Zone::named).or_else(|| of_browser(request.headers())).unwrap_or(Zone::UTC);
    ZONE.scope(zone, next.run(request)).await
}

/// True for a browser that has said in which zone it is.
pub(crate) fn is_known(headers: &HeaderMap) -> bool {
    of_browser(headers).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_unix_seconds(1_774_699_205);

    #[test]
    fn a_zone_shows_its_own_time_and_its_abbreviation() {
        for (name, date, time, abbreviation) in [
            ("UTC", "28 Mar 2026", "12:00:05", "UTC"),
            ("Europe/Vienna", "28 Mar 2026", "13:00:05", "CET"),
            ("America/New_York", "28 Mar 2026", "08:00:05", "EDT"),
            ("Pacific/Kiritimati", "29 Mar 2026", "02:00:05", "+14"),
            ("Asia/Kolkata", "28 Mar 2026", "17:30:05", "IST"),
        ] {
            let local = Zone::named(name).expect("a zone").local(AT);
            assert_eq!((local.date.as_str(), local.time.as_str()), (date, time), "{name}");
            assert_eq!(local.abbreviation, abbreviation);
        }
    }

    #[test]
    fn the_hour_that_summer_skips_is_skipped() {
        let zone = Zone::named("Europe/Vienna").expect("a zone");
        let before = zone.local(Timestamp::from_unix_seconds(1_774_745_999));
        let after = zone.local(Timestamp::from_unix_seconds(1_774_746_000));
        assert_eq!((before.time.as_str(), after.time.as_str()), ("01:59:59", "03:00:00"));
    }

    #[test]
    fn spans_begin_at_the_midnights_of_their_zone_also_where_clocks_are_changed() {
        let zone = Zone::named("Europe/Vienna").expect("a zone");
        let until = Timestamp::parse_rfc3339("2026-03-30T10:00:00Z").expect("an instant");
        let texts =
            |hours, count| zone.spans(until, hours, count).into_iter().map(|it| it.to_string()).collect::<Vec<_>>();
        assert_eq!(texts(24, 3), ["2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]);
        assert_eq!(
            texts(6, 4),
            ["2026-03-29T16:00:00Z", "2026-03-29T22:00:00Z", "2026-03-30T04:00:00Z", "2026-03-30T10:00:00Z"]
        );
        assert_eq!(zone.day(until).to_string(), "2026-03-29T22:00:00Z");
        assert_eq!(Zone::UTC.spans(until, 6, 28).len(), 28);
    }

    #[test]
    fn a_name_that_is_no_zone_is_none() {
        for name in ["", "Mars/Olympus", "../etc/passwd", "Europe/Vienna;x", &"a".repeat(65)] {
            assert!(Zone::named(name).is_none(), "{name}");
        }
        assert!(names().iter().any(|name| name == "Europe/Vienna"));
        assert!(names().iter().all(|name| parse(name).is_some()));
    }
}
