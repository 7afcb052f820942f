//! One request that arrived, and the checks that tell if it can be believed.

use std::{fmt, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode},
};
use signet_model::{
    Timestamp,
    payload::indented,
    signature::{Secret, verify_hex, verify_standard},
};

/// The most that a timestamp may be from now, as the Standard Webhooks libraries have it.
const TOLERANCE: Duration = Duration::from_mins(5);

/// The verdict of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The check holds.
    Good(String),
    /// The check does not hold, for this reason.
    Bad(String),
    /// There is no secret to check with.
    Unchecked,
}

/// One request that arrived.
#[derive(Debug)]
pub struct Arrival {
    event: Option<String>,
    id: Option<String>,
    attempt: Option<u32>,
    is_test: bool,
    checks: [(&'static str, Verdict); 3],
    /// True if there was a secret to check with.
    is_checked: bool,
    body: Bytes,
    /// The status of the answer.
    pub answer: StatusCode,
}

impl Arrival {
    /// Checks both signatures and the timestamp's age.
    pub fn judge(headers: &HeaderMap, body: Bytes, secrets: &[Secret], now: Timestamp) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let signature = |name, verifies: &dyn Fn(&Secret, &str) -> bool| match header(name) {
            None => Verdict::Bad("is missing".to_owned()),
            Some(_) if secrets.is_empty() => Verdict::Unchecked,
            Some(value) => match secrets.iter().position(|secret| verifies(secret, value)) {
                Some(_) if secrets.len() == 1 => Verdict::Good("verified".to_owned()),
                Some(place) => Verdict::Good(format!("verified with secret {} of {}", place + 1, secrets.len())),
                None => Verdict::Bad("does not match: was it made with another secret?".to_owned()),
            },
        };
        let (id, sent_at) = (header("webhook-id"), header("webhook-timestamp"));
        let standard = |secret: &Secret, value: &str| match (id, sent_at) {
            (Some(id), Some(sent_at)) => verify_standard(secret, id, sent_at, &body, value),
            _ => false,
        };
        let checks = [
            (
                "X-Webhook-Signature",
                signature("x-webhook-signature", &|secret, value| verify_hex(secret, &body, value)),
            ),
            ("webhook-signature", signature("webhook-signature", &standard)),
            ("webhook-timestamp", age(sent_at, now)),
        ];
        Self {
            event: header("x-webhook-event").map(str::to_owned),
            id: id.map(str::to_owned),
            attempt: header("x-webhook-attempt").and_then(|value| value.parse().ok()),
            is_test: header("x-webhook-test") == Some("true"),
            checks,
            is_checked: !secrets.is_empty(),
            body,
            answer: StatusCode::OK,
        }
    }

    /// The number of the attempt, by the sender's count.
    pub const fn attempt(&self) -> Option<u32> {
        self.attempt
    }

    /// Returns true if the request was checked and a check does not hold.
    pub fn is_forged(&self) -> bool {
        self.is_checked && !self.is_verified()
    }

    /// Returns true if every check holds.
    pub fn is_verified(&self) -> bool {
        self.checks.iter().all(|(_, verdict)| matches!(verdict, Verdict::Good(_)))
    }

    /// A line for the sender.
    pub fn summary(&self) -> String {
        format!("received {}, {}\n", self.id.as_deref().unwrap_or("something without webhook-id"), self.trust())
    }

    fn trust(&self) -> &'static str {
        match (self.is_verified(), self.is_forged()) {
            (true, _) => "verified",
            (_, true) => "NOT VERIFIED",
            _ => "unverified",
        }
    }
}

fn age(sent_at: Option<&str>, now: Timestamp) -> Verdict {
    let Some(text) = sent_at else { return Verdict::Bad("is missing".to_owned()) };
    let Ok(seconds) = text.parse() else { return Verdict::Bad("is not a number of seconds".to_owned()) };
    let sent_at = Timestamp::from_unix_micros(i64::saturating_mul(seconds, 1_000_000));
    let (late, early) = (now.since(sent_at), sent_at.since(now));
    let span = |span: Duration| humantime::format_duration(Duration::from_secs(span.as_secs()));
    match (late > TOLERANCE, early > TOLERANCE) {
        (true, _) => Verdict::Bad(format!("is {} old, more than {}", span(late), span(TOLERANCE))),
        (_, true) => Verdict::Bad(format!("is {} ahead, more than {}", span(early), span(TOLERANCE))),
        _ => Verdict::Good(format!("{} old", span(late))),
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |text: &Option<String>, none| text.clone().unwrap_or_else(|| String::from(none));
        write!(f, "{}  {}", or_none(&self.event, "(no event type)"), or_none(&self.id, "(no id)"))?;
        if let Some(attempt) = self.attempt {
            write!(f, "  attempt {attempt}")?;
        }
        if self.is_test {
            f.write_str("  test")?;
        }
        writeln!(f, "  {}  answered {}", self.trust(), self.answer)?;
        for (name, verdict) in &self.checks {
            let (mark, words) = match verdict {
                Verdict::Good(words) => ('✓', words.as_str()),
                Verdict::Bad(words) => ('✗', words.as_str()),
                Verdict::Unchecked => ('?', "not checked: there is no secret"),
            };
            writeln!(f, "  {mark} {name:<19}  {words}")?;
        }
        for line in indented(&String::from_utf8_lossy(&self.body)).lines() {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}
