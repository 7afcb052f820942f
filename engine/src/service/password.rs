//! Passwords: the rules for new ones, and argon2id, a few at a time.

mod rules;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::{sync::Semaphore, task::spawn_blocking};
use zeroize::Zeroizing;

pub use rules::{MAX_LEN, MIN_LEN, MIN_LEN_WITH_SECOND_FACTOR, Weak, check};

/// Each hash takes 19 MiB and a core for a while: a crowd that signs in waits
/// here and does not take the machine away from the deliveries.
const AT_ONCE: usize = 2;

/// Stands for the hash of an unknown person, and is stored for a person who has no password:
/// fits no password, and takes as long to try as any hash.
pub(super) const NO_PASSWORD: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm8gcGFzc3dvcmQgaGVyZQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and checks passwords.
#[derive(Debug)]
pub(crate) struct Passwords(Semaphore);

impl Default for Passwords {
    fn default() -> Self {
        Self(Semaphore::const_new(AT_ONCE))
    }
}

impl Passwords {
    /// The hash to be stored, in the PHC string format.
    pub(super) async fn hash(&self, password: &str, salt: [u8; 16]) -> String {
        let password = Zeroizing::new(password.to_owned());
        self.compute(move || hash(password.as_bytes(), &salt)).await
    }

    /// True if this is the password that was hashed. Takes as long without a hash.
    pub(super) async fn verify(&self, password: &str, stored: Option<String>) -> bool {
        let password = Zeroizing::new(password.to_owned());
        self.compute(move || {
            let expected = stored.as_deref().unwrap_or(NO_PASSWORD);
            PasswordHash::new(expected)
                .is_ok_and(|expected| Argon2::default().verify_password(password.as_bytes(), &expected).is_ok())
        })
        .await
    }

    async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let _permit = self.0.acquire().await.expect("the semaphore is never closed");
        spawn_blocking(work).await.expect("hashing does not panic")
    }
}

/// With the default parameters of the crate, which are OWASP's: argon2id with
/// 19 MiB, two passes and one lane.
fn hash(password: &[u8], salt: &[u8]) -> String {
    let hash: PasswordHash =
        Argon2::default().hash_password_with_salt(password, salt).expect("a salt of 16 bytes and a bounded password");
    hash.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_that_was_hashed_is_right() {
        let passwords = Passwords::default();
        let stored = passwords.hash("correct horse battery", [1; 16]).await;
        assert!(passwords.verify("correct horse battery", Some(stored.clone())).await);
        assert!(!passwords.verify("Correct horse battery", Some(stored.clone())).await);
        assert!(!passwords.verify("", Some(stored)).await);
    }

    #[tokio::test]
    async fn the_stand_in_hash_costs_as_much_as_any_hash_and_fits_no_password() {
        let real = Passwords::default().hash("correct horse battery", [1; 16]).await;
        let parameters = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parameters(NO_PASSWORD), parameters(&real));
        assert_eq!(NO_PASSWORD.len(), real.len());
        assert!(PasswordHash::new(NO_PASSWORD).is_ok(), "it must be computed, not refused at once");
        assert!(!Passwords::default().verify("correct horse battery", None).await);
    }

    #[tokio::test]
    async fn a_broken_hash_fits_no_password() {
        for broken in ["", "correct horse battery", "$argon2id$v=19$m=19456,t=2,p=1$bm8gcGFzc3dvcmQgaGVyZQ"] {
            assert!(!Passwords::default().verify("correct horse battery", Some(broken.to_owned())).await, "{broken}");
        }
    }
}
