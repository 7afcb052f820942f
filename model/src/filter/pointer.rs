//! JSON pointers (RFC 6901) to a member of a body.

use std::{fmt, str::FromStr};

use crate::payload::Value;

/// The longest pointer, in bytes.
const POINTER_MAX: usize = 255;

/// A pointer below the root of a body.
#[derive(Clone, PartialEq, Eq)]
pub struct Pointer {
    text: Box<str>,
    /// The steps without escapes.
    steps: Vec<Box<str>>,
}

/// The reason for which a text is no pointer, worded to stand behind "its pointer".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// The text does not begin with `/`.
    #[error("must begin with /, as /status does")]
    NoSlash,
    /// A `~` that escapes nothing.
    #[error("has a ~ that is followed by neither 0 nor 1")]
    Escape,
    /// Longer than 255 bytes.
    #[error("is longer than 255 characters")]
    TooLong,
}

impl Pointer {
    /// The text of the pointer.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Finds the value that the pointer names.
    pub(super) fn find<'v, 'b>(&self, body: &'v Value<'b>) -> Option<&'v Value<'b>> {
        self.steps.iter().try_fold(body, |value, step| match value {
            Value::Object(members) => members.get(step),
            Value::Array(values) => values.get(index(step)?),
            _ => None,
        })
    }
}

/// Reads the index of an element: digits without a zero before them.
fn index(step: &str) -> Option<usize> {
    let is_index = step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
    is_index.then(|| step.parse().ok()).flatten()
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        let steps = text.strip_prefix('/').ok_or(PointerError::NoSlash)?;
        if text.len() > POINTER_MAX {
            return Err(PointerError::TooLong);
        }
        let steps = steps.split('/').map(unescape).collect::<Result<_, _>>()?;
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
