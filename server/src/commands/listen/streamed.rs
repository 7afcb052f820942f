//! An event as the stream tells it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use signet_model::{DeliveryId, EventId};

/// An event as the stream tells it.
#[derive(Debug, Deserialize)]
pub struct StreamedEvent<'a> {
    /// Its id.
    pub id: EventId,
    /// The delivery to the webhook, if the stream is that of one.
    #[serde(default)]
    pub delivery: Option<DeliveryId>,
    /// Its type.
    #[serde(rename = "type", borrow)]
    pub event_type: Cow<'a, str>,
    /// True if a person sent it as a test.
    #[serde(rename = "isTest")]
    pub is_test: bool,
    /// The body, byte for byte.
    #[serde(borrow)]
    pub body: &'a RawValue,
}

impl StreamedEvent<'_> {
    /// The value of `webhook-id`: the same for an event however often it is posted.
    pub fn message_id(&self) -> DeliveryId {
        self.delivery.unwrap_or(DeliveryId::from_uuid(self.id.uuid()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_stays_as_it_was_written() {
        let text = r#"{"id":"evt_01kmt0v1g0e0rg40r40m30e209","type":"order.paid","isTest":true,"acceptedAt":"","body":{"z":1.50,"a":"\u00e9"}}"#;
        let event: StreamedEvent<'_> = serde_json::from_str(text).expect("an event");
        assert_eq!((event.body.get(), event.is_test), (r#"{"z":1.50,"a":"\u00e9"}"#, true));
        assert_eq!(event.message_id().to_string(), "msg_01kmt0v1g0e0rg40r40m30e209");
    }
}
