//! Spans of time, as options write them.

use std::{fmt, str::FromStr, time::Duration};

/// Units from the longest to the shortest, in milliseconds.
const UNITS: [(&str, u128); 4] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

/// A span of time that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(Duration);

impl Span {
    /// Wraps a default of the engine.
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// Unwraps it.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match humantime::parse_duration(text) {
            Ok(Duration::ZERO) => Err("must be longer than nothing".into()),
            Ok(duration) => Ok(Self(duration)),
            Err(error) => Err(format!("{error}; write for example 90s or 1m 30s")),
        }
    }
}

impl fmt::Display for Span {
    /// Writes the span in the longest unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let (unit, len) = UNITS.into_iter().find(|(_, len)| millis.is_multiple_of(*len)).unwrap_or(("ms", 1));
        write!(f, "{}{unit}", millis / len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_it_can_be_read() {
        for text in ["250ms", "15s", "1m", "90s", "4h", "90d"] {
            assert_eq!(text.parse::<Span>().map(|span| span.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("1m 30s".parse::<Span>().map(|span| span.to_string()), Ok("90s".to_owned()));
    }

    #[test]
    fn a_span_is_not_empty_and_has_a_unit() {
        assert_eq!("0s".parse::<Span>(), Err("must be longer than nothing".to_owned()));
        assert!("90".parse::<Span>().is_err_and(|error| error.contains("write for example 90s")));
    }
}
