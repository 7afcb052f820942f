//! Signing secrets, and the two signatures that every attempt carries.

pub mod diagnosis;

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::Timestamp;

const PREFIX: &str = "whsec_";

/// The random bytes in a secret.
pub const SECRET_BYTES: usize = 32;

/// A signing secret: `whsec_` and the base64 of 32 random bytes.
///
/// Its `Debug` form hides the text; only [`Secret::reveal`] returns it. It is wiped from memory
/// when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

/// The text is not a signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a signing secret: whsec_ and the base64 of 32 bytes")]
pub struct InvalidSecret;

impl Secret {
    /// Makes a secret of random bytes.
    pub fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(format!("{PREFIX}{}", BASE64_STANDARD.encode(random)).into())
    }

    /// The secret as the dashboard shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The text for a page that hides the secret: the prefix and dots.
    pub fn masked(&self) -> String {
        format!("{PREFIX}{}", "•".repeat(24))
    }

    /// Reads a secret that is stored: one of zeros was accepted once, and receivers go by it.
    pub fn from_stored(text: &str) -> Result<Self, InvalidSecret> {
        decode(text).map(|_| Self(text.to_owned().into()))
    }
}

fn decode(text: &str) -> Result<[u8; SECRET_BYTES], InvalidSecret> {
    let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(encoded).map_err(|_| InvalidSecret)?);
    bytes.as_slice().try_into().map_err(|_| InvalidSecret)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        // Zeros are a placeholder, not a secret.
        if decode(text)? == [0; SECRET_BYTES] { Err(InvalidSecret) } else { Ok(Self(text.to_owned().into())) }
    }
}

/// The two HMAC keys of a secret, set up once for all its signatures, and wiped when they are
/// dropped.
#[derive(Clone)]
pub struct SigningKey {
    /// Keyed with the text of the secret: `X-Webhook-Signature`.
    plain: Hmac<Sha256>,
    /// Keyed with its decoded bytes: `webhook-signature`.
    standard: Hmac<Sha256>,
}

impl SigningKey {
    /// Sets up both keys of a secret.
    pub fn new(secret: &Secret) -> Self {
        let decoded = Zeroizing::new(BASE64_STANDARD.decode(&secret.0[PREFIX.len()..]).unwrap_or_default());
        Self { plain: keyed(secret.0.as_bytes()), standard: keyed(&decoded) }
    }

