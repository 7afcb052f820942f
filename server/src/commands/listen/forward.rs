//! Posting an event to a program on this machine, as a receiver gets it.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::Context;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::{Client, redirect};
use signet_engine::outbound::tls_config;
use signet_model::{signature::SigningKeys, time::Clock};
use tokio::time::Instant;

use super::StreamedEvent;
use crate::config::RemoteUrl;

/// The time for the whole exchange, as receivers have it.
const BUDGET: Duration = Duration::from_secs(10);
/// The most of an answer's first line that is shown, in characters.
const SHOWN: usize = 200;
/// The most of an answer that is read for it, in bytes.
const READ: usize = 4 * 1024;

/// Posts events to one address.
pub struct Forwarder {
    http: Client,
    to: RemoteUrl,
    keys: SigningKeys,
    clock: Arc<dyn Clock>,
}

/// The answer to one event, for people.
#[derive(Debug)]
pub struct Answered {
    event: String,
    outcome: Result<(StatusCode, String), String>,
    took: Duration,
}

impl Forwarder {
    /// Sets the client up.
    ///
    /// # Errors
    /// The certificates of this machine cannot be used.
    pub fn new(to: RemoteUrl, keys: SigningKeys, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let http = Client::builder()
            .tls_backend_preconfigured(tls_config(&[])?)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .http1_title_case_headers()
            .timeout(BUDGET)
            .build()
            .context("the HTTP client could not be set up")?;
        Ok(Self { http, to, keys, clock })
    }

    /// Posts an event, and returns the answer.
    pub async fn post(&self, event: &StreamedEvent<'_>) -> Answered {
        let begun = Instant::now();
        let outcome = self.exchange(event).await;
        let test = if event.is_test { "  test" } else { "" };
        let event = format!("{}  {}{test}", event.event_type, event.message_id());
        Answered { event, outcome, took: begun.elapsed() }
    }

    async fn exchange(&self, event: &StreamedEvent<'_>) -> Result<(StatusCode, String), String> {
        let headers = self.headers(event).map_err(|_| "its headers cannot be sent".to_owned())?;
        let body = event.body.get().to_owned();
        let request = self.http.post(self.to.as_url().clone()).headers(headers).body(body);
        let mut response = request.send().await.map_err(reason)?;
        let mut text = Vec::new();
        while text.len() < READ && !text.contains(&b'\n') {
            match response.chunk().await {
                Ok(Some(chunk)) => text.extend_from_slice(&chunk),
                // The head has come: that decides.
                Ok(None) | Err(_) => break,
            }
        }
        Ok((response.status(), first_line(&String::from_utf8_lossy(&text))))
    }

    fn headers(&self, event: &StreamedEvent<'_>) -> Result<HeaderMap, http::header::InvalidHeaderValue> {
        let (id, now) = (event.message_id().to_string(), self.clock.now());
        let signed = self.keys.sign(&id, now, event.body.get().as_bytes());
        let named = [
            ("content-type", "application/json".to_owned()),
            ("user-agent", concat!("Signet/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("x-webhook-signature", signed.hex),
            ("webhook-id", id),
            ("webhook-timestamp", now.unix_seconds().to_string()),
            ("webhook-signature", signed.standard),
            ("x-webhook-event", event.event_type.to_string()),
            ("x-webhook-attempt", "1".to_owned()),
        ];
        let test = event.is_test.then(|| ("x-webhook-test", "true".to_owned()));
        named
            .into_iter()
            .chain(test)
            .map(|(name, value)| Ok((HeaderName::from_static(name), HeaderValue::try_from(value)?)))
            .collect()
    }
}

/// The innermost reason of a failure.
fn reason(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", BUDGET.as_secs());
    }
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        words = error.to_string();
        cause = error.source();
    }
    words
}

/// The first line of a text, without control characters, which could rule the terminal.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    line.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect()
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, outcome, took } = self;
        let took = took.as_millis();
        match outcome {
            Ok((status, line)) => {
                let mark = if status.is_success() { '✓' } else { '✗' };
                write!(f, "{mark} {event}  {status}  {took} ms  {line}")?;
            }
            Err(reason) => write!(f, "✗ {event}  failed after {took} ms: {reason}")?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_line_that_cannot_rule_the_terminal() {
        let answered = Answered {
            event: "order.paid  msg_1".to_owned(),
            outcome: Ok((StatusCode::OK, first_line("\u{1b}[2Jthanks\nmore"))),
            took: Duration::from_millis(12),
        };
        assert_eq!(answered.to_string(), "✓ order.paid  msg_1  200 OK  12 ms  [2Jthanks");
        let failed = Answered { outcome: Err("Connection refused".to_owned()), ..answered };
        assert_eq!(failed.to_string(), "✗ order.paid  msg_1  failed after 12 ms: Connection refused");
    }
}
