//! Reading a submitted event and writing the body that is delivered for it.

use std::sync::Arc;

use super::EventType;
use crate::{
    Amount, Timestamp,
    payload::{self, Members, Problem, Value, push_pointer, write_string},
};

/// The longest task id, in characters. Events are indexed by it, and PostgreSQL limits
/// the length of an index entry.
const MAX_TASK_ID_LEN: usize = 255;

/// A member of a submitted event is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer:?} {message}")]
pub struct MemberFault {
    /// JSON pointer (RFC 6901) of the member; empty for the whole document.
    pub pointer: String,
    /// The fault and its remedy, worded to stand behind the member's name.
    pub message: String,
}

impl MemberFault {
    fn new(member: &str, message: impl Into<String>) -> Self {
        let mut pointer = String::new();
        push_pointer(&mut pointer, member);
        Self { pointer, message: message.into() }
    }
}

impl From<payload::Fault> for MemberFault {
    fn from(fault: payload::Fault) -> Self {
        let advice = match fault.problem {
            // The producer owns what is in there; everywhere else a string is refused too.
            Problem::Number if fault.pointer.starts_with("/solution/") => "; send it as a string",
            Problem::Number => "; round it to 15 digits",
            _ => "",
        };
        Self { message: format!("{}{advice}", fault.problem), pointer: fault.pointer }
    }
}

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
    let task_id = match event_type {
        EventType::TaskCompleted => Some(completed(fields, &mut json)?),
        EventType::TaskFailed => Some(failed(fields, &mut json)?),
        EventType::BalanceLow => {
            write_balance(fields.amount("balance")?, fields.amount("threshold")?, &mut json);
            None
        }
    };
    let occurred_at = fields.timestamp("timestamp")?.unwrap_or(now).whole_seconds();
    write_timestamp(occurred_at, &mut json);
    Ok(EventBody { event_type, occurred_at, task_id: task_id.map(Arc::from), json: json.into() })
}

fn completed(fields: &mut Fields<'_>, json: &mut String) -> Result<String, MemberFault> {
    let task_id = fields.task_id()?;
    fields.constant("status", "ready")?;
    let solution = fields.required("solution")?;
    if !matches!(solution, Value::Object(_)) {
        return Err(MemberFault::new("solution", format!("must be an object, not {}", solution.kind())));
    }
    write_member("taskId", &task_id, json);
    write_member("status", "ready", json);
    json.push_str(",\"solution\":");
    solution.write(json);
    Ok(task_id)
}

fn failed(fields: &mut Fields<'_>, json: &mut String) -> Result<String, MemberFault> {
    let task_id = fields.task_id()?;
    fields.constant("status", "failed")?;
    let error_id = fields.required("errorId")?;
    if !matches!(error_id, Value::Number(number) if number.fract() == 0.0) {
        return Err(MemberFault::new("errorId", "must be a whole number"));
    }
    let error_code = fields.text("errorCode")?;
    write_member("taskId", &task_id, json);
    write_member("status", "failed", json);
    json.push_str(",\"errorId\":");
    error_id.write(json);
    write_member("errorCode", &error_code, json);
    Ok(task_id)
}

/// The body of `balance.low`, which Signet makes itself when a balance falls.
pub fn balance_low(balance: Amount, threshold: Amount, occurred_at: Timestamp) -> EventBody {
    let mut json = String::from("{\"event\":\"balance.low\"");
    write_balance(balance, threshold, &mut json);
    write_timestamp(occurred_at, &mut json);
    let occurred_at = occurred_at.whole_seconds();
    EventBody { event_type: EventType::BalanceLow, occurred_at, task_id: None, json: json.into() }
}

fn write_balance(balance: Amount, threshold: Amount, json: &mut String) {
    json.extend([",\"balance\":", &balance.to_string(), ",\"threshold\":", &threshold.to_string()]);
}

fn write_timestamp(occurred_at: Timestamp, json: &mut String) {
    write_member("timestamp", &occurred_at.rfc3339_seconds(), json);
    json.push('}');
}

fn write_member(name: &str, text: &str, json: &mut String) {
    json.push(',');
    write_string(name, json);
    json.push(':');
    write_string(text, json);
}

/// The members that are not yet read. Those that remain at the end are unknown.
struct Fields<'a>(Members<'a>);

impl<'a> Fields<'a> {
    fn required(&mut self, name: &str) -> Result<Value<'a>, MemberFault> {
        self.0.take(name).ok_or_else(|| MemberFault::new(name, "is missing"))
    }

    fn task_id(&mut self) -> Result<String, MemberFault> {
        let task_id = self.text("taskId")?;
        if task_id.chars().count() > MAX_TASK_ID_LEN {
            return Err(MemberFault::new("taskId", format!("may have at most {MAX_TASK_ID_LEN} characters")));
        }
        Ok(task_id)
    }

    fn text(&mut self, name: &str) -> Result<String, MemberFault> {
        text(name, self.required(name)?, "must not be empty")
    }

    fn optional_text(&mut self, name: &str) -> Result<Option<String>, MemberFault> {
        let value = self.0.take(name);
        value.map(|value| text(name, value, "must not be empty; leave it out instead")).transpose()
    }

    /// Reads a member that may be left out, because it has only one valid value.
    fn constant(&mut self, name: &str, expected: &str) -> Result<(), MemberFault> {
        match self.0.take(name) {
            None => Ok(()),
            Some(Value::String(text)) if text == expected => Ok(()),
            Some(_) => {
                Err(MemberFault::new(name, format!("must be \"{expected}\" for this event type, or be left out")))
            }
        }
    }

    fn amount(&mut self, name: &str) -> Result<Amount, MemberFault> {
        match self.required(name)? {
            Value::Number(number) => {
                Amount::try_from(number).map_err(|error| MemberFault::new(name, error.to_string()))
            }
            other => Err(MemberFault::new(name, format!("must be a number, not {}", other.kind()))),
        }
    }

    fn timestamp(&mut self, name: &str) -> Result<Option<Timestamp>, MemberFault> {
        self.optional_text(name)?
            .map(|text| Timestamp::parse_rfc3339(&text).map_err(|error| MemberFault::new(name, error.to_string())))
            .transpose()
    }

    fn finish(self, event_type: EventType) -> Result<(), MemberFault> {
        match self.0.iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(MemberFault::new(name, format!("is not a member of {event_type}; remove it"))),
        }
    }
}

fn text(name: &str, value: Value<'_>, if_empty: &str) -> Result<String, MemberFault> {
    match value {
        Value::String(text) if text.is_empty() => Err(MemberFault::new(name, if_empty)),
        Value::String(text) => Ok(text.into_owned()),
        other => Err(MemberFault::new(name, format!("must be a string, not {}", other.kind()))),
    }
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
