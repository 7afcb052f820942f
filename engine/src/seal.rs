//! Secrets at rest: XChaCha20-Poly1305 with the operator's keys.
//!
//! Sealed bytes are a version, the id of the key, the nonce, and the encrypted text with its
//! tag. In version 1 there was one key, and no id.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use signet_model::{EndpointId, endpoint::custom_headers::CustomHeaders, signature::Secret};
use zeroize::{Zeroize, Zeroizing};

use crate::Unusable;

mod key;
mod key_ring;

pub use key::{InvalidKey, KeyId, SealKey};
pub use key_ring::{KeyFileError, KeyRing};

/// Tells how the rest is to be read, so that the way of sealing can change.
const VERSION: u8 = 2;
/// The version without the id of a key.
const FIRST_VERSION: u8 = 1;
const NONCE_LEN: usize = 24;

/// Seals and opens secrets. Clones share their keys, which can be replaced while it is used.
#[derive(Clone)]
pub struct Sealer(Arc<RwLock<Arc<Keys>>>);

/// The keys, ready for use; wiped when they are dropped.
struct Keys {
    ring: KeyRing,
    /// The first one seals.
    ciphers: Vec<(KeyId, XChaCha20Poly1305)>,
}

impl From<KeyRing> for Keys {
    fn from(ring: KeyRing) -> Self {
        let ciphers = ring.all().map(|key| (key.id(), XChaCha20Poly1305::new((&*key.0).into()))).collect();
        Self { ring, ciphers }
    }
}

/// A sealed text cannot be opened: another key sealed it, or its bytes were altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed secret cannot be opened: the key is not the one it was sealed with")]
pub struct CannotOpen;

impl Sealer {
    /// Seals with the first of these keys, and opens with all of them.
    pub fn new(keys: impl Into<KeyRing>) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(keys.into().into()))))
    }

    /// Goes on with other keys.
    pub fn replace(&self, keys: KeyRing) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys.into());
    }

    /// The keys in use.
    pub fn ring(&self) -> KeyRing {
        self.keys().ring.clone()
    }

    /// The ids of all keys in use.
    pub(crate) fn ids(&self) -> Vec<KeyId> {
        self.keys().ciphers.iter().map(|(id, _)| *id).collect()
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The first bytes of all that is sealed now.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        prefix(self.keys().ciphers[0].0)
    }

    /// Seals a text for one purpose and owner (`context` is authenticated, so
    /// that a sealed text cannot be moved to another row). `nonce` is random.
    #[expect(clippy::missing_panics_doc, reason = "only a text of 256 GB is too long to seal")]
    pub fn seal(&self, text: &str, context: &[u8], nonce: [u8; NONCE_LEN]) -> Vec<u8> {
        let keys = self.keys();
        let (id, cipher) = &keys.ciphers[0];
        let payload = Payload { msg: text.as_bytes(), aad: context };
        let encrypted = cipher.encrypt(&XNonce::from(nonce), payload).expect("a text that fits in memory");
        [&prefix(*id)[..], &nonce, &encrypted].concat()
    }

    /// Opens a text that was sealed with the same context.
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> Result<String, CannotOpen> {
        let (id, rest) = match sealed.split_first().ok_or(CannotOpen)? {
            (&VERSION, rest) => {
                rest.split_first_chunk().map(|(id, rest)| (Some(KeyId(*id)), rest)).ok_or(CannotOpen)?
            }
            (&FIRST_VERSION, rest) => (None, rest),
            _ => return Err(CannotOpen),
        };
        let (nonce, encrypted) = rest.split_first_chunk::<NONCE_LEN>().ok_or(CannotOpen)?;
        let open = |cipher: &XChaCha20Poly1305| {
            cipher.decrypt(&XNonce::from(*nonce), Payload { msg: encrypted, aad: context }).ok()
        };
        let keys = self.keys();
        let mut fitting = keys.ciphers.iter().filter(|(key, _)| id.is_none_or(|id| id == *key));
        let text = fitting.find_map(|(_, cipher)| open(cipher)).ok_or(CannotOpen)?;
        String::from_utf8(text).map_err(|error| {
            error.into_bytes().zeroize();
            CannotOpen
        })
    }

    /// Opens a signing secret of an endpoint.
    pub(crate) fn open_secret(&self, endpoint: EndpointId, sealed: &[u8]) -> Result<Secret, Unusable> {
        let text = self.open(sealed, endpoint.uuid().as_bytes()).map(Zeroizing::new).map_err(|_| Unusable::Secret)?;
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
        let json = serde_json::to_string(&pairs).ok().map(Zeroizing::new).filter(|_| !headers.is_empty())?;
        Some(self.seal(&json, &headers_context(endpoint), nonce))
    }

    /// Opens the custom headers of an endpoint.
    pub(crate) fn open_headers(&self, endpoint: EndpointId, sealed: &[u8]) -> Result<CustomHeaders, Unusable> {
        let json = self.open(sealed, &headers_context(endpoint)).map(Zeroizing::new).map_err(|_| Unusable::Headers)?;
        let pairs: Vec<(String, String)> = serde_json::from_str(&json).map_err(|_| Unusable::Headers)?;
        CustomHeaders::from_stored(&pairs).map_err(|_| Unusable::Headers)
    }
}

