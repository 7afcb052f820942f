//! One sealing key: base64 of 32 bytes.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::random::Random;

/// A key that secrets are sealed with. Its bytes are wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey(pub(super) Zeroizing<[u8; 32]>);

/// The text is not base64 of 32 bytes, or all of these are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealing key is 32 random bytes in base64, as `openssl rand -base64 32` prints them")]
pub struct InvalidKey;

/// The id of a key: the first bytes of a hash, from which the key does not follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId(pub(super) [u8; KeyId::LEN]);

impl KeyId {
    /// The bytes of an id.
    pub(super) const LEN: usize = 4;
}

impl fmt::Display for KeyId {
    /// Eight hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl SealKey {
    /// Makes a key.
    pub fn new(random: &Random) -> Self {
        Self(Zeroizing::new(random.bytes()))
    }

    /// The id that sealed texts carry.
    pub fn id(&self) -> KeyId {
        let hash = Sha256::new().chain_update(b"signet sealing key").chain_update(*self.0).finalize();
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash);
        KeyId([a, b, c, d])
    }

    /// The base64 of the key.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_STANDARD.encode(*self.0))
    }
}

impl From<[u8; 32]> for SealKey {
    fn from(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }
}

impl FromStr for SealKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.trim_ascii()).map_err(|_| InvalidKey)?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| InvalidKey)?;
        // Zeros are a placeholder in a template of settings, not a key.
        if key == [0; 32] { Err(InvalidKey) } else { Ok(Self::from(key)) }
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_base64_of_32_bytes_is_a_key() {
        let text = BASE64_STANDARD.encode([7; 32]);
        assert_eq!(format!(" {text}\n").parse(), Ok(SealKey::from([7; 32])));
        for wrong in [
            String::new(),
            BASE64_STANDARD.encode([7; 31]),
            BASE64_STANDARD.encode([7; 33]),
            BASE64_STANDARD.encode([0; 32]),
            "?".repeat(44),
        ] {
            assert_eq!(wrong.parse::<SealKey>(), Err(InvalidKey), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_that_of_one_key() {
        let id = SealKey::from([7; 32]).id();
        assert_eq!(id, SealKey::from([7; 32]).id());
        assert_ne!(id, SealKey::from([8; 32]).id());
        assert_eq!(id.to_string().len(), 8);
    }
}
