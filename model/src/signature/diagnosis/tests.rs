//! Each mistake is made once, and must be found.

use proptest::prelude::*;

use super::*;
use crate::{
    Timestamp,
    signature::{Secret, SigningKey, SigningKeys},
};

const BODY: &str = r#"{"event":"task.completed","taskId":"task_é","status":"ready","solution":{"token":"0.mF/7","n":50},"timestamp":"2026-03-28T12:00:00Z"}"#;
const ID: &str = "msg_01kmt0v1g0e0rg40r40m30e209";
const NOW: i64 = 1_774_699_200;

fn secret(byte: u8) -> Secret {
    Secret::new([byte; SECRET_BYTES])
}

/// The headers of a delivery that this secret signs.
fn headers(secret: &Secret, body: &str) -> String {
    let keys = SigningKeys { current: SigningKey::new(secret), next: None };
    let signed = keys.sign(ID, Timestamp::from_unix_seconds(NOW), body.as_bytes());
    format!(
        "X-Webhook-Signature: {}\nWebhook-Id: {ID}\nWebhook-Timestamp: {NOW}\nWebhook-Signature: {}\n",
        signed.hex, signed.standard
    )
}

fn diagnosed(body: &str, headers: &str, secrets: &str) -> Diagnosis {
    diagnose(&Evidence { body, headers, secrets, now: NOW }).expect("short enough")
}

#[track_caller]
fn assert_explained(verdict: Verdict, secret: usize, body: BodyChange, recipe: Recipe, encoding: Encoding) {
    assert_eq!(verdict, Verdict::Explained(Explanation { secret, body, recipe, encoding }));
}

#[track_caller]
fn assert_body(body: &str, change: BodyChange) {
    let found = diagnosed(body, &headers(&secret(7), BODY), secret(7).reveal());
    for verdict in [found.hex, found.standard] {
        assert_explained(verdict, 0, change, Recipe::Contract, Encoding::Contract);
    }
}

#[test]
fn a_genuine_delivery_verifies() {
    assert_body(BODY, BodyChange::None);
    let found = diagnosed(BODY, &headers(&secret(7), BODY), secret(7).reveal());
    assert_eq!((found.time, found.malformed_secrets), (Time::Fine, Vec::new()));
    assert!(matches!(found.hex, Verdict::Explained(how) if how.is_genuine()));
}

#[test]
fn another_secret_of_those_given_is_named_by_its_place() {
    let secrets = format!("{}\n\"{}\",\n{}", secret(1).reveal(), secret(2).reveal(), secret(7).reveal());
    let found = diagnosed(BODY, &headers(&secret(7), BODY), &secrets);
    assert_explained(found.hex, 2, BodyChange::None, Recipe::Contract, Encoding::Contract);
    assert_explained(found.standard, 2, BodyChange::None, Recipe::Contract, Encoding::Contract);
    let found = diagnosed(BODY, &headers(&secret(7), BODY), secret(1).reveal());
    assert_eq!((found.hex, found.standard), (Verdict::Unexplained, Verdict::Unexplained));
}

#[test]
fn each_change_of_the_body_is_found() {
    assert_body(&format!("\u{feff}{BODY}"), BodyChange::WithoutMark);
    assert_body(&format!("{BODY}\n"), BodyChange::WithoutNewline);
    assert_body(&format!("{BODY}\r\n"), BodyChange::WithoutNewline);
    assert_body(&format!("  {BODY}\n\n"), BodyChange::Trimmed);
    assert_body(&format!("body={BODY} (received)"), BodyChange::Unwrapped);
    let value: serde_json::Value = serde_json::from_str(BODY).expect("JSON");
    assert_body(&BODY.replace("\":", "\": ").replace(",\"", ", \""), BodyChange::Reprinted);
    assert_body(&BODY.replace('é', "\\u00e9").replace('/', "\\/").replace("50", "50.0"), BodyChange::Reprinted);
    let reordered = r#"{"solution":{"token":"0.mF/7","n":50},"status":"ready","taskId":"task_é","event":"task.completed","timestamp":"2026-03-28T12:00:00Z"}"#;
    assert_eq!(value, serde_json::from_str::<serde_json::Value>(reordered).expect("JSON"));
    assert_body(reordered, BodyChange::Reordered);
    assert_body(&reordered.replace(',', ",\n  "), BodyChange::Reordered);
    let changed = diagnosed(&BODY.replace("50", "51"), &headers(&secret(7), BODY), secret(7).reveal());
    assert_eq!(changed.hex, Verdict::Unexplained);
}