/// The endpoint and the purpose: headers do not open as a secret, nor a secret as headers.
pub(crate) fn headers_context(endpoint: EndpointId) -> Vec<u8> {
    [endpoint.uuid().as_bytes(), &b"headers"[..]].concat()
}

/// The version, and the id of the key.
fn prefix(KeyId(id): KeyId) -> Vec<u8> {
    [&[VERSION], &id[..]].concat()
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
        assert_ne!(sealer.seal(SECRET, b"endpoint 1", [10; NONCE_LEN])[29..], bytes[29..]);
    }

    #[test]
    fn a_text_of_the_first_version_opens() {
        let key = SealKey::from([7; 32]);
        let payload = Payload { msg: SECRET.as_bytes(), aad: b"endpoint 1" };
        let encrypted = XChaCha20Poly1305::new((&*key.0).into()).encrypt(&XNonce::from([9; NONCE_LEN]), payload);
        let bytes = [&[FIRST_VERSION], &[9; NONCE_LEN][..], &encrypted.expect("sealed")].concat();
        for ring in [KeyRing::from(key.clone()), KeyRing::from([8; 32]).with_next(key).promoted().promoted()] {
            assert_eq!(Sealer::new(ring).open(&bytes, b"endpoint 1").as_deref(), Ok(SECRET));
        }
        assert_eq!(Sealer::new([8; 32]).open(&bytes, b"endpoint 1"), Err(CannotOpen));
    }

    #[test]
    fn each_key_opens_and_the_first_one_seals() {
        let (sealer, old) = sealed();
        let other = sealer.clone();
        let ring = sealer.ring().with_next(SealKey::from([8; 32]));
        sealer.replace(ring.clone());
        let between = other.seal(SECRET, b"endpoint 1", [1; NONCE_LEN]);
        assert!(between.starts_with(&prefix(SealKey::from([7; 32]).id())), "the next key does not seal yet");
        assert_eq!(Sealer::new([8; 32]).open(&between, b"endpoint 1"), Err(CannotOpen));
        sealer.replace(ring.promoted());
        let new = other.seal(SECRET, b"endpoint 1", [1; NONCE_LEN]);
        for bytes in [old, between, new.clone()] {
            assert_eq!(other.open(&bytes, b"endpoint 1").as_deref(), Ok(SECRET));
        }
        assert_eq!(Sealer::new([8; 32]).open(&new, b"endpoint 1").as_deref(), Ok(SECRET));
        assert_eq!(Sealer::new([7; 32]).open(&new, b"endpoint 1"), Err(CannotOpen));
    }
}
