//! People who sign in, and the one-time links with which they begin.

use crate::{
    Engine,
    store::{Result, sessions::SessionToken},
};
use signet_model::AccountId;

/// The least number of characters in a password.
pub const MIN_PASSWORD_LEN: usize = 12;

/// Why an owner cannot be created. The texts stand beside the fields.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The link was used, has expired or never was.
    #[error("This link is no longer valid. Restart the server to get a new one.")]
    LinkInvalid,
    /// No e-mail address.
    #[error("Enter an e-mail address, such as you@example.com.")]
    Email,
    /// Someone already signs in with this address.
    #[error("This e-mail address is already in use. Sign in instead.")]
    EmailTaken,
    /// The password is too short.
    #[error("Use at least 12 characters.")]
    PasswordTooShort,
    /// The password is too long to hash.
    #[error("Use at most 1,000 characters.")]
    PasswordTooLong,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] super::Error),
}

impl Engine {
    /// Makes a one-time token with which the account's first owner signs up; it
    /// holds for 24 hours and replaces the account's earlier ones.
    pub async fn create_setup_link(&self, _account: AccountId) -> Result<String> {
        todo!()
    }

    /// Whether any user exists yet.
    pub async fn has_users(&self) -> Result<bool> {
        todo!()
    }

    /// Whether a one-time token is still good.
    pub async fn setup_link_valid(&self, _token: &str) -> Result<bool> {
        todo!()
    }

    /// Uses up a one-time token: creates its account's owner and signs them in.
    pub async fn create_owner(&self, _token: &str, _email: &str, _password: &str) -> Result<SessionToken, SetupError> {
        todo!()
    }
}
