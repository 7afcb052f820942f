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
    const fn look(self) -> (&'static str, &'static str) {
        match self {
            Self::Good => ("status good", "check"),
            Self::Warning => ("status warning", "warning"),
            Self::Bad => ("status bad", "cross"),
            Self::Waiting => ("status waiting", "clock"),
            Self::Paused => ("status paused", "pause"),
            Self::Idle => ("status idle", "minus"),
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
    let (class, icon) = status.tone.look();
    view! {
        <span class=class>
            <Icon name=icon />
            {status.word}
        </span>
    }
}
