//! Instants: microseconds since 1970 in UTC, always handed in, never read here.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// An instant in UTC with a resolution of one microsecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The text is not an RFC 3339 date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a date and time such as 2026-03-28T12:00:00Z (RFC 3339)")]
pub struct InvalidTimestamp;

/// What tells the time. The server hands in the system's clock, tests one that
/// they move by hand.
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
        Self(seconds * 1_000_000)
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

    /// How long after `earlier` this is; zero if it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Without the fraction of the second.
    #[must_use]
    pub const fn whole_seconds(self) -> Self {
        Self::from_unix_seconds(self.unix_seconds())
    }

    /// Reads an RFC 3339 date and time of any offset.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTimestamp> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        Self::try_from(parsed.to_offset(UtcOffset::UTC))
    }

    /// Reads what `<input type="datetime-local">` sends, taken to be in UTC:
    /// `2026-03-28T12:00`, or with seconds, which browsers leave out where they can.
    pub fn parse_datetime_local(text: &str) -> Result<Self, InvalidTimestamp> {
        let without_seconds = text.matches(':').count() == 1;
        Self::parse_rfc3339(&format!("{text}{}", if without_seconds { ":00Z" } else { "Z" }))
    }

    /// As `<input type="datetime-local">` takes it, to the minute: `2026-03-28T12:00`.
    pub fn datetime_local(self) -> String {
        let mut text = self.rfc3339_seconds();
        text.truncate("2026-03-28T12:00".len());
        text
    }

    /// As the bodies of events have it: UTC, whole seconds, `2026-03-28T12:00:00Z`.
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

impl From<Timestamp> for OffsetDateTime {
    fn from(value: Timestamp) -> Self {
        Self::from_unix_timestamp_nanos(i128::from(value.0) * 1_000).unwrap_or(Self::UNIX_EPOCH)
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
    use super::*;

    #[test]
    fn offsets_are_converted_and_fractions_dropped_when_printed() {
        let parsed = Timestamp::parse_rfc3339("2026-03-28T14:00:00.75+02:00").expect("valid");
        assert_eq!(parsed.rfc3339_seconds(), "2026-03-28T12:00:00Z");
        assert_eq!(parsed.to_string(), "2026-03-28T12:00:00.75Z");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["", "2026-03-28", "2026-13-01T00:00:00Z", "yesterday", "1774699200"] {
            assert_eq!(Timestamp::parse_rfc3339(text), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn what_a_date_field_sends_is_in_utc_with_or_without_seconds() {
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
    fn what_a_date_field_does_not_send_is_refused() {
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
