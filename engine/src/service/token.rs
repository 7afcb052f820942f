//! Bearer tokens: 32 random bytes, of which the store keeps only a hash.
//!
//! A plain SHA-256 is enough here: 256 random bits cannot be guessed, so that a slow hash
//! would slow down no attack.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::random::Random;

/// A new token in base64url.
pub(super) fn new_token(random: &Random) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random.bytes::<32>())
}

/// The form in which a token is stored.
pub(super) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