    /// `X-Webhook-Signature`: 64 lower-case hexadecimal digits over the body.
    pub fn hex(&self, body: &[u8]) -> String {
        let mut mac = self.plain.clone();
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    /// One signature of `webhook-signature` (Standard Webhooks 1.0.0): `v1,` and
    /// the base64 of the HMAC over `id.timestamp.body`.
    pub fn standard(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let mut mac = self.standard.clone();
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(at.unix_seconds().to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(hidden)")
    }
}

/// The secrets in force at one endpoint.
#[derive(Debug, Clone)]
pub struct SigningKeys {
    /// Signs `X-Webhook-Signature`, which can carry only one signature.
    pub current: SigningKey,
    /// Signs `webhook-signature` too while a rotation is under way.
    pub next: Option<SigningKey>,
}

/// The two signature headers of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures {
    /// The value of `X-Webhook-Signature`.
    pub hex: String,
    /// The value of `webhook-signature`.
    pub standard: String,
}

impl SigningKeys {
    /// Signs one attempt at the delivery with this id.
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> Signatures {
        let mut standard = self.current.standard(id, at, body);
        if let Some(next) = &self.next {
            standard.push(' ');
            standard.push_str(&next.standard(id, at, body));
        }
        Signatures { hex: self.current.hex(body), standard }
    }
}

/// Returns `true` if `signature` is the `X-Webhook-Signature` of the body. Takes
/// the same time at every difference.
pub fn verify_hex(secret: &Secret, body: &[u8], signature: &str) -> bool {
    let mut mac = keyed(secret.0.as_bytes());
    mac.update(body);
    hex::decode(signature).is_ok_and(|bytes| mac.verify_slice(&bytes).is_ok())
}

/// Returns `true` if one of the signatures in a `webhook-signature` header is that of
/// the message (Standard Webhooks 1.0.0). The caller must check the age of `timestamp`.
pub fn verify_standard(secret: &Secret, id: &str, timestamp: &str, body: &[u8], header: &str) -> bool {
    let Ok(key) = BASE64_STANDARD.decode(&secret.0[PREFIX.len()..]) else { return false };
    header.split(' ').filter_map(|part| part.strip_prefix("v1,")).any(|encoded| {
        let mut mac = keyed(&key);
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        BASE64_STANDARD.decode(encoded).is_ok_and(|bytes| mac.verify_slice(&bytes).is_ok())
    })
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length (RFC 2104)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeliveryId;

    fn secret(byte: u8) -> Secret {
        Secret::new([byte; SECRET_BYTES])
    }

    /// The expected values were made with Node.js: by
    /// `createHmac('sha256', secret).update(body).digest('hex')`, and by `sign` of the
    /// package `standardwebhooks`.
    #[test]
    fn signatures_equal_those_of_other_implementations() {
        let keys = SigningKeys { current: SigningKey::new(&secret(7)), next: None };
        let id: DeliveryId = "msg_01kmt0v1g0e0rg40r40m30e209".parse().expect("an id");
        let signed = keys.sign(&id.to_string(), Timestamp::from_unix_seconds(1_774_699_200), b"{\"event\":\"x\"}");
        assert_eq!(signed.hex, HEX);
        assert_eq!(signed.standard, STANDARD);
    }

    const HEX: &str = "4bb1c0ca184e4d510cfbd031f888643f09e301ea48dabfed180510300327a19e";
    const STANDARD: &str = "v1,2lwOf2wexoMjcGhinbJ4l76veDVC+m56mTO6fiU5wA8=";

    #[test]
    fn a_rotation_adds_a_second_standard_signature_only() {
        let (old, new) = (secret(1), secret(2));
        let keys = SigningKeys { current: SigningKey::new(&old), next: Some(SigningKey::new(&new)) };
        let id = DeliveryId::new(Timestamp::from_unix_seconds(1), [3; 10]);
        let signed = keys.sign(&id.to_string(), Timestamp::from_unix_seconds(9), b"{}");
        assert!(verify_hex(&old, b"{}", &signed.hex) && !verify_hex(&new, b"{}", &signed.hex));
        for each in [&old, &new] {
            assert!(verify_standard(each, &id.to_string(), "9", b"{}", &signed.standard));
        }
        assert_eq!(signed.hex.len(), 64);
        assert_eq!(signed.standard.split(' ').count(), 2);
    }

    #[test]
    fn a_changed_body_id_or_time_does_not_verify() {
        let secret = secret(1);
        let keys = SigningKeys { current: SigningKey::new(&secret), next: None };
        let id = DeliveryId::new(Timestamp::from_unix_seconds(1), [3; 10]);
        let signed = keys.sign(&id.to_string(), Timestamp::from_unix_seconds(9), b"{}");
        assert!(!verify_hex(&secret, b"{} ", &signed.hex));
        assert!(!verify_standard(&secret, "msg_other", "9", b"{}", &signed.standard));
        assert!(!verify_standard(&secret, &id.to_string(), "10", b"{}", &signed.standard));
        for header in ["", "v1,", "v1,AAAA", "v0,abc", "é", "0"] {
            assert!(!verify_hex(&secret, b"{}", header) && !verify_standard(&secret, "i", "9", b"{}", header));
        }
    }

    #[test]
    fn a_sign_is_no_hexadecimal_digit() {
        let key = SigningKey::new(&secret(1));
        let body = (0..=255).map(|byte| [byte]).find(|body| key.hex(body).starts_with('0')).expect("one in sixteen");
        let signature = key.hex(&body);
        assert!(verify_hex(&secret(1), &body, &signature));
        assert!(!verify_hex(&secret(1), &body, &signature.replacen('0', "+", 1)));
    }

    #[test]
    fn only_texts_of_the_right_form_are_secrets_and_debug_hides_them() {
        let text = secret(9).reveal().to_owned();
        assert_eq!(text.parse::<Secret>().map(|it| it.reveal().to_owned()), Ok(text.clone()));
        assert!(!format!("{:?}", secret(9)).contains(&text[6..]));
        for wrong in ["", "whsec_", "whsec_abc", &text[6..], &format!("{text}A")] {
            assert_eq!(wrong.parse::<Secret>(), Err(InvalidSecret), "{wrong}");
        }
    }
}
