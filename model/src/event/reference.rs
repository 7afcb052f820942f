//! The member of an event's body by which people look for the event.

use std::{fmt, str::FromStr, sync::Arc};

use crate::payload;

/// The longest name, in characters.
const MAX_LEN: usize = 128;

/// The name of a member of a body, such as `orderId`. Its value is the event's *reference*: the
/// store keeps it beside the body, and searches are served by its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference(Arc<str>);

impl Reference {
    /// The member of types that name none.
    pub const DEFAULT: &str = "taskId";

    /// The name of the member.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a member that can be a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not the name of a member of a body: write the name alone, such as orderId, 128 characters at most; event and \
     timestamp, and whole numbers, cannot be chosen"
)]
pub struct InvalidReference;

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let is_name = !text.is_empty()
            && text.trim() == text
            && text.chars().count() <= MAX_LEN
            && !text.chars().any(char::is_control);
        if is_name && !["event", "timestamp"].contains(&text) && !payload::is_array_index(text) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidReference)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_member_that_a_producer_sends() {
        for name in ["orderId", "balance_id", "Bestell-Nr", "ord/er~id", "注文"] {
            assert_eq!(name.parse().map(|it: Reference| it.to_string()), Ok(name.to_owned()));
        }
        let long = "x".repeat(129);
        for other in ["", " orderId", "event", "timestamp", "7", "order\nId", &long] {
            assert_eq!(other.parse::<Reference>(), Err(InvalidReference), "{other}");
        }
    }
}
