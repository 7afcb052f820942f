//! Signed-in browsers.

use std::{fmt, time::Duration};

use signet_model::{AccountId, UserId};

use super::Result;
use crate::Engine;

/// How long a session lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What the browser's cookie holds. The store keeps only its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(pub(crate) String);

impl SessionToken {
    /// The text for the cookie.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(hidden)")
    }
}

/// Who asks, and for which account.
#[derive(Debug, Clone)]
pub struct Session {
    /// The person.
    pub user: UserId,
    /// Their e-mail address.
    pub email: String,
    /// The account they look at, of which they are a member.
    pub account: AccountId,
    /// Its name.
    pub account_name: String,
}

impl Engine {
    /// Signs in. `None` if the address or the password is wrong; both take the
    /// same time, and the answer does not tell which.
    pub async fn sign_in(&self, _email: &str, _password: &str) -> Result<Option<SessionToken>> {
        todo!()
    }

    /// The session of a cookie, unless it has ended or the membership has.
    pub async fn session(&self, _token: &str) -> Result<Option<Session>> {
        todo!()
    }

    /// Ends a session.
    pub async fn sign_out(&self, _token: &str) -> Result<()> {
        todo!()
    }
}
