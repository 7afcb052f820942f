//! Signing up: a stranger makes an account and is its owner, where the operator allows that.

use serde_json::json;
use signet_model::{AccountId, Role, UserId, text::AccountName};

use super::{
    Error, Result,
    accounts::{self, NameError},
    change::Record,
    members,
    password::{self, Weak},
    sessions::{self, Browser, Seat, SessionToken},
    users::{self, Users},
};
use crate::{
    actor::{By, Who},
    audit::Action,
    db,
};

/// Nobody signed up. The texts stand beside the fields.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// Another account has the name, or had it before.
    #[error("Another account has this name. Choose a different one.")]
    NameTaken,
    /// No e-mail address.
    #[error("Enter an e-mail address, such as you@example.com.")]
    Email,
    /// Another person signs in with this address.
    #[error("This e-mail address cannot be used for a new sign-in. If it is yours, sign in.")]
    EmailTaken,
    /// The password can be guessed.
    #[error(transparent)]
    Password(#[from] Weak),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for SignUpError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<NameError> for SignUpError {
    fn from(error: NameError) -> Self {
        match error {
            NameError::Taken => Self::NameTaken,
            NameError::Store(error) => Self::Store(error),
        }
    }
}

impl Users<'_> {
    /// Makes an account and its owner, and signs the owner in.
    ///
    /// # Errors
    /// The name or the address is taken, or the password can be guessed.
    pub async fn sign_up(
        self,
        name: &AccountName,
        email: &str,
        password: &str,
        browser: &Browser,
    ) -> Result<SessionToken, SignUpError> {
        let email = users::parse_email(email).ok_or(SignUpError::Email)?;
        password::check(password, &[&email, name.as_str()], false)?;
        let password_hash = self.0.passwords.hash(password, self.0.random.bytes()).await;
        let now = self.0.clock.now();
        let (user, account) = (UserId::new(now, self.0.random.bytes()), AccountId::new(now, self.0.random.bytes()));
        let by = By { who: Who::Person { id: user, email: email.clone() }, address: browser.address() };
        let mut change = self.0.change_by_right(Some(account), by, Action::SignedUp).await?;
        accounts::insert(&mut change.tx, account, name, now).await?;
        if !users::insert(&mut change.tx, user, &email, &password_hash, now).await? {
            return Err(SignUpError::EmailTaken);
        }
        members::insert(&mut change.tx, account, user, Role::Owner, now).await?;
        let seat = Seat::Person { user, account: Some(account) };
        let session = sessions::begin(self.0, &mut change.tx, seat, browser).await?;
        change.commit(Record::of("account", account).after(json!({ "name": name.as_str() }))).await?;
        Ok(session)
    }
}

#[cfg(test)]
mod tests;
