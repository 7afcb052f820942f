//! The things that a person does about themselves: address, password, sessions, and the account
//! that they work in.

use std::sync::Arc;

use serde_json::json;
use signet_model::{AccountId, Role, SessionId, Timestamp, UserId, sql::Lossy, text::PlainText};

use super::{
    Error, Result, Service,
    change::Record,
    password::Weak,
    resets,
    sessions::{self, Browser, Seat, Session, SessionToken},
    users,
};
use crate::{
    actor::By,
    audit::Action,
    db::{self, Pool},
};

/// The name of a time zone in the IANA's list, such as `Europe/Vienna`.
pub type TimeZoneName = PlainText<1, 64>;

/// The address or the password was not changed. The texts stand beside the fields.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The present password is another one.
    #[error("This is not your present password.")]
    WrongPassword,
    /// No e-mail address.
    #[error("Enter an e-mail address, such as you@example.com.")]
    Email,
    /// Another person signs in with this address.
    #[error("This e-mail address cannot be used. Enter another one.")]
    EmailTaken,
    /// The new password can be guessed.
    #[error(transparent)]
    Password(#[from] Weak),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for ChangeError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A session as its person sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq, sqlx_macros::FromRow)]
pub struct ListedSession {
    /// Its id.
    pub id: SessionId,
    /// A few words such as `Firefox, Linux`; can be empty.
    pub device: Lossy,
    /// The address from which it was begun; can be empty.
    pub address: Lossy,
    /// The instant of signing in.
    pub created_at: Timestamp,
    /// The last use, to the minute.
    pub used_at: Timestamp,
}

/// An account of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAccount {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// The person's role there.
    pub role: Role,
}

/// A person who is signed in, as to themselves.
#[derive(Debug, Clone)]
pub struct Myself<'e> {
    service: &'e Arc<Service>,
    session: &'e Session,
    browser: &'e Browser,
    id: UserId,
    email: &'e str,
}

/// The sessions of a person (`$1`) that have not ended (`$2`) and were used since (`$3`).
pub(super) const SESSIONS: &str = "SELECT id, device, address, created_at, used_at FROM sessions
     WHERE user_id = $1 AND expires_at > $2 AND used_at > $3 ORDER BY used_at DESC, id LIMIT $4";

impl<'e> Myself<'e> {
    pub(crate) fn of(service: &'e Arc<Service>, session: &'e Session, browser: &'e Browser) -> Option<Self> {
        Some(Self { service, session, browser, id: session.person()?, email: session.email()? })
    }

    fn by(&self) -> By {
        self.session.by(self.browser.address())
    }

    /// Changes the address with which the person signs in.
    ///
    /// # Errors
    /// The password is wrong, or the address cannot be used.
    pub async fn change_email(&self, email: &str, password: &str) -> Result<(), ChangeError> {
        let email = users::parse_email(email).ok_or(ChangeError::Email)?;
        self.prove(password).await?;
        let mut change = self.service.change_by_right(None, self.by(), Action::EmailChanged).await?;
        if !users::set_email(&mut change.tx, self.id, &email).await? {
            return Err(ChangeError::EmailTaken);
        }
        resets::forget(&mut change.tx, self.id).await?;
        let record = Record::of("person", self.id);
        Ok(change.commit(record.between(json!({ "email": self.email }), json!({ "email": email }))).await?)
    }

    /// Changes the password. All sessions of the person end, and this browser gets a new one.
    ///
    /// # Errors
    /// The present password is wrong, or the new one can be guessed.
    pub async fn change_password(&self, present: &str, new: &str) -> Result<SessionToken, ChangeError> {
        self.prove(present).await?;
        users::check_password(self.service, self.id, self.email, new).await??;
        let password_hash = self.service.passwords.hash(new, self.service.random.bytes()).await;
        let mut change = self.service.change_by_right(None, self.by(), Action::PasswordChanged).await?;
        users::set_password(&mut change.tx, self.id, &password_hash).await?;
        sessions::end_all(&mut change.tx, self.id).await?;
        resets::forget(&mut change.tx, self.id).await?;
        let seat = Seat::Person { user: self.id, account: self.session.account_id() };
        let token = sessions::begin(self.service, &mut change.tx, seat, self.browser).await?;
        change.commit(Record::of("person", self.id)).await?;
        Ok(token)
    }

