//! What a check has found, in words and as JSON.

use std::fmt;

use serde::Serialize;

/// The outcome of a check, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All is well.
    Ok,
    /// It was not looked at.
    Skipped,
    /// A server runs, and could do better.
    Warning,
    /// A server does not run, or loses something.
    Failed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Failed => "failed",
        })
    }
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// The outcome.
    pub result: Verdict,
    /// What was found.
    pub says: String,
    /// What to do about it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, result: Verdict::Ok, says: says.into(), advice: None }
    }

    /// It was not looked at; the advice tells how to have that done.
    pub fn skipped(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, result: Verdict::Skipped, says: says.into(), advice: Some(advice.into()) }
    }

    /// A server runs, and could do better.
    pub fn warning(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, result: Verdict::Warning, says: says.into(), advice: Some(advice.into()) }
    }

    /// A server does not run, or loses something.
    pub fn failed(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, result: Verdict::Failed, says: says.into(), advice: Some(advice.into()) }
    }
}

/// All findings.
#[derive(Debug)]
pub struct Report(pub Vec<Finding>);

#[derive(Serialize)]
struct Document<'r> {
    result: Verdict,
    checks: &'r [Finding],
}

impl Report {
    /// The worst outcome.
    pub fn verdict(&self) -> Verdict {
        self.0.iter().map(|finding| finding.result).filter(|it| *it != Verdict::Skipped).max().unwrap_or(Verdict::Ok)
    }

    /// The findings as JSON.
    ///
    /// # Errors
    /// They have no JSON form, which does not happen.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&Document { result: self.verdict(), checks: &self.0 })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { check, result, says, advice } in &self.0 {
            writeln!(f, "{result:<8} {check:<18} {says}")?;
            if let Some(advice) = advice {
                writeln!(f, "{:27} > {advice}", "")?;
            }
        }
        let count = |verdict| self.0.iter().filter(|finding| finding.result == verdict).count();
        let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
        match (failed, warnings) {
            (0, 0) => writeln!(f, "\nAll is well."),
            _ => writeln!(f, "\nFailed: {failed}. Warnings: {warnings}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn findings_can_be_read_by_people_and_by_programs() {
        let findings = vec![
            Finding::ok("clock", "it is right"),
            Finding::skipped("outgoing HTTPS", "not tried", "give a URL"),
            Finding::warning("disk", "5 % are free", "make room"),
        ];
        let mut report = Report(findings);
        assert_eq!(report.verdict(), Verdict::Warning);
        assert_snapshot!(report, @r"
        ok       clock              it is right
        skipped  outgoing HTTPS     not tried
                                    > give a URL
        warning  disk               5 % are free
                                    > make room

        Failed: 0. Warnings: 1.
        ");
        report.0.push(Finding::failed("database", "it is gone", "look for it"));
        assert_eq!(report.verdict(), Verdict::Failed);
        let json: serde_json::Value = serde_json::from_str(&report.to_json().expect("JSON")).expect("JSON");
        assert_eq!((&json["result"], &json["checks"][3]["do"]), (&"failed".into(), &"look for it".into()));
        assert_eq!(json["checks"][0].get("do"), None);
        assert_eq!(Report(vec![]).verdict(), Verdict::Ok);
    }
}