#[test]
fn a_body_that_lost_its_newline_or_its_line_ends_is_found() {
    let sent = "{\r\n\"a\": 1\r\n}\r\n";
    let found = |given: &str| match diagnosed(given, &headers(&secret(7), sent), secret(7).reveal()).hex {
        Verdict::Explained(how) => how.body,
        verdict => panic!("{verdict:?}"),
    };
    assert_eq!(found("{\n\"a\": 1\n}\n"), BodyChange::WithCrlf);
    let sent = format!("{BODY}\n");
    let lost = diagnosed(BODY, &headers(&secret(7), &sent), secret(7).reveal());
    assert_explained(lost.hex, 0, BodyChange::WithNewline, Recipe::Contract, Encoding::Contract);
}

/// The HMAC of a text in hex and in base64.
fn mac(key: &[u8], text: &str) -> (String, String) {
    let mut mac = keyed(key);
    mac.update(text.as_bytes());
    let bytes = mac.finalize().into_bytes();
    (hex::encode(bytes), BASE64_STANDARD.encode(bytes))
}

#[test]
fn each_mistake_in_the_key_or_in_what_is_covered_is_found() {
    let secret = secret(7);
    let (text, decoded) = (secret.reveal(), [7; SECRET_BYTES]);
    let all = format!("{ID}.{NOW}.{BODY}");
    let about = format!("webhook-id: {ID}\nwebhook-timestamp: {NOW}\n");
    for (key, covered, recipe) in [
        (decoded.as_slice(), BODY, Recipe::KeyIsDecoded),
        (&text.as_bytes()[6..], BODY, Recipe::KeyWithoutPrefix),
        (text.as_bytes(), &*all, Recipe::OverAll),
    ] {
        let given = format!("{about}x-webhook-signature: {}", mac(key, covered).0);
        assert_explained(diagnosed(BODY, &given, text).hex, 0, BodyChange::None, recipe, Encoding::Contract);
    }
    for (key, covered, recipe) in [
        (text.as_bytes(), &*all, Recipe::KeyIsText),
        (&text.as_bytes()[6..], &*all, Recipe::KeyWithoutPrefix),
        (decoded.as_slice(), BODY, Recipe::OverBody),
    ] {
        let given = format!("{about}webhook-signature: v1,{}", mac(key, covered).1);
        assert_explained(diagnosed(BODY, &given, text).standard, 0, BodyChange::None, recipe, Encoding::Contract);
    }
}

#[test]
fn each_way_of_writing_a_signature_is_found() {
    let secret = secret(7);
    let (hex, base64) = mac(secret.reveal().as_bytes(), BODY);
    for (given, encoding) in [
        (hex.to_uppercase(), Encoding::UpperCase),
        (base64, Encoding::Base64),
        (format!("sha256={hex}"), Encoding::Prefixed),
        (format!("v1,{hex}"), Encoding::Prefixed),
    ] {
        let found = diagnosed(BODY, &format!("X-Webhook-Signature: {given}"), secret.reveal());
        assert_explained(found.hex, 0, BodyChange::None, Recipe::Contract, encoding);
        assert_eq!((found.standard, found.time), (Verdict::Missing, Time::Missing));
    }
    let (hex, base64) = mac(&[7; SECRET_BYTES], &format!("{ID}.{NOW}.{BODY}"));
    for (given, encoding) in [
        (format!("v1,{hex}"), Encoding::Hex),
        (base64.clone(), Encoding::WithoutVersion),
        (format!("v1,AAAA v0,x v1,{base64}"), Encoding::Contract),
    ] {
        let given = format!("webhook-id: {ID}\nwebhook-timestamp: {NOW}\nwebhook-signature: {given}");
        let found = diagnosed(BODY, &given, secret.reveal());
        assert_explained(found.standard, 0, BodyChange::None, Recipe::Contract, encoding);
    }
}

