//! Pages that may be compressed. Of a page that was compressed with a secret in it, somebody who
//! can put words on that page and sees its length learns the secret letter by letter (BREACH).
//! So a page goes as it is unless it is known to have none.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use leptos::prelude::use_context;

/// The beginnings of signing secrets and of keys.
const PREFIXES: [&str; 2] = ["whsec_", "signet_sk_"];

/// A mark on a response: its body may be compressed.
#[derive(Debug, Clone, Copy)]
pub struct Compressible;

/// Whether a part of the page that is being rendered shows a secret.
#[derive(Debug, Clone, Default)]
pub(crate) struct SecretsShown(Arc<AtomicBool>);

impl SecretsShown {
    /// Returns true if the page has a secret: a part of it said so, or its text has the beginning
    /// of one. The mask of a secret that is not shown has none.
    pub(crate) fn are_in(&self, html: &str) -> bool {
        let begins = |rest: &str| rest.starts_with(|letter: char| letter.is_ascii_alphanumeric());
        let has = |prefix| html.split(prefix).skip(1).any(begins);
        self.0.load(Ordering::Relaxed) || PREFIXES.into_iter().any(has)
    }
}

/// Says that the page that is being rendered shows a secret: a key, a one-time link, a code.
/// Whatever shows one calls this.
pub(crate) fn shows_secret() {
    if let Some(shown) = use_context::<SecretsShown>() {
        shown.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signing_secret_is_seen_and_its_mask_is_none() {
        let shown = SecretsShown::default();
        assert!(!shown.are_in("<output>whsec_\u{2022}\u{2022}</output> <code>whsec_</code>"));
        for secret in ["<output>whsec_\u{2022}</output><code>whsec_MfKQ9r8</code>", "signet_sk_4f"] {
            assert!(shown.are_in(secret), "{secret}");
        }
    }
}
