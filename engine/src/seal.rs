//! Signing secrets at rest: XChaCha20-Poly1305 with the operator's key.
//!
//! Sealed bytes are a version, the nonce, and the encrypted text with its tag.

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use signet_model::{EndpointId, endpoint::custom_headers::CustomHeaders, signature::Secret};

use crate::Unusable;

mod key;

pub use key::{InvalidKey, KeyFileError, SealKey};

/// Tells how the rest is to be read, so that the way of sealing can change.
const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;

/// Seals and opens secrets.
#[derive(Clone)]
pub struct Sealer(XChaCha20Poly1305);

/// A sealed text cannot be opened: another key sealed it, or its bytes were altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed secret cannot be opened: the key is not the one it was sealed with")]
pub struct CannotOpen;

impl Sealer {
    /// Seals with this key.
    pub fn new(key: impl Into<SealKey>) -> Self {
        Self(XChaCha20Poly1305::new(&key.into().0.into()))
    }

    /// Seals a text for one purpose and owner (`context` is authenticated, so
    /// that a sealed text cannot be moved to another row). `nonce` is random.
    #[expect(clippy::missing_panics_doc, reason = "only a text of 256 GB is too long to seal")]
    pub fn seal(&self, text: &str, context: &[u8], nonce: [u8; NONCE_LEN]) -> Vec<u8> {
        let payload = Payload { msg: text.as_bytes(), aad: context };
        let encrypted = self.0.encrypt(&XNonce::from(nonce), payload).expect("a text that fits in memory");
        [&[VERSION], &nonce[..], &encrypted].concat()
    }

    /// Opens a text that was sealed with the same context.
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> Result<String, CannotOpen> {
        let (&version, rest) = sealed.split_first().ok_or(CannotOpen)?;
        let (nonce, encrypted) = rest.split_first_chunk::<NONCE_LEN>().ok_or(CannotOpen)?;
        if version != VERSION {
            return Err(CannotOpen);
        }
        let payload = Payload { msg: encrypted, aad: context };
        let text = self.0.decrypt(&XNonce::from(*nonce), payload).map_err(|_| CannotOpen)?;
        String::from_utf8(text).map_err(|_| CannotOpen)
    }

    /// Opens a signing secret of an endpoint.
    pub(crate) fn open_secret(&self, endpoint: EndpointId, sealed: &[u8]) -> Result<Secret, Unusable> {
        let text = self.open(sealed, endpoint.uuid().as_bytes()).map_err(|_| Unusable::Secret)?;
        Secret::from_stored(&text).map_err(|_| Unusable::Secret)
    }

    /// Seals the custom headers of an endpoint; `None` if there are none.
    pub(crate) fn seal_headers(
        &self,
        endpoint: EndpointId,
        headers: &CustomHeaders,
        nonce: [u8; NONCE_LEN],
    ) -> Option<Vec<u8>> {
        let pairs: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
        // Pairs of texts always have a JSON form.
        let json = serde_json::to_string(&pairs).ok().filter(|_| !headers.is_empty())?;
        Some(self.seal(&json, &headers_context(endpoint), nonce))
    }

    /// Opens the custom headers of an endpoint.
    pub(crate) fn open_headers(&self, endpoint: EndpointId, sealed: &[u8]) -> Result<CustomHeaders, Unusable> {
        let json = self.open(sealed, &headers_context(endpoint)).map_err(|_| Unusable::Headers)?;
        let pairs: Vec<(String, String)> = serde_json::from_str(&json).map_err(|_| Unusable::Headers)?;
        CustomHeaders::from_stored(&pairs).map_err(|_| Unusable::Headers)
    }
}

/// The endpoint and the purpose: headers do not open as a secret, nor a secret as headers.
fn headers_context(endpoint: EndpointId) -> Vec<u8> {
    [endpoint.uuid().as_bytes(), &b"headers"[..]].concat()
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn sealed() -> (Sealer, Vec<u8>) {
        let sealer = Sealer::new([7; 32]);
        let bytes = sealer.seal(SECRET, b"endpoint 1", [9; NONCE_LEN]);
        (sealer, bytes)
    }

    #[test]
    fn a_sealed_text_can_be_opened() {
        let (sealer, bytes) = sealed();
        assert_eq!(sealer.open(&bytes, b"endpoint 1").as_deref(), Ok(SECRET));
    }

    #[test]
    fn the_text_cannot_be_read_in_its_sealed_form() {
        let (_, bytes) = sealed();
        assert!(!bytes.windows(8).any(|part| SECRET.as_bytes().windows(8).any(|secret| secret == part)));
    }

    #[test]
    fn another_key_cannot_open() {
        let (_, bytes) = sealed();
        assert_eq!(Sealer::new([8; 32]).open(&bytes, b"endpoint 1"), Err(CannotOpen));
    }

    #[test]
    fn a_text_sealed_for_one_row_does_not_open_for_another() {
        let (sealer, bytes) = sealed();
        assert_eq!(sealer.open(&bytes, b"endpoint 2"), Err(CannotOpen));
        assert_eq!(sealer.open(&bytes, b""), Err(CannotOpen));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let (sealer, bytes) = sealed();
        for place in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[place / 8] ^= 1 << (place % 8);
            assert_eq!(sealer.open(&altered, b"endpoint 1"), Err(CannotOpen), "bit {place}");
        }
    }

    #[test]
    fn a_sealed_text_that_is_cut_short_is_noticed() {
        let (sealer, bytes) = sealed();
        for len in 0..bytes.len() {
            assert_eq!(sealer.open(&bytes[..len], b"endpoint 1"), Err(CannotOpen), "{len} bytes");
        }
    }

    #[test]
    fn headers_open_for_their_endpoint_alone_and_not_as_a_secret() {
        let sealer = Sealer::new([7; 32]);
        let ids = [1, 2].map(|byte| EndpointId::from_uuid(uuid::Uuid::from_bytes([byte; 16])));
        let header = ("X-Key".parse().expect("a name"), "hunter2".parse().expect("a value"));
        let headers = CustomHeaders::new(vec![header]).expect("headers");
        let closed = sealer.seal_headers(ids[0], &headers, [9; NONCE_LEN]).expect("headers");
        assert_eq!(sealer.open_headers(ids[0], &closed), Ok(headers));
        assert_eq!(sealer.open_headers(ids[1], &closed), Err(Unusable::Headers));
        assert_eq!(sealer.open_secret(ids[0], &closed), Err(Unusable::Secret));
        let secret = sealer.seal(SECRET, ids[0].uuid().as_bytes(), [9; NONCE_LEN]);
        assert_eq!(sealer.open_headers(ids[0], &secret), Err(Unusable::Headers));
        assert_eq!(sealer.seal_headers(ids[0], &CustomHeaders::default(), [9; NONCE_LEN]), None);
    }

    #[test]
    fn one_text_sealed_twice_looks_different() {
        let (sealer, bytes) = sealed();
        assert_ne!(sealer.seal(SECRET, b"endpoint 1", [10; NONCE_LEN])[25..], bytes[25..]);
    }
}
