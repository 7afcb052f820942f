//! The pace of a resend: how many deliveries fall due in a time.

use std::{fmt, time::Duration};

/// Some deliveries a minute. Never more than the server releases: that rate is its operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pace(u32);

/// The pace cannot be chosen. The message stands behind the name of what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PaceError {
    /// Nothing would ever be sent.
    #[error("must be 1 at least")]
    Zero,
    /// The server releases more slowly.
    #[error("must not be more than this server releases, {0}")]
    TooFast(Pace),
}

impl Pace {
    /// So many a minute, as a person or a program chooses it for a server that releases so many a
    /// second.
    ///
    /// # Errors
    /// It is none, or faster than the server.
    pub fn chosen(per_minute: u32, release_rate: u32) -> Result<Self, PaceError> {
        let pace = Self::per_minute(per_minute).ok_or(PaceError::Zero)?;
        match Self::per_second(release_rate) {
            Some(fastest) if pace > fastest => Err(PaceError::TooFast(fastest)),
            _ => Ok(pace),
        }
    }

    /// So many a minute; `None` for none.
    pub const fn per_minute(count: u32) -> Option<Self> {
        if count == 0 { None } else { Some(Self(count)) }
    }

    /// So many a second; `None` for none.
    pub const fn per_second(count: u32) -> Option<Self> {
        Self::per_minute(count.saturating_mul(60))
    }

    /// The deliveries a minute.
    pub const fn in_a_minute(self) -> u32 {
        self.0
    }

    /// The deliveries that fall due within a time: one at least.
    pub(crate) fn within(self, time: Duration) -> u32 {
        let many = time.as_secs().saturating_mul(u64::from(self.0)) / 60;
        u32::try_from(many).unwrap_or(u32::MAX).max(1)
    }

    /// The time until the turn of a delivery at this place, counting from 0.
    pub(crate) fn turn(self, place: u32) -> Duration {
        let micros = u64::from(place) * 60_000_000 / u64::from(self.0);
        Duration::from_micros(micros)
    }
}

impl fmt::Display for Pace {
    /// `5 a second`, or `90 a minute`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            count if count.is_multiple_of(60) => write!(f, "{} a second", count / 60),
            count => write!(f, "{count} a minute"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_spreads_deliveries_over_a_minute() {
        let pace = Pace::per_minute(90).expect("a pace");
        assert_eq!((pace.turn(0), pace.turn(90)), (Duration::ZERO, Duration::from_mins(1)));
        assert_eq!((pace.within(Duration::from_secs(15)), pace.to_string()), (22, "90 a minute".to_owned()));
        let slow = Pace::per_minute(1).expect("a pace");
        assert_eq!((slow.within(Duration::from_secs(15)), slow.turn(2)), (1, Duration::from_mins(2)));
        assert_eq!(Pace::per_second(5).map(|it| it.to_string()).as_deref(), Some("5 a second"));
        assert_eq!((Pace::per_minute(0), Pace::per_second(0)), (None, None));
    }

    #[test]
    fn nobody_chooses_a_pace_that_the_server_does_not_keep() {
        assert_eq!(Pace::chosen(600, 10), Pace::per_second(10).ok_or(PaceError::Zero));
        assert_eq!(Pace::chosen(0, 10), Err(PaceError::Zero));
        let refused = Pace::chosen(601, 10).expect_err("too fast").to_string();
        assert_eq!(refused, "must not be more than this server releases, 10 a second");
    }
}
