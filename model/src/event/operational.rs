//! Operational events: the service hears of the webhooks of its customers. They are made by
//! Signet itself, and go to the account that the operator names.

use super::{
    BuiltIn, EventBody, EventType, Fields, MemberFault, built_in::TaskId, fields::write_member, write_timestamp,
};
use crate::{AccountId, DeliveryId, EndpointId, Timestamp};

/// The schema of a body with these members beside those that all have.
macro_rules! schema {
    ($name:literal $(, $member:literal)*; optional: $($optional:literal),*) => {
        concat!(
            r#"{"type":"object","properties":{"event":{"const":""#, $name, r#""},"accountId":{"type":"string"},"#,
            r#""accountName":{"type":"string"},"endpointId":{"type":"string"},"host":{"type":"string"}"#,
            $(",\"", $member, r#"":{"type":"string"}"#,)*
            $(",\"", $optional, r#"":{"type":"string"}"#,)*
            r#","timestamp":{"type":"string","format":"date-time"}},"required":["event","accountId","accountName","#,
            r#""endpointId","host""#, $(",\"", $member, "\"",)* r#","timestamp"],"additionalProperties":false}"#
        )
    };
}

/// The members that each sample has.
macro_rules! sample {
    () => {
        concat!(
            r#""accountId":"acc_01kmv0zw005th8dz7xe8zh0pzg","accountName":"acme","#,
            r#""endpointId":"ep_01kmv0zw00ckr9gxgn1yq1pdmx","host":"hooks.example.com""#
        )
    };
}

const MADE_HERE: Option<&str> = Some("is made by Signet itself: events of its own types cannot be sent in");

/// A webhook fails: a delivery has used half of its attempts, and none has succeeded since.
pub(super) static ENDPOINT_FAILING: BuiltIn = BuiltIn {
    name: EventType::ENDPOINT_FAILING,
    description: "A customer's webhook fails: a delivery has used half of its attempts.",
    is_default: false,
    schema: schema!("signet.endpoint.failing", "deliveryId", "eventType", "reason"; optional: "since"),
    sample: concat!(
        sample!(),
        r#","deliveryId":"msg_01kmv0zw00fm3sggv10m5c9d8h","eventType":"task.completed","#,
        r#""reason":"http_503","since":"2026-03-28T11:47:00Z""#
    ),
    made_here: MADE_HERE,
    copy_members,
};

/// A webhook was disabled.
pub(super) static ENDPOINT_DISABLED: BuiltIn = BuiltIn {
    name: EventType::ENDPOINT_DISABLED,
    description: "A customer's webhook was disabled, or paused by a person.",
    is_default: false,
    schema: schema!("signet.endpoint.disabled", "reason"; optional: "deliveryId", "eventType"),
    sample: concat!(
        sample!(),
        r#","deliveryId":"msg_01kmv0zw00fm3sggv10m5c9d8h","eventType":"task.completed","#,
        r#""reason":"retries_exhausted""#
    ),
    made_here: MADE_HERE,
    copy_members,
};

/// A webhook was enabled again.
pub(super) static ENDPOINT_ENABLED: BuiltIn = BuiltIn {
    name: EventType::ENDPOINT_ENABLED,
    description: "A customer's webhook was enabled again.",
    is_default: false,
    schema: schema!("signet.endpoint.enabled"; optional:),
    sample: sample!(),
    made_here: MADE_HERE,
    copy_members,
};

/// A delivery failed for good.
pub(super) static DELIVERY_FAILED: BuiltIn = BuiltIn {
    name: EventType::DELIVERY_FAILED,
    description: "A delivery to a customer's webhook has failed for good.",
    is_default: false,
    schema: schema!("signet.delivery.failed", "deliveryId", "eventType", "reason"; optional:),
    sample: concat!(
        sample!(),
        r#","deliveryId":"msg_01kmv0zw00fm3sggv10m5c9d8h","eventType":"task.completed","#,
        r#""reason":"http_503""#
    ),
    made_here: MADE_HERE,
    copy_members,
};

fn copy_members(fields: &mut Fields<'_>, json: &mut String) -> Result<TaskId, MemberFault> {
    for name in ["accountId", "accountName", "endpointId", "host"] {
        write_member(name, &fields.text(name)?, json);
    }
    for name in ["deliveryId", "eventType", "reason", "since"] {
        if let Some(text) = fields.optional_text(name)? {
            write_member(name, &text, json);
        }
    }
    Ok(None)
}

/// Something that happened to a webhook of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// One of the operational types.
    pub event_type: EventType,
    /// The instant at which it happened.
    pub occurred_at: Timestamp,
    /// The customer.
    pub account: AccountId,
    /// The name that the service gave the customer.
    pub account_name: String,
    /// The webhook.
    pub endpoint: EndpointId,
    /// The host of its URL. The path is left out, because it may hold a secret.
    pub host: String,
    /// The delivery that led to it.
    pub delivery: Option<DeliveryId>,
    /// The type of the event of that delivery.
    pub of_type: Option<String>,
    /// The reason: why the webhook is disabled, or what the last attempt came to.
    pub reason: Option<String>,
    /// The last success of the webhook: it has failed since.
    pub since: Option<Timestamp>,
}

impl Notice {
    /// The body of its event.
    pub fn body(&self) -> EventBody {
        let mut json = format!("{{\"event\":\"{}\"", self.event_type);
        for (name, text) in [
            ("accountId", self.account.to_string()),
            ("accountName", self.account_name.clone()),
            ("endpointId", self.endpoint.to_string()),
            ("host", self.host.clone()),
        ] {
            write_member(name, &text, &mut json);
        }
        for (name, text) in [
            ("deliveryId", self.delivery.map(|it| it.to_string())),
            ("eventType", self.of_type.clone()),
            ("reason", self.reason.clone()),
            ("since", self.since.map(Timestamp::rfc3339_seconds)),
        ] {
            if let Some(text) = text {
                write_member(name, &text, &mut json);
            }
        }
        let occurred_at = self.occurred_at.whole_seconds();
        write_timestamp(occurred_at, &mut json);
        EventBody { event_type: self.event_type.clone(), occurred_at, task_id: None, json: json.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::body::tests::NoOwnTypes, payload};

    #[test]
    fn a_notice_makes_a_body_that_is_a_fixed_point_and_has_its_members_in_order() {
        let now = Timestamp::from_unix_seconds(1_774_699_200);
        let notice = Notice {
            event_type: EventType::ENDPOINT_FAILING,
            occurred_at: now,
            account: AccountId::new(now, [1; 10]),
            account_name: "a \"customer\" \u{2028}\n".into(),
            endpoint: EndpointId::new(now, [2; 10]),
            host: "hooks.example.com".into(),
            delivery: Some(DeliveryId::new(now, [3; 10])),
            of_type: Some("order.paid".into()),
            reason: Some("timeout".into()),
            since: Some(now),
        };
        let body = notice.body();
        let read = EventBody::parse(&body.event_type, &body.json, now, &NoOwnTypes).expect("a valid body");
        assert_eq!(read, body);
        let mut printed = String::new();
        payload::parse(&body.json).expect("JSON").write(&mut printed);
        assert_eq!(printed, *body.json);
        assert!(body.json.starts_with(r#"{"event":"signet.endpoint.failing","accountId":"acc_"#), "{}", body.json);
        assert!(body.json.ends_with(r#","timestamp":"2026-03-28T12:00:00Z"}"#), "{}", body.json);
    }
}
