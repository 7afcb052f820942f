//! Light or dark.

use std::{fmt, str::FromStr};

/// The look of pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// Dark text on light.
    Light,
    /// Light text on dark.
    Dark,
    /// As the person's system has it.
    #[default]
    Auto,
}

/// The text names no theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be light, dark or auto")]
pub struct InvalidTheme;

impl Theme {
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::Auto => "auto",
        }
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Theme {
    type Err = InvalidTheme;

    fn from_str(text: &str) -> Result<Self, InvalidTheme> {
        [Self::Light, Self::Dark, Self::Auto].into_iter().find(|theme| theme.as_str() == text).ok_or(InvalidTheme)
    }
}
