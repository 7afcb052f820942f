//! An accepted body is a fixed point: parsed again, it prints the same bytes, and
//! other parsers read it as JSON. So is the body of an event, and submitting it gives
//! the same event.

#![no_main]

use libfuzzer_sys::fuzz_target;
use signet_model::{
    Timestamp,
    event::{EventType, EventTypes, InvalidEventType, MemberFault, Reference, Submission},
    payload::{Value, parse},
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_200);

/// A catalogue that has each type, without a schema.
struct AnyType;

impl EventTypes for AnyType {
    fn find(&self, name: &str) -> Result<EventType, String> {
        name.parse().map_err(|error: InvalidEventType| error.to_string())
    }

    fn check(&self, _: &EventType, _: &str) -> Result<(), MemberFault> {
        Ok(())
    }

    fn reference(&self, _: &EventType) -> Option<&Reference> {
        None
    }
}

fn print(value: &Value<'_>) -> String {
    let mut text = String::new();
    value.write(&mut text);
    text
}

fn check_event(submission: &Submission) {
    let json = &*submission.body.json;
    let body = parse(json).expect("a body is accepted");
    assert_eq!(print(&body), json, "the body is not a fixed point");
    let again = Submission::parse(json, NOW, &AnyType).expect("a body is an event");
    assert_eq!(again.body, submission.body, "another event");
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(value) = parse(text) else { return };
    let printed = print(&value);
    let again = parse(&printed).expect("printed JSON is accepted");
    assert_eq!(print(&again), printed, "not a fixed point");
    assert_eq!(again, value, "another value");
    serde_json::from_str::<serde_json::Value>(&printed).expect("serde_json reads printed JSON");
    if let Ok(submission) = Submission::parse(text, NOW, &AnyType) {
        check_event(&submission);
    }
    if let Ok(submission) = Submission::from_batch_entry(value, NOW, &AnyType) {
        check_event(&submission);
    }
});
