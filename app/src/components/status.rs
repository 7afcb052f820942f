//! A status: an icon, a word and a colour.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::Icon;

/// The meaning of a status for the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tone {
    /// All is well.
    Good,
    /// Needs attention soon.
    Warning,
    /// Went wrong.
    Bad,
    /// Under way.
    Waiting,
    /// Stands still because a person or a rule said so.
    Paused,
    /// Of no consequence.
    Idle,
}

impl Tone {
    /// The word for it in class names.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Idle => "idle",
        }
    }

    /// The name of its icon.
    pub(crate) const fn icon(self) -> &'static str {
        match self {
            Self::Good => "check",
            Self::Warning => "warning",
            Self::Bad => "cross",
            Self::Waiting => "clock",
            Self::Paused => "pause",
            Self::Idle => "minus",
        }
    }
}

/// A status in a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The meaning.
    pub tone: Tone,
    /// The word.
    pub word: String,
}

impl Status {
    /// A status.
    pub fn new(tone: Tone, word: impl Into<String>) -> Self {
        Self { tone, word: word.into() }
    }
}

/// Shows a status.
#[component]
pub fn StatusMark(
    /// The status.
    status: Status,
) -> impl IntoView {
    let class = format!("status {}", status.tone.name());
    view! {
        <span class=class>
            <Icon name=status.tone.icon() />
            {status.word}
        </span>
    }
}
