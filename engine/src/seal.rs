//! Signing secrets at rest: XChaCha20-Poly1305 with the operator's key.

use std::fmt;

/// Seals and opens secrets.
#[derive(Clone)]
pub struct Sealer {}

/// What was sealed cannot be opened: another key, or altered bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed secret cannot be opened: the key is not the one it was sealed with")]
pub struct CannotOpen;

impl Sealer {
    /// Seals with this key.
    pub fn new(_key: [u8; 32]) -> Self {
        todo!()
    }

    /// Seals a text for one purpose and owner (`context` is authenticated, so
    /// that a sealed text cannot be moved to another row). `nonce` is random.
    pub fn seal(&self, _text: &str, _context: &[u8], _nonce: [u8; 24]) -> Vec<u8> {
        todo!()
    }

    /// Opens what was sealed with the same context.
    pub fn open(&self, _sealed: &[u8], _context: &[u8]) -> Result<String, CannotOpen> {
        todo!()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(hidden)")
    }
}
