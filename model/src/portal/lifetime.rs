//! The lifetime of a session that a link begins.

use std::time::Duration;

/// From five minutes to a day, in whole seconds; an hour by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionLifetime(u32);

/// The number is outside the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of seconds from 300 (five minutes) to 86400 (a day)")]
pub struct InvalidLifetime;

impl SessionLifetime {
    /// The least number of seconds.
    pub const MIN: u32 = 300;
    /// The greatest number of seconds.
    pub const MAX: u32 = 86_400;

    /// A lifetime in seconds.
    ///
    /// # Errors
    /// The number is outside the limits.
    pub fn from_seconds(seconds: i64) -> Result<Self, InvalidLifetime> {
        let fits = |seconds: &u32| (Self::MIN..=Self::MAX).contains(seconds);
        u32::try_from(seconds).ok().filter(fits).map(Self).ok_or(InvalidLifetime)
    }

    /// The number of seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// The time.
    pub const fn get(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl Default for SessionLifetime {
    fn default() -> Self {
        Self(3_600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_from_five_minutes_to_a_day() {
        for seconds in [300, 3_600, 86_400] {
            assert_eq!(SessionLifetime::from_seconds(seconds).map(|it| i64::from(it.seconds())), Ok(seconds));
        }
        for seconds in [-300, 0, 299, 86_401, i64::MAX] {
            assert_eq!(SessionLifetime::from_seconds(seconds), Err(InvalidLifetime), "{seconds}");
        }
    }
}
