// Cargo.toml: base64 = "0.22", hmac = "0.13", sha2 = "0.11"
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};

pub const SECRET: &str = "{{secret}}";

/// Takes the raw body, and the values of `webhook-id`, `webhook-timestamp` and
/// `webhook-signature`.
pub fn is_genuine(body: &[u8], id: &str, timestamp: &str, signatures: &str, secret: &str) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if !timestamp.parse::<u64>().is_ok_and(|seconds| now.abs_diff(seconds) <= 300) {
        return false;
    }
    let Ok(key) = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_")) else { return false };
    signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,")).any(|signature| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        BASE64_STANDARD.decode(signature).is_ok_and(|given| mac.verify_slice(&given).is_ok())
    })
}
