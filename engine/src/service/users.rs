//! The users of the dashboard, and the one-time links with which they begin.

use std::{sync::Arc, time::Duration};

use signet_model::{AccountId, Timestamp, UserId, text::EmailText};

use super::{
    AccountHandle, Result, Service, operators,
    sessions::{self, Browser, Seat, SessionToken},
    token,
};
use crate::db::{self, Pool, Tx};

/// The lifetime of a one-time link.
pub const SETUP_LINK_LIFETIME: Duration = Duration::from_hours(24);

/// The least number of characters in a password.
pub const MIN_PASSWORD_LEN: usize = 12;
/// The greatest number of characters in a password.
pub const MAX_PASSWORD_LEN: usize = 1_000;

/// An owner cannot be created. The texts stand beside the fields.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The link was used, has expired or never was.
    #[error("This link is no longer valid.")]
    LinkInvalid,
    /// No e-mail address.
    #[error("Enter an e-mail address, such as you@example.com.")]
    Email,
    /// Another user signs in with this address.
    #[error("This e-mail address is already in use. Sign in instead.")]
    EmailTaken,
    /// The password is too short.
    #[error("Use at least 12 characters.")]
    PasswordTooShort,
    /// The password is too long to hash.
    #[error("Use at most 1,000 characters.")]
    PasswordTooLong,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] db::Error),
}

impl AccountHandle<'_> {
    /// Makes a one-time token with which the account's first owner signs up; it
    /// holds for 24 hours and replaces the account's earlier ones.
    pub async fn create_setup_link(self) -> Result<String> {
        const REMOVE: &str = "DELETE FROM setup_links WHERE account_id = $1";
        const INSERT: &str =
            "INSERT INTO setup_links (token_hash, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
        let link = token::new_token(&self.service.random);
        let now = self.service.clock.now();
        let mut tx = self.service.db.begin().await?;
        tx.query(REMOVE).bind(self.id).execute().await?;
        let insert = tx.query(INSERT).bind(&token::hash(&link)[..]).bind(self.id);
        insert.bind(now).bind(now + SETUP_LINK_LIFETIME).execute().await?;
        tx.commit().await?;
        Ok(link)
    }

    /// True once a user signs in for this account.
    pub async fn has_members(self) -> Result<bool> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM memberships WHERE account_id = $1)";
        Ok(self.service.db.read(Pool::Pages).await?.query(SQL).bind(self.id).fetch_value().await?)
    }
}

/// The users of all accounts.
#[derive(Debug, Clone, Copy)]
pub struct Users<'e>(pub(crate) &'e Arc<Service>);

impl Users<'_> {
    /// True once there is any user.
    pub async fn exist(self) -> Result<bool> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM users)";
        Ok(self.0.db.read(Pool::Pages).await?.query(SQL).fetch_value().await?)
    }

    /// The name of the account to which a one-time token leads, while it is valid.
    pub async fn invited_to(self, token: &str) -> Result<Option<String>> {
        Ok(self.account_of_link(token).await?)
    }

    async fn account_of_link(self, token: &str) -> db::Result<Option<String>> {
        const SQL: &str = "SELECT accounts.name FROM setup_links JOIN accounts ON accounts.id = setup_links.account_id
             WHERE setup_links.token_hash = $1 AND setup_links.expires_at > $2";
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let query = conn.query(SQL).bind(&token::hash(token)[..]).bind(self.0.clock.now());
        query.fetch_optional_value().await
    }

    /// Uses up a one-time token: creates its account's owner and signs them in.
    pub async fn create_owner(
        self,
        token: &str,
        email: &str,
        password: &str,
        browser: &Browser,
    ) -> Result<SessionToken, SetupError> {
        let email = parse_email(email).ok_or(SetupError::Email)?;
        check_length(password)?;
        // Saves the hash; the transaction decides.
        if self.account_of_link(token).await?.is_none() {
            return Err(SetupError::LinkInvalid);
        }
        let password_hash = self.0.passwords.hash(password, self.0.random.bytes()).await;
        let now = self.0.clock.now();
        let user = UserId::new(now, self.0.random.bytes());
        let mut tx = self.0.db.begin().await?;
        let account = use_link(&mut tx, token, now).await?.ok_or(SetupError::LinkInvalid)?;
        let new = NewUser { id: user, email, password_hash };
        insert_owner(&mut tx, account, &new, now).await?;
        operators::come_with_invitation(&mut tx, token, (user, &new.email), browser, now).await?;
        let seat = Seat::Person { user, account: Some(account) };
        let session = sessions::begin(self.0, &mut tx, seat, browser).await?;
        tx.commit().await?;
        Ok(session)
    }
}

/// Uses up a one-time token; returns its account, if it is valid.
async fn use_link(tx: &mut Tx<'_>, token: &str, now: Timestamp) -> db::Result<Option<AccountId>> {
    const SQL: &str = "DELETE FROM setup_links WHERE token_hash = $1 AND expires_at > $2 RETURNING account_id";
    tx.query(SQL).bind(&token::hash(token)[..]).bind(now).fetch_optional_value().await
}

struct NewUser {
    id: UserId,
    email: String,
    password_hash: String,
}

async fn insert_owner(tx: &mut Tx<'_>, account: AccountId, user: &NewUser, now: Timestamp) -> Result<(), SetupError> {
    const USER: &str = "INSERT INTO users (id, email, password_hash, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (email) DO NOTHING";
    const MEMBERSHIP: &str =
        "INSERT INTO memberships (account_id, user_id, role, created_at) VALUES ($1, $2, 'owner', $3)";
    let insert = tx.query(USER).bind(user.id).bind(&user.email).bind(&user.password_hash);
    if insert.bind(now).execute().await? == 0 {
        return Err(SetupError::EmailTaken);
    }
    tx.query(MEMBERSHIP).bind(account).bind(user.id).bind(now).execute().await?;
    Ok(())
}

/// The address as it is kept: trimmed, in lower case. Its spelling does not tell whether mail
/// for it is read.
pub(super) fn parse_email(text: &str) -> Option<String> {
    let email = text.parse::<EmailText>().ok()?.to_lowercase();
    let (local, domain) = email.split_once('@')?;
    let strange = |c: char| c.is_whitespace() || c == '@';
    let labels = domain.split('.').collect::<Vec<_>>();
    let well_formed = !local.is_empty()
        && !email[local.len() + 1..].contains(strange)
        && !local.contains(strange)
        && labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && email.len() <= 254;
    well_formed.then_some(email)
}

fn check_length(password: &str) -> Result<(), SetupError> {
    match password.chars().count() {
        ..MIN_PASSWORD_LEN => Err(SetupError::PasswordTooShort),
        MIN_PASSWORD_LEN..=MAX_PASSWORD_LEN => Ok(()),
        _ => Err(SetupError::PasswordTooLong),
    }
}

#[cfg(test)]
mod tests;
