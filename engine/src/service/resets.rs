//! Resets: one-time links with which people who have forgotten their password set another.

use std::{sync::Arc, time::Duration};

use signet_model::{UserId, sql::Lossy};

use super::{Error, Result, Service, change::Record, password::Weak, sessions, token, users};
use crate::{
    actor::{By, Operator, Who},
    audit::Action,
    db::{self, Pool, Tx},
};

/// The lifetime of a reset link.
pub const RESET_LIFETIME: Duration = Duration::from_hours(1);

/// A password was not reset. The texts stand beside the field.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// The link was used, has expired or never was.
    #[error("This link is no longer valid.")]
    LinkInvalid,
    /// The password can be guessed.
    #[error(transparent)]
    Password(#[from] Weak),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for ResetError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A link to be sent by mail.
#[derive(Debug)]
pub struct ResetMail {
    /// The person.
    pub person: UserId,
    /// The address to which the link goes.
    pub email: String,
    /// The token of the link.
    pub token: String,
}

/// The resets of all people.
#[derive(Debug, Clone, Copy)]
pub struct Resets<'e>(pub(crate) &'e Arc<Service>);

impl Resets<'_> {
    /// Makes a link for the person with this address, if there is one. The caller answers
    /// before it asks here, so that the answer tells nothing.
    pub async fn request(self, email: &str) -> Result<Option<ResetMail>> {
        let Some(email) = users::parse_email(email) else { return Ok(None) };
        let mut tx = self.0.db.begin().await?;
        let Some(person) = users::find(&mut tx, &email).await? else { return Ok(None) };
        let token = insert(self.0, &mut tx, person).await?;
        tx.commit().await?;
        Ok(Some(ResetMail { person, email, token }))
    }

    /// Makes a link for the person with this address, to be handed over by the operator.
    pub async fn make(self, operator: &Operator, email: &str) -> Result<String> {
        let email = users::parse_email(email).ok_or(Error::PersonNotFound)?;
        let mut change = self.0.change_installation(operator, Action::ResetLinkMadeByOperator).await?;
        let person = users::find(&mut change.tx, &email).await?.ok_or(Error::PersonNotFound)?;
        let token = insert(self.0, &mut change.tx, person).await?;
        change.commit(Record::of("person", person)).await?;
        Ok(token)
    }

    /// Returns true while a token is valid.
    pub async fn is_valid(self, token: &str) -> Result<bool> {
        Ok(self.person_of(token).await?.is_some())
    }

    async fn person_of(self, token: &str) -> Result<Option<(UserId, String)>> {
        const SQL: &str =
            "SELECT users.id, users.email FROM password_resets JOIN users ON users.id = password_resets.user_id
             WHERE password_resets.token_hash = $1 AND password_resets.expires_at > $2";
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let query = conn.query(SQL).bind(&token::hash(token)[..]).bind(self.0.clock.now());
        let found: Option<(UserId, Lossy)> = query.fetch_optional().await?;
        Ok(found.map(|(id, email)| (id, email.0)))
    }

    /// Uses up a token: sets the password, and ends all sessions of the person, who then signs
    /// in with it.
    pub async fn redeem(self, token: &str, password: &str) -> Result<(), ResetError> {
        const USE: &str =
            "DELETE FROM password_resets WHERE token_hash = $1 AND expires_at > $2 AND user_id = $3 RETURNING user_id";
        let (person, email) = self.person_of(token).await?.ok_or(ResetError::LinkInvalid)?;
        users::check_password(self.0, person, &email, password).await??;
        let password_hash = self.0.passwords.hash(password, self.0.random.bytes()).await;
        let by = By { who: Who::Person { id: person, email }, address: None };
        let mut change = self.0.change_by_right(None, by, Action::PasswordReset).await?;
        let used = change.tx.query(USE).bind(&token::hash(token)[..]).bind(self.0.clock.now()).bind(person);
        let _: UserId = used.fetch_optional_value().await?.ok_or(ResetError::LinkInvalid)?;
        users::set_password(&mut change.tx, person, &password_hash).await?;
        sessions::end_all(&mut change.tx, person).await?;
        Ok(change.commit(Record::of("person", person)).await?)
    }
}

/// Makes a link for a person, which replaces the earlier ones.
pub(super) async fn insert(service: &Service, tx: &mut Tx<'_>, person: UserId) -> db::Result<String> {
    const SQL: &str =
        "INSERT INTO password_resets (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
    forget(tx, person).await?;
    let (token, now) = (token::new_token(&service.random), service.clock.now());
    let insert = tx.query(SQL).bind(&token::hash(&token)[..]).bind(person);
    insert.bind(now).bind(now + RESET_LIFETIME).execute().await?;
    Ok(token)
}

/// Ends the links of a person.
pub(super) async fn forget(tx: &mut Tx<'_>, person: UserId) -> db::Result<()> {
    const SQL: &str = "DELETE FROM password_resets WHERE user_id = $1";
    tx.query(SQL).bind(person).execute().await.map(drop)
}

#[cfg(test)]
mod tests;
