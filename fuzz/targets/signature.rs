//! Verifying and diagnosing never panic, and only the signature of the body is accepted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use signet_model::signature::{
    Secret, SigningKey,
    diagnosis::{Evidence, diagnose},
    verify_hex, verify_standard,
};

fuzz_target!(|bytes: &[u8]| {
    // Three lines, then the body.
    let mut parts = bytes.splitn(4, |&byte| byte == b'\n');
    let mut line = || std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let (id, timestamp, header) = (line(), line(), line());
    let body = parts.next().unwrap_or_default();
    let secret = Secret::new([7; 32]);
    let hex = SigningKey::new(&secret).hex(body);
    assert!(verify_hex(&secret, body, &hex), "its own signature is refused");
    if verify_hex(&secret, body, header) {
        assert!(header.eq_ignore_ascii_case(&hex), "another signature is accepted");
    }
    // The input does not contain the key: an accepted signature would be a forgery.
    assert!(!verify_standard(&secret, id, timestamp, body, header), "a forgery is accepted");
    let _ = header.parse::<Secret>();
    if let Ok(body) = std::str::from_utf8(body) {
        let headers = format!(
            "webhook-id: {id}\nwebhook-timestamp: {timestamp}\nx-webhook-signature: {header}\nwebhook-signature: {header}"
        );
        let _ = diagnose(&Evidence { body, headers: &headers, secrets: secret.reveal(), now: 0 });
    }
});
