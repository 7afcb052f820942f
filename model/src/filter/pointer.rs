//! JSON pointers (RFC 6901) to a member of a body.

use std::{fmt, str::FromStr};

/// The longest pointer, in characters.
pub const POINTER_MAX: usize = 255;
/// The most steps of a pointer.
pub const STEPS_MAX: usize = 16;

/// A pointer below the root of a body.
#[derive(Clone, PartialEq, Eq)]
pub struct Pointer {
    text: Box<str>,
    /// The steps without escapes.
    steps: Vec<Box<str>>,
}

/// The reason for which a text is no pointer, worded to stand behind its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// The text does not begin with `/`.
    #[error("must begin with /, as /status does")]
    NoSlash,
    /// A `~` that escapes nothing.
    #[error("has a ~ that is followed by neither 0 nor 1")]
    Escape,
    /// Longer than [`POINTER_MAX`].
    #[error("is longer than 255 characters")]
    TooLong,
    /// A value of a body deeper than [`STEPS_MAX`].
    #[error("has more than 16 steps")]
    TooDeep,
}

impl Pointer {
    /// The text of the pointer.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of members and indexes of elements on the way to the value.
    pub(super) fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(AsRef::as_ref)
    }
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        let steps = text.strip_prefix('/').ok_or(PointerError::NoSlash)?;
        if text.chars().count() > POINTER_MAX {
            return Err(PointerError::TooLong);
        }
        let steps: Vec<_> = steps.split('/').map(unescape).collect::<Result<_, _>>()?;
        if steps.len() > STEPS_MAX {
            return Err(PointerError::TooDeep);
        }
        Ok(Self { text: text.into(), steps })
    }
}

fn unescape(step: &str) -> Result<Box<str>, PointerError> {
    if step.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        return Err(PointerError::Escape);
    }
    Ok(step.replace("~1", "/").replace("~0", "~").into())
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
