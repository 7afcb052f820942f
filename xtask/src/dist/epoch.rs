//! The instant that stands in all that is packed, so that packing again gives the same bytes.

use std::process::Command;

use anyhow::{Context, Result};
use time::{
    OffsetDateTime,
    format_description::well_known::{Rfc2822, Rfc3339},
};
use xtask_postgres::process::output;

use crate::workspace;

/// The variable of <https://reproducible-builds.org/specs/source-date-epoch/>.
const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// Seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Epoch(OffsetDateTime);

impl Epoch {
    /// From the variable, or else the time of the last commit.
    pub fn find() -> Result<Self> {
        let text = match std::env::var(VARIABLE) {
            Ok(text) => text,
            Err(_) => output(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(workspace::root()))
                .with_context(|| format!("there is no last commit whose time could be taken: set {VARIABLE}"))?,
        };
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let wrong = || format!("{VARIABLE} must be whole seconds since 1970, and is {text:?}");
        let seconds = text.trim().parse().with_context(wrong)?;
        OffsetDateTime::from_unix_timestamp(seconds).map(Self).with_context(wrong)
    }

    /// Seconds since 1970; times before are its begin.
    pub fn seconds(self) -> u64 {
        u64::try_from(self.0.unix_timestamp()).unwrap_or_default()
    }

    /// As a changelog of Debian has it.
    pub fn rfc2822(self) -> Result<String> {
        Ok(self.0.format(&Rfc2822)?)
    }

    /// As JSON has it.
    pub fn rfc3339(self) -> Result<String> {
        Ok(self.0.format(&Rfc3339)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_both_forms() {
        let epoch = Epoch::parse("1764201600\n").expect("seconds");
        assert_eq!(epoch.rfc2822().expect("text"), "Thu, 27 Nov 2025 00:00:00 +0000");
        assert_eq!(epoch.rfc3339().expect("text"), "2025-11-27T00:00:00Z");
    }

    #[test]
    fn other_text_is_refused_by_the_name_of_the_variable() {
        let error = Epoch::parse("yesterday").expect_err("no number");
        assert!(error.to_string().contains("SOURCE_DATE_EPOCH"), "{error}");
    }
}