    /// Chooses the time zone in which the person reads times; `None` leaves it to the browser. The
    /// name is not looked at: who shows times knows which there are.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_time_zone(&self, name: Option<&TimeZoneName>) -> Result<()> {
        const SQL: &str = "UPDATE users SET time_zone = $2 WHERE id = $1";
        let mut tx = self.service.db.begin().await?;
        tx.query(SQL).bind(self.id).bind(name.map(TimeZoneName::as_str)).execute().await?;
        Ok(tx.commit().await?)
    }

    /// Checks the present password.
    async fn prove(&self, password: &str) -> Result<(), ChangeError> {
        let right = users::has_password(self.service, self.id, password).await?;
        if right { Ok(()) } else { Err(ChangeError::WrongPassword) }
    }

    /// Lists the sessions of the person, the one that was used last first.
    pub async fn sessions(&self) -> Result<Vec<ListedSession>> {
        let now = self.service.clock.now();
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(SESSIONS).bind(self.id).bind(now).bind(now - self.service.settings.session_idle);
        Ok(query.bind(sessions::MOST_OF_ONE_PERSON).fetch_all().await?)
    }

    /// Ends one session of the person.
    pub async fn end_session(&self, session: SessionId) -> Result<()> {
        const SQL: &str = "DELETE FROM sessions WHERE id = $1 AND user_id = $2";
        let mut change = self.service.change_by_right(None, self.by(), Action::SessionsEnded).await?;
        if change.tx.query(SQL).bind(session).bind(self.id).execute().await? == 0 {
            return Err(Error::SessionNotFound);
        }
        Ok(change.commit(Record::of("session", session)).await?)
    }

    /// Ends all sessions of the person but this one.
    pub async fn end_other_sessions(&self) -> Result<()> {
        const SQL: &str = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
        let mut change = self.service.change_by_right(None, self.by(), Action::SessionsEnded).await?;
        change.tx.query(SQL).bind(self.id).bind(self.session.id).execute().await?;
        Ok(change.commit(Record::of("person", self.id)).await?)
    }

    /// Lists the accounts to which the person belongs, by name.
    pub async fn accounts(&self) -> Result<Vec<OwnAccount>> {
        const SQL: &str = "SELECT accounts.id, accounts.name, memberships.role
             FROM memberships JOIN accounts ON accounts.id = memberships.account_id
             WHERE memberships.user_id = $1 ORDER BY accounts.name LIMIT $2";
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let rows: Vec<(AccountId, Lossy, Lossy)> =
            conn.query(SQL).bind(self.id).bind(i64::from(users::MAX_ACCOUNTS)).fetch_all().await?;
        let account =
            |(id, name, role): (_, Lossy, Lossy)| Some(OwnAccount { id, name: name.0, role: role.0.parse().ok()? });
        Ok(rows.into_iter().filter_map(account).collect())
    }

    /// Moves the session into another account of the person, with a new token.
    pub async fn switch(&self, account: AccountId) -> Result<SessionToken> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM memberships WHERE account_id = $1 AND user_id = $2)";
        let mut tx = self.service.db.begin().await?;
        if !tx.query(SQL).bind(account).bind(self.id).fetch_value::<bool>().await? {
            return Err(Error::AccountNotFound);
        }
        let seat = Seat::Person { user: self.id, account: Some(account) };
        let token = sessions::go_on(self.service, &mut tx, self.session, seat, self.browser).await?;
        tx.commit().await?;
        Ok(token)
    }
}

#[cfg(test)]
mod tests;
