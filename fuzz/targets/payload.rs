//! Whatever is accepted as a body is a fixed point: read again, it prints the
//! same bytes, and it is JSON to others too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use signet_model::payload::{Value, parse};

fn print(value: &Value<'_>) -> String {
    let mut text = String::new();
    value.write(&mut text);
    text
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(value) = parse(text) else { return };
    let printed = print(&value);
    let again = parse(&printed).expect("what is printed is accepted");
    assert_eq!(print(&again), printed, "not a fixed point");
    assert_eq!(again, value, "another value");
    serde_json::from_str::<serde_json::Value>(&printed).expect("what is printed is JSON");
});
