//! Events: their types, and the bodies that are delivered for them.

mod body;
mod sample;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use body::{EventBody, MemberFault, Submission, balance_low};

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventType {
    /// A task has a solution.
    #[serde(rename = "task.completed")]
    TaskCompleted,
    /// A task could not be solved.
    #[serde(rename = "task.failed")]
    TaskFailed,
    /// The account's balance fell below its threshold.
    #[serde(rename = "balance.low")]
    BalanceLow,
}

/// The text names no event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an event type: use task.completed, task.failed or balance.low")]
pub struct UnknownEventType;

impl EventType {
    /// All types, in the order in which pages list them.
    pub const ALL: [Self; 3] = [Self::TaskCompleted, Self::TaskFailed, Self::BalanceLow];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskCompleted => "task.completed",
            Self::TaskFailed => "task.failed",
            Self::BalanceLow => "balance.low",
        }
    }

    /// The description that stands beside the type in forms.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::TaskCompleted => "A task has finished and its solution is ready.",
            Self::TaskFailed => "A task could not be completed; the error says why.",
            Self::BalanceLow => "The balance has fallen below the threshold you set.",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, UnknownEventType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownEventType)
    }
}
