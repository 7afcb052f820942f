//! The names of event types.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

/// The longest name, in characters.
const MAX_LEN: usize = 128;

/// The name of an event type, such as `order.paid`: parts of lower-case letters, digits
/// and `_`, with dots between. Clones share the text.
#[derive(Clone)]
pub struct EventType(Text);

/// The text of a name: built in, or read.
#[derive(Clone)]
enum Text {
    BuiltIn(&'static str),
    Read(Arc<str>),
}

impl EventType {
    /// A task has a solution.
    pub const TASK_COMPLETED: Self = Self::built_in("task.completed");
    /// A task could not be solved.
    pub const TASK_FAILED: Self = Self::built_in("task.failed");
    /// The account's balance fell below its threshold.
    pub const BALANCE_LOW: Self = Self::built_in("balance.low");

    /// A webhook of a customer fails.
    pub const ENDPOINT_FAILING: Self = Self::built_in("signet.endpoint.failing");
    /// A webhook of a customer was disabled.
    pub const ENDPOINT_DISABLED: Self = Self::built_in("signet.endpoint.disabled");
    /// A webhook of a customer was enabled again.
    pub const ENDPOINT_ENABLED: Self = Self::built_in("signet.endpoint.enabled");
    /// A delivery to a customer failed for good.
    pub const DELIVERY_FAILED: Self = Self::built_in("signet.delivery.failed");

    pub(super) const fn built_in(name: &'static str) -> Self {
        Self(Text::BuiltIn(name))
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::BuiltIn(text) => text,
            Text::Read(text) => text,
        }
    }

    /// The group of the type, which is the part before the last dot.
    pub fn group(&self) -> Option<&str> {
        self.as_str().rsplit_once('.').map(|(group, _)| group)
    }
}

/// The text is not the name of an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not the name of an event type: use lower-case letters, digits and _, in parts with dots between, \
     128 characters at most"
)]
pub struct InvalidEventType;

impl FromStr for EventType {
    type Err = InvalidEventType;

    fn from_str(text: &str) -> Result<Self, InvalidEventType> {
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_name_byte);
        if text.len() <= MAX_LEN && text.split('.').all(is_part) {
            Ok(Self(Text::Read(text.into())))
        } else {
            Err(InvalidEventType)
        }
    }
}

const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')
}

impl PartialEq for EventType {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for EventType {}

/// Sets of names are searched for a part of another name.
impl Borrow<str> for EventType {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for EventType {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialOrd for EventType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EventType {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for EventType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_parts_with_dots_between() {
        for (name, group) in [
            ("task.completed", Some("task")),
            ("order.item.added_2", Some("order.item")),
            ("ping", None),
            ("_.0", Some("_")),
        ] {
            let parsed: EventType = name.parse().expect(name);
            assert_eq!((parsed.as_str(), parsed.group()), (name, group));
        }
        let longest = "a".repeat(MAX_LEN);
        assert_eq!(longest.parse::<EventType>().map(|it| it.to_string()), Ok(longest));
    }

    #[test]
    fn other_texts_are_no_names() {
        for text in ["", ".", "a.", ".a", "a..b", "A", "a-b", "a b", "a.*", "*", "é", "a\0", &"a".repeat(MAX_LEN + 1)]
        {
            assert_eq!(text.parse::<EventType>(), Err(InvalidEventType), "{text:?}");
        }
    }

    #[test]
    fn a_name_that_was_read_is_the_same_as_one_that_is_built_in() {
        let read: EventType = "task.completed".parse().expect("a name");
        assert_eq!(read, EventType::TASK_COMPLETED);
        assert!(read < EventType::TASK_FAILED);
    }
}