#[test]
fn what_is_missing_or_malformed_is_told() {
    let secrets = secret(7).reveal().to_owned();
    let found = diagnosed(BODY, "webhook-signature: v1,x", &secrets);
    assert_eq!((found.hex, found.standard), (Verdict::Missing, Verdict::Incomplete));
    let given = format!("webhook-id: {ID}\nwebhook-timestamp: soon\nwebhook-signature: v1,x\nx-webhook-signature: abc");
    let found = diagnosed(BODY, &given, &secrets);
    assert_eq!((found.hex, found.standard, found.time), (Verdict::Malformed, Verdict::Malformed, Time::Malformed));
    let found = diagnosed(BODY, "", &format!("secret {secrets}"));
    assert_eq!(found.malformed_secrets, [0]);
    for (evidence, error) in [
        (Evidence { body: BODY, headers: "", secrets: " ,\n", now: NOW }, NotDiagnosed::NoSecret),
        (Evidence { body: &"x".repeat(MAX_BODY + 1), headers: "", secrets: "x", now: NOW }, NotDiagnosed::BodyTooLong),
        (
            Evidence { body: "", headers: &"x".repeat(MAX_HEADERS + 1), secrets: "x", now: NOW },
            NotDiagnosed::HeadersTooLong,
        ),
    ] {
        assert_eq!(diagnose(&evidence), Err(error));
    }
}

#[test]
fn a_clock_that_is_wrong_is_told_beside_a_signature_that_verifies() {
    for (now, time) in [
        (NOW + 300, Time::Fine),
        (NOW + 301, Time::Old(301)),
        (NOW - 301, Time::Ahead(301)),
        (i64::MIN, Time::Ahead(i64::MAX)),
    ] {
        let (secret, headers) = (secret(7), headers(&secret(7), BODY));
        let evidence = Evidence { body: BODY, headers: &headers, secrets: secret.reveal(), now };
        let found = diagnose(&evidence).expect("short enough");
        assert_eq!(found.time, time);
        assert!(matches!(found.standard, Verdict::Explained(how) if how.is_genuine()));
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_fail(body in "\\PC{0,200}", headers in "([\\PC\n:]{0,80}\n){0,5}", secrets in "\\PC{0,60}", now in any::<i64>()) {
        let _ = diagnose(&Evidence { body: &body, headers: &headers, secrets: &secrets, now });
    }

    #[test]
    fn json_that_was_printed_anew_is_recognised(texts in prop::collection::vec("\\PC{0,12}", 1..6), number in 0..1_000_i32, ascii in any::<bool>()) {
        let body = serde_json::json!({ "event": "order.paid", "texts": texts, "number": number }).to_string();
        let mut printed: String = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&body).expect("JSON")).expect("JSON");
        if ascii {
            printed = printed.chars().map(|it| match u32::from(it) {
                0..0x80 => it.to_string(),
                _ => it.encode_utf16(&mut [0; 2]).iter().fold(String::new(), |text, unit| text + &format!("\\u{unit:04x}")),
            }).collect();
        }
        let found = diagnosed(&printed, &headers(&secret(7), &body), secret(7).reveal());
        prop_assert!(matches!(found.hex, Verdict::Explained(Explanation { body: BodyChange::Reprinted, .. })), "{printed} {found:?}");
    }

    #[test]
    fn what_was_signed_is_never_called_a_mistake(body in "\\PC{0,200}") {
        let found = diagnosed(&body, &headers(&secret(7), &body), secret(7).reveal());
        prop_assert!(matches!(found.hex, Verdict::Explained(how) if how.is_genuine()));
        prop_assert!(matches!(found.standard, Verdict::Explained(how) if how.is_genuine()));
    }
}
