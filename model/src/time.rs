//! Instants: microseconds since 1970 in UTC. The model takes them as parameters and
//! reads no clock.

use std::{fmt, ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// The years that RFC 3339 can write; every instant that is read lies in them.
const YEARS: RangeInclusive<i32> = 0..=9_999;

/// An instant in UTC with a resolution of one microsecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The text is not an RFC 3339 date and time, or in UTC it is outside the years
/// 0 to 9999, which RFC 3339 cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a date and time such as 2026-03-28T12:00:00Z (RFC 3339)")]
pub struct InvalidTimestamp;

/// A source of the present time: the system's clock in the server, and in tests one
/// that they move by hand.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

impl Timestamp {
    /// From microseconds since 1970.
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From seconds since 1970.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub const fn unix_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970; zero before that.
    pub fn unix_millis(self) -> u64 {
        u64::try_from(self.0.div_euclid(1_000)).unwrap_or(0)
    }

    /// Whole seconds since 1970.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The time from `earlier` to this instant; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The instant without its fraction of a second.
    #[must_use]
    pub const fn whole_seconds(self) -> Self {
        Self::from_unix_seconds(self.unix_seconds())
    }

    /// The beginning of the span that the instant is in, if spans as long as `length` follow
    /// each other from 1970 on. Hours and days begin as they do in UTC.
    #[must_use]
    pub fn beginning(self, length: Duration) -> Self {
        let length = i64::try_from(length.as_micros()).unwrap_or(i64::MAX).max(1);
        Self(self.0.saturating_sub(self.0.rem_euclid(length)))
    }

    /// The instant, or the next one without a fraction of a second.
    #[must_use]
    pub const fn next_whole_second(self) -> Self {
        Self::from_unix_micros(self.0.saturating_add(999_999)).whole_seconds()
    }

    /// Reads an RFC 3339 date and time of any offset.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTimestamp> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        // In UTC, an instant of the first or the last day can lie outside of the years.
        let utc = parsed.checked_to_offset(UtcOffset::UTC).filter(|utc| YEARS.contains(&utc.year()));
        Self::try_from(utc.ok_or(InvalidTimestamp)?)
    }

    /// Reads the value of an `<input type="datetime-local">` as UTC:
    /// `2026-03-28T12:00`, or with seconds, which browsers leave out if they are zero.
    pub fn parse_datetime_local(text: &str) -> Result<Self, InvalidTimestamp> {
        let without_seconds = text.matches(':').count() == 1;
        Self::parse_rfc3339(&format!("{text}{}", if without_seconds { ":00Z" } else { "Z" }))
    }

    /// The value for an `<input type="datetime-local">`, to the minute: `2026-03-28T12:00`.
    pub fn datetime_local(self) -> String {
        let mut text = self.rfc3339_seconds();
        text.truncate("2026-03-28T12:00".len());
        text
    }

    /// The form in the bodies of events: UTC, whole seconds, `2026-03-28T12:00:00Z`.
    pub fn rfc3339_seconds(self) -> String {
        self.whole_seconds().to_string()
    }
}

impl TryFrom<OffsetDateTime> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(value: OffsetDateTime) -> Result<Self, InvalidTimestamp> {
        i64::try_from(value.unix_timestamp_nanos().div_euclid(1_000)).map(Self).map_err(|_| InvalidTimestamp)
    }
}

/// The first and the last second that RFC 3339 can write: 0000-01-01T00:00:00Z and
/// 9999-12-31T23:59:59Z. A database can hold instants outside of them.
const WRITABLE: RangeInclusive<i64> = -62_167_219_200_000_000..=253_402_300_799_000_000;

