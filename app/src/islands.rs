//! The only code that also runs in the browser. Every island is also rendered on
//! the server, and works there as a form or as plain content.

mod copy;
mod passkey;
mod secret;
mod signature_checker;

pub use passkey::{PASSKEY_ANSWER, PasskeyButton};
pub use secret::StoredSecret;
pub use signature_checker::SignatureChecker;
