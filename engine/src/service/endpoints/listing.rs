//! The endpoints of an account as a page lists them: newest first, by status, found by a text.

use signet_model::EndpointId;

use super::Endpoint;

/// The letters of a text that are searched for.
const TEXT_MAX: usize = 200;

/// The endpoints that failures have disabled, or a newer version for a reason of its own.
pub(super) const DISABLED: &str = "COALESCE(e.disabled_reason, 'paused') <> 'paused'";
/// Those that a person has paused.
pub(super) const PAUSED: &str = "COALESCE(e.disabled_reason, '') = 'paused'";

/// The status by which a list can be narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedStatus {
    /// Enabled, and the last attempt failed.
    Failing,
    /// Disabled by failures.
    Disabled,
    /// Paused by a person.
    Paused,
}

impl ListedStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Failing, Self::Disabled, Self::Paused];

    /// The text in addresses and statements.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Disabled => "disabled",
            Self::Paused => "paused",
        }
    }
}

/// Selects endpoints of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only those with this status.
    pub status: Option<ListedStatus>,
    /// Only those that have this text in their URL or description, in small or capital letters.
    /// On SQLite only the letters of ASCII are the same in both. Empty for all.
    pub text: String,
}

impl ListFilter {
    /// The pattern for `LIKE`; `None` without a text.
    pub(super) fn pattern(&self) -> Option<String> {
        let text = self.text.trim();
        (!text.is_empty()).then(|| {
            let mut pattern = String::from("%");
            for letter in text.chars().take(TEXT_MAX) {
                if matches!(letter, '%' | '_' | '\\') {
                    pattern.push('\\');
                }
                pattern.push(letter);
            }
            pattern.push('%');
            pattern
        })
    }
}

/// A page of the list.
#[derive(Debug)]
pub struct Listed {
    /// The endpoints, newest first.
    pub endpoints: Vec<Endpoint>,
    /// The endpoint after which the next page begins, unless the list ends here.
    pub next: Option<EndpointId>,
}
