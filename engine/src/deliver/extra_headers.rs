//! The headers that an endpoint has besides those of the contract.

use std::{borrow::Cow, sync::Arc};

use http::{HeaderName, HeaderValue};
use signet_model::{
    AccountId, Timestamp,
    delivery::SentHeader,
    endpoint::custom_headers::{CustomHeaderValue, CustomHeaders},
};

/// The headers that an endpoint's options add. Most endpoints have none.
#[derive(Debug, Clone, Default)]
pub struct ExtraHeaders {
    /// The account's own.
    pub(super) custom: Arc<[WireHeader]>,
    /// `ce-source`, if deliveries carry the attributes of CloudEvents.
    pub(super) event_source: Option<Arc<str>>,
}

/// A custom header as the client is given it.
#[derive(Debug)]
pub(super) struct WireHeader {
    pub(super) name: HeaderName,
    /// Marked as sensitive, so that its debug form hides it.
    pub(super) value: HeaderValue,
    /// The name in title case.
    shown: Box<str>,
}

impl ExtraHeaders {
    pub(crate) fn new(custom: &CustomHeaders, event_source: Option<Arc<str>>) -> Self {
        Self {
            custom: custom.iter().filter_map(|(name, value)| WireHeader::new(name.as_str(), value)).collect(),
            event_source,
        }
    }

    /// Returns the custom headers with masks in the place of their values.
    pub(super) fn masked(&self) -> impl Iterator<Item = SentHeader> {
        let masked = |header: &WireHeader| (header.shown.to_string().into(), Cow::Borrowed(CustomHeaderValue::MASK));
        self.custom.iter().map(masked)
    }
}

impl WireHeader {
    /// Returns `None` for what is no header to the client; the model takes no such text.
    fn new(name: &str, value: &CustomHeaderValue) -> Option<Self> {
        let mut value_on_the_wire = HeaderValue::from_str(value.reveal()).ok()?;
        value_on_the_wire.set_sensitive(true);
        let lower_case = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some(Self { name: lower_case, value: value_on_the_wire, shown: name.into() })
    }
}

/// Returns the source of an account's events: a reference to the account, as CloudEvents
/// has it (1.0.2, section 3.1.1).
pub(crate) fn event_source(account: AccountId) -> Arc<str> {
    format!("/accounts/{account}").into()
}

/// Returns the instant of an event from its body, which ends with `"timestamp":"…"}`.
pub(super) fn event_time(body: &[u8]) -> Option<&str> {
    let (_, rest) = std::str::from_utf8(body).ok()?.rsplit_once("\"timestamp\":\"")?;
    let text = rest.strip_suffix("\"}")?;
    Timestamp::parse_rfc3339(text).is_ok().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instant_of_an_event_is_that_at_the_end_of_its_body() {
        for (body, time) in [
            (r#"{"event":"a.b","timestamp":"2026-03-28T12:00:00Z"}"#, Some("2026-03-28T12:00:00Z")),
            (r#"{"a":{"timestamp":"x"},"timestamp":"2026-03-28T12:00:00Z"}"#, Some("2026-03-28T12:00:00Z")),
            (r#"{"a":{"timestamp":"2026-03-28T12:00:00Z"}}"#, None),
            (r#"{"timestamp":"yesterday"}"#, None),
            ("", None),
        ] {
            assert_eq!(event_time(body.as_bytes()), time, "{body}");
        }
    }
}
