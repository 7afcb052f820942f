//! The members of a submitted event, read one by one.

use std::sync::Arc;

use super::EventType;
use crate::{
    Amount, Timestamp,
    payload::{self, Members, Problem, Value, push_pointer, write_string},
};

/// The task id of sample bodies. A sample without it is of a type without tasks.
pub(super) const SAMPLE_TASK: &str = "task_abc123";

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
    pub(super) fn new(member: &str, message: impl Into<String>) -> Self {
        let mut pointer = String::new();
        push_pointer(&mut pointer, member);
        Self { pointer, message: message.into() }
    }
}

impl From<payload::Fault> for MemberFault {
    fn from(fault: payload::Fault) -> Self {
        let advice = match fault.problem {
            // These members of built-in types refuse a string as well.
            Problem::Number if ["/balance", "/threshold", "/errorId"].contains(&fault.pointer.as_str()) => {
                "; round it to 15 digits"
            }
            Problem::Number => "; send it as a string",
            _ => "",
        };
        Self { message: format!("{}{advice}", fault.problem), pointer: fault.pointer }
    }
}

/// The members that are not yet read. Those that remain at the end are unknown.
pub(super) struct Fields<'a>(pub(super) Members<'a>);

impl<'a> Fields<'a> {
    pub(super) fn of(value: Value<'a>) -> Result<Self, MemberFault> {
        match value {
            Value::Object(members) => Ok(Self(members)),
            other => Err(MemberFault {
                pointer: String::new(),
                message: format!("must be a JSON object, not {}", other.kind()),
            }),
        }
    }

    pub(super) fn required(&mut self, name: &str) -> Result<Value<'a>, MemberFault> {
        self.0.take(name).ok_or_else(|| MemberFault::new(name, "is missing"))
    }

    pub(super) fn task_id(&mut self) -> Result<String, MemberFault> {
        let task_id = self.text("taskId")?;
        if task_id.chars().count() > MAX_TASK_ID_LEN {
            return Err(MemberFault::new("taskId", format!("may have at most {MAX_TASK_ID_LEN} characters")));
        }
        Ok(task_id)
    }

    pub(super) fn text(&mut self, name: &str) -> Result<String, MemberFault> {
        text(name, self.required(name)?, "must not be empty")
    }

    pub(super) fn optional_text(&mut self, name: &str) -> Result<Option<String>, MemberFault> {
        let value = self.0.take(name);
        value.map(|value| text(name, value, "must not be empty; leave it out instead")).transpose()
    }

    /// Refuses a member that has its place elsewhere.
    pub(super) fn absent<T>(&mut self, name: &str, advice: &str) -> Result<Option<T>, MemberFault> {
        match self.0.take(name) {
            None => Ok(None),
            Some(_) => Err(MemberFault::new(name, advice)),
        }
    }

    /// The value of a member as people search for it: a text that is short enough, or a whole
    /// number.
    pub(super) fn reference(&self, name: &str) -> Option<Arc<str>> {
        match self.0.iter().find(|(key, _)| *key == name) {
            Some((_, Value::String(text))) if !text.is_empty() && text.chars().count() <= MAX_TASK_ID_LEN => {
                Some(text.as_ref().into())
            }
            Some((_, number @ Value::Number(_))) => {
                let mut digits = String::new();
                number.write(&mut digits);
                digits.strip_prefix('-').unwrap_or(&digits).bytes().all(|it| it.is_ascii_digit()).then(|| digits.into())
            }
            _ => None,
        }
    }

    /// Writes all members that are left, as they came.
    ///
    /// # Errors
    /// A name is a whole number: ECMAScript puts such members before all others, so that
    /// `event` would not be the first.
    pub(super) fn write_all(&self, json: &mut String) -> Result<(), MemberFault> {
        for (name, value) in self.0.iter() {
            if payload::is_array_index(name) {
                return Err(MemberFault::new(name, "must not be named with a whole number; put it into an object"));
            }
            json.push(',');
            write_string(name, json);
            json.push(':');
            value.write(json);
        }
        Ok(())
    }

    /// Reads a member that may be left out, because it has only one valid value.
    pub(super) fn constant(&mut self, name: &str, expected: &str) -> Result<(), MemberFault> {
        match self.0.take(name) {
            None => Ok(()),
            Some(Value::String(text)) if text == expected => Ok(()),
            Some(_) => {
                Err(MemberFault::new(name, format!("must be \"{expected}\" for this event type, or be left out")))
            }
        }
    }

    pub(super) fn amount(&mut self, name: &str) -> Result<Amount, MemberFault> {
        match self.required(name)? {
            Value::Number(number) => {
                Amount::try_from(number).map_err(|error| MemberFault::new(name, error.to_string()))
            }
            other => Err(MemberFault::new(name, format!("must be a number, not {}", other.kind()))),
        }
    }

    pub(super) fn timestamp(&mut self, name: &str) -> Result<Option<Timestamp>, MemberFault> {
        self.optional_text(name)?
            .map(|text| Timestamp::parse_rfc3339(&text).map_err(|error| MemberFault::new(name, error.to_string())))
            .transpose()
    }

    pub(super) fn finish(self, event_type: &EventType) -> Result<(), MemberFault> {
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

pub(super) fn write_timestamp(occurred_at: Timestamp, json: &mut String) {
    write_member("timestamp", &occurred_at.rfc3339_seconds(), json);
    json.push('}');
}

pub(super) fn write_member(name: &str, text: &str, json: &mut String) {
    json.push(',');
    write_string(name, json);
    json.push(':');
    write_string(text, json);
}
