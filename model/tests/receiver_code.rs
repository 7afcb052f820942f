//! The code that the dashboard offers to receivers in Rust verifies what Signet signs.

#[expect(clippy::disallowed_methods, reason = "receivers have no clock as a parameter")]
#[expect(dead_code, reason = "the secret is the reader's")]
mod receiver {
    include!("../../app/src/receiver_code/receiver.rs");
}

use std::time::Duration;

use receiver::is_genuine;
use signet_model::{
    Timestamp,
    signature::{Secret, SigningKey, SigningKeys},
};

const BODY: &[u8] = br#"{"event":"balance.low","balance":45.5,"threshold":50,"timestamp":"2026-03-28T12:00:00Z"}"#;

#[expect(clippy::disallowed_methods, reason = "the code under test compares with the clock of its machine")]
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_unix_seconds(0) + since
}

#[test]
fn a_genuine_delivery_verifies_and_a_forged_one_does_not() {
    let (secret, next) = (Secret::new([7; 32]), Secret::new([8; 32]));
    let keys = SigningKeys { current: SigningKey::new(&secret), next: Some(SigningKey::new(&next)) };
    let at = now();
    let time = at.unix_seconds().to_string();
    let signature = keys.sign("msg_1", at, BODY).standard;
    for secret in [&secret, &next] {
        assert!(is_genuine(BODY, "msg_1", &time, &signature, secret.reveal()));
    }
    let genuine = |body, id, time: &str, signature: &str| is_genuine(body, id, time, signature, secret.reveal());
    assert!(!genuine(b"{}", "msg_1", &time, &signature));
    assert!(!genuine(BODY, "msg_2", &time, &signature));
    assert!(!genuine(BODY, "msg_1", "1", &signature));
    assert!(!genuine(BODY, "msg_1", &time, ""));
    assert!(!is_genuine(BODY, "msg_1", &time, &signature, Secret::new([9; 32]).reveal()));
    let old = at - Duration::from_secs(400);
    let signature = keys.sign("msg_1", old, BODY).standard;
    assert!(!genuine(BODY, "msg_1", &old.unix_seconds().to_string(), &signature), "it is too old");
}
