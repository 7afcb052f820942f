//! Reading a submitted event and writing the body that is delivered for it.

use std::sync::Arc;

use super::{
    EventType, MemberFault,
    fields::{Fields, write_timestamp},
};
use crate::{
    Timestamp,
    payload::{self, Value},
};

/// The body of an event, and the values of it that the store keeps in columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBody {
    /// The type of the event.
    pub event_type: EventType,
    /// The instant of the event, in whole seconds.
    pub occurred_at: Timestamp,
    /// The id of the task, for the types that have one.
    pub task_id: Option<Arc<str>>,
    /// The exact text that is signed and sent.
    pub json: Arc<str>,
}

/// An event as a producer submits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The account's id or name, if the producer gave one.
    pub account: Option<String>,
    /// `idempotencyKey`, which only an entry of a batch may have.
    pub idempotency_key: Option<String>,
    /// The body to deliver.
    pub body: EventBody,
}

impl Submission {
    /// Reads the single event of a request. A missing timestamp becomes `now`.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, MemberFault> {
        Self::read(payload::parse(text)?, now, Origin::Request)
    }

    /// Reads one entry of a batch, already parsed.
    pub fn from_batch_entry(entry: Value<'_>, now: Timestamp) -> Result<Self, MemberFault> {
        Self::read(entry, now, Origin::Batch)
    }

    fn read(value: Value<'_>, now: Timestamp, origin: Origin) -> Result<Self, MemberFault> {
        let Value::Object(members) = value else {
            return Err(MemberFault {
                pointer: String::new(),
                message: format!("must be a JSON object, not {}", value.kind()),
            });
        };
        let mut fields = Fields(members);
        let idempotency_key = match origin {
            Origin::Batch => fields.optional_text("idempotencyKey")?,
            Origin::Request => None,
        };
        let account = fields.optional_text("account")?;
        let body = read_body(&mut fields, now)?;
        fields.finish(body.event_type)?;
        Ok(Self { account, idempotency_key, body })
    }
}

/// A request with one event has its idempotency key in a header.
#[derive(Clone, Copy)]
enum Origin {
    Request,
    Batch,
}

fn read_body(fields: &mut Fields<'_>, now: Timestamp) -> Result<EventBody, MemberFault> {
    let event_type: EventType = fields
        .text("event")?
        .parse()
        .map_err(|error: super::UnknownEventType| MemberFault::new("event", error.to_string()))?;
    let mut json = String::with_capacity(256);
    json.push_str("{\"event\":\"");
    json.push_str(event_type.as_str());
    json.push('"');
    let task_id = (event_type.definition().copy_members)(fields, &mut json)?;
    let occurred_at = fields.timestamp("timestamp")?.unwrap_or(now).whole_seconds();
    write_timestamp(occurred_at, &mut json);
    Ok(EventBody { event_type, occurred_at, task_id: task_id.map(Arc::from), json: json.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_200);

    fn refused(text: &str) -> String {
        Submission::parse(text, NOW).expect_err("not a valid event").pointer
    }

    #[test]
    fn a_number_may_be_sent_as_a_string_only_where_a_string_is_taken() {
        for (text, advice) in [
            (r#"{"event":"task.completed","solution":{"n":9007199254740993}}"#, "; send it as a string"),
            (r#"{"event":"balance.low","balance":9007199254740993}"#, "; round it to 15 digits"),
        ] {
            let fault = Submission::parse(text, NOW).expect_err("refused");
            assert!(fault.message.ends_with(advice), "{fault}");
        }
    }

    #[test]
    fn members_come_out_in_the_order_of_the_contract() {
        let submitted = Submission::parse(
            r#"{"timestamp":"2026-03-28T14:00:00+02:00","solution":{"b":1.0,"2":"é"},"account":"acme","taskId":"t1","event":"task.completed"}"#,
            NOW,
        )
        .expect("a valid event");
        assert_eq!(submitted.account.as_deref(), Some("acme"));
        assert_eq!(
            &*submitted.body.json,
            r#"{"event":"task.completed","taskId":"t1","status":"ready","solution":{"2":"é","b":1},"timestamp":"2026-03-28T12:00:00Z"}"#
        );
        assert_eq!(submitted.body.task_id.as_deref(), Some("t1"));
    }

    #[test]
    fn a_timestamp_left_out_is_the_time_of_acceptance() {
        let text = r#"{"event":"balance.low","balance":45.50,"threshold":50.0}"#;
        assert_eq!(
            &*Submission::parse(text, NOW).expect("a valid event").body.json,
            r#"{"event":"balance.low","balance":45.5,"threshold":50,"timestamp":"2026-03-28T12:00:00Z"}"#
        );
    }

    #[test]
    fn every_wrong_member_is_named() {
        for (text, pointer) in [
            ("[]", ""),
            ("{}", "/event"),
            (r#"{"event":"task.deleted"}"#, "/event"),
            (r#"{"event":"task.completed"}"#, "/taskId"),
            (r#"{"event":"task.completed","taskId":""}"#, "/taskId"),
            (&format!(r#"{{"event":"task.completed","taskId":"{}"}}"#, "x".repeat(256)), "/taskId"),
            (r#"{"event":"task.completed","taskId":"t","status":"failed"}"#, "/status"),
            (r#"{"event":"task.completed","taskId":"t","solution":"x"}"#, "/solution"),
            (r#"{"event":"task.completed","taskId":"t","solution":{"a":[1e400]}}"#, "/solution/a/0"),
            (r#"{"event":"task.completed","taskId":"t","solution":{},"x/y":1}"#, "/x~1y"),
            (r#"{"event":"task.failed","taskId":"t","errorId":"10","errorCode":"E"}"#, "/errorId"),
            (r#"{"event":"task.failed","taskId":"t","errorId":1.5,"errorCode":"E"}"#, "/errorId"),
            (r#"{"event":"task.failed","taskId":"t","errorId":10}"#, "/errorCode"),
            (r#"{"event":"balance.low","balance":"45","threshold":50}"#, "/balance"),
            (r#"{"event":"balance.low","balance":45,"threshold":50,"timestamp":"now"}"#, "/timestamp"),
            (
                r#"{"event":"balance.low","balance":45,"threshold":50,"timestamp":"9999-12-31T23:59:59-01:00"}"#,
                "/timestamp",
            ),
            (
                r#"{"event":"balance.low","balance":45,"threshold":50,"timestamp":"0000-01-01T00:00:00+01:00"}"#,
                "/timestamp",
            ),
            (r#"{"event":"balance.low","balance":45,"threshold":50,"idempotencyKey":"k"}"#, "/idempotencyKey"),
            (r#"{"event":"balance.low","balance":45,"threshold":50,"account":7}"#, "/account"),
        ] {
            assert_eq!(refused(text), pointer, "{text}");
        }
    }

    #[test]
    fn an_entry_of_a_batch_may_have_an_idempotency_key() {
        let entry = payload::parse(r#"{"event":"balance.low","balance":1,"threshold":2,"idempotencyKey":"k"}"#);
        let submitted = Submission::from_batch_entry(entry.expect("JSON"), NOW).expect("a valid entry");
        assert_eq!(submitted.idempotency_key.as_deref(), Some("k"));
    }
}
