//! Events: their types, and the bodies that are delivered for them.

mod balance_low;
mod body;
mod fields;
mod task_completed;
mod task_failed;

use std::{fmt, str::FromStr};

use crate::Timestamp;
use fields::{Fields, write_timestamp};

pub use balance_low::balance_low;
pub use body::{EventBody, Submission};
pub use fields::MemberFault;

/// One event type: a file of this folder declares it.
struct Definition {
    /// The name on the wire.
    name: &'static str,
    /// The description that stands beside the type in forms.
    sentence: &'static str,
    /// `true` if a new webhook wants the type unless a person unticks it.
    is_default: bool,
    /// The members of a sample body, between `event` and `timestamp`.
    sample: &'static str,
    /// Reads the members from a submission, in any order, and writes them in the
    /// contract's order.
    copy_members: fn(&mut Fields<'_>, &mut String) -> Result<TaskId, MemberFault>,
}

/// The id of the task, for the types that have one.
type TaskId = Option<String>;

/// Declares the enum, the list of all its variants, and the file that defines each.
macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $file:ident),+ $(,)?) => {
        /// The type of an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventType {
            $($(#[$doc])* $variant),+
        }

        impl EventType {
            /// All types, in the order in which pages list them.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            const fn definition(self) -> &'static Definition {
                match self {
                    $(Self::$variant => &$file::DEFINITION),+
                }
            }
        }
    };
}

event_types! {
    /// A task has a solution.
    TaskCompleted = task_completed,
    /// A task could not be solved.
    TaskFailed = task_failed,
    /// The account's balance fell below its threshold.
    BalanceLow = balance_low,
}

impl EventType {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        self.definition().name
    }

    /// The description that stands beside the type in forms.
    pub const fn sentence(self) -> &'static str {
        self.definition().sentence
    }

    /// Returns `true` if a new webhook wants the type unless a person unticks it.
    pub const fn is_default(self) -> bool {
        self.definition().is_default
    }

    /// A body of this type with sample values, which the dashboard shows and test events
    /// deliver.
    pub fn sample(self, occurred_at: Timestamp) -> EventBody {
        let mut json = format!("{{\"event\":\"{self}\",{}", self.definition().sample);
        write_timestamp(occurred_at, &mut json);
        let task_id = json.contains(fields::SAMPLE_TASK).then(|| fields::SAMPLE_TASK.into());
        EventBody { event_type: self, occurred_at: occurred_at.whole_seconds(), task_id, json: json.into() }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownEventType;

impl fmt::Display for UnknownEventType {
    /// "is not an event type: use a, b or c".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not an event type: use ")?;
        for (index, kind) in EventType::ALL.into_iter().enumerate() {
            let separator = match index {
                0 => "",
                _ if index + 1 == EventType::ALL.len() => " or ",
                _ => ", ",
            };
            write!(f, "{separator}{kind}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownEventType {}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, UnknownEventType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownEventType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload;

    #[test]
    fn each_type_has_a_sample_that_is_a_valid_submission_and_a_fixed_point() {
        let now = Timestamp::from_unix_seconds(1_774_699_200);
        for kind in EventType::ALL {
            let sample = kind.sample(now);
            let submitted = Submission::parse(&sample.json, now).expect("a valid submission");
            assert_eq!(submitted.body, sample);
            let mut printed = String::new();
            payload::parse(&sample.json).expect("JSON").write(&mut printed);
            assert_eq!(printed, *sample.json);
        }
    }

    #[test]
    fn an_unknown_type_is_answered_with_all_known_ones() {
        let error = "task.deleted".parse::<EventType>().expect_err("no type");
        assert_eq!(error.to_string(), "is not an event type: use task.completed, task.failed or balance.low");
    }
}