impl From<Timestamp> for OffsetDateTime {
    /// The nearest instant that RFC 3339 can write.
    fn from(value: Timestamp) -> Self {
        let micros = value.0.clamp(*WRITABLE.start(), *WRITABLE.end());
        Self::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap_or(Self::UNIX_EPOCH)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from(*self).format(&Rfc3339).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn offsets_are_converted_and_fractions_dropped_when_printed() {
        let parsed = Timestamp::parse_rfc3339("2026-03-28T14:00:00.75+02:00").expect("valid");
        assert_eq!(parsed.rfc3339_seconds(), "2026-03-28T12:00:00Z");
        assert_eq!(parsed.to_string(), "2026-03-28T12:00:00.75Z");
    }

    #[test]
    fn an_instant_that_cannot_be_written_is_shown_as_the_nearest_that_can() {
        assert_eq!(Timestamp::from_unix_micros(i64::MAX).rfc3339_seconds(), "9999-12-31T23:59:59Z");
        assert_eq!(Timestamp::from_unix_micros(i64::MIN).rfc3339_seconds(), "0000-01-01T00:00:00Z");
    }

    #[test]
    fn a_text_that_is_no_date_is_refused() {
        for text in ["", "2026-03-28", "2026-13-01T00:00:00Z", "yesterday", "1774699200"] {
            assert_eq!(Timestamp::parse_rfc3339(text), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn no_offset_leads_out_of_the_years_that_can_be_written() {
        for text in [
            "9999-12-31T23:59:59-01:00",
            "9999-12-31T23:59:59.999999999-00:01",
            "9999-12-31T23:59:60-00:01",
            "0000-01-01T00:00:00+01:00",
            "0000-01-01T00:00:00+23:59",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), Err(InvalidTimestamp), "{text}");
        }
        for (text, written) in [
            ("9999-12-31T22:59:59-01:00", "9999-12-31T23:59:59Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59Z"),
            ("0000-01-01T01:00:00+01:00", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text).expect(text).rfc3339_seconds(), written);
        }
    }

    proptest! {
        #[test]
        fn every_instant_that_is_read_can_be_written_and_read_again(
            year in prop_oneof![Just(0), Just(9_999), 0..=9_999],
            (month, day) in prop_oneof![Just((1, 1)), Just((12, 31))],
            (hour, minute) in prop_oneof![Just((0, 0)), Just((23, 59)), (0..24, 0..60)],
            (sign, ahead, off) in (prop_oneof![Just('+'), Just('-')], 0..24, 0..60),
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00{sign}{ahead:02}:{off:02}");
            if let Ok(read) = Timestamp::parse_rfc3339(&text) {
                prop_assert_eq!(Timestamp::parse_rfc3339(&read.rfc3339_seconds()), Ok(read));
            }
        }
    }

    #[test]
    fn a_date_field_is_read_as_utc_with_or_without_seconds() {
        for (text, read) in [
            ("2026-03-28T12:00", "2026-03-28T12:00:00Z"),
            ("2026-03-28T12:00:05", "2026-03-28T12:00:05Z"),
            ("2026-03-28T12:00:05.250", "2026-03-28T12:00:05.25Z"),
            ("0001-01-01T00:00", "0001-01-01T00:00:00Z"),
        ] {
            let parsed = Timestamp::parse_datetime_local(text).expect(text);
            assert_eq!(parsed.to_string(), read);
        }
        let noon = Timestamp::parse_datetime_local("2026-03-28T12:00:59").expect("valid");
        assert_eq!(noon.datetime_local(), "2026-03-28T12:00");
    }

    #[test]
    fn a_text_that_no_date_field_sends_is_refused() {
        for text in [
            "",
            ":",
            "2026-03-28",
            "12:00",
            "2026-03-28T25:00",
            "2026-02-30T12:00",
            "2026-03-28T12:00Z",
            "2026-03-28T12:00:00Z",
            "2026-03-28T12:00+02:00",
            "2026-03-28T12:00:00+02:00",
            "275760-09-13T00:00",
        ] {
            assert_eq!(Timestamp::parse_datetime_local(text), Err(InvalidTimestamp), "{text}");
        }
    }
}
