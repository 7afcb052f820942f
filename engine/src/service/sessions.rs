//! Signed-in browsers.

use std::{fmt, sync::Arc, time::Duration};

use signet_model::{AccountId, Timestamp, UserId, sql::Lossy};

use super::{Result, Service, token, users};
use crate::{
    db::{self, Pool, Tx},
    random::Random,
};

/// The lifetime of a session.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(14 * 24);

/// The content of the browser's cookie. Only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

impl SessionToken {
    pub(super) fn new(random: &Random) -> Self {
        Self(token::new_token(random))
    }

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

/// A signed-in person, for one account.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Session {
    /// The user.
    pub user: UserId,
    /// Their e-mail address.
    #[sqlx(try_from = "Lossy")]
    pub email: String,
    /// The account at hand, of which the user is a member.
    pub account: AccountId,
    /// Its name.
    #[sqlx(try_from = "Lossy")]
    pub account_name: String,
    /// The operator has suspended the account.
    pub account_suspended: bool,
}

/// Begins a session, in the transaction that leads to it, and removes those of the same
/// person that have ended.
pub(super) async fn begin(
    tx: &mut Tx<'_>,
    token: &SessionToken,
    user: UserId,
    account: AccountId,
    now: Timestamp,
) -> db::Result<()> {
    const REMOVE: &str = "DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2";
    const INSERT: &str = "INSERT INTO sessions (token_hash, user_id, account_id, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)";
    tx.query(REMOVE).bind(user).bind(now).execute().await?;
    let insert = tx.query(INSERT).bind(&token::hash(token.reveal())[..]).bind(user).bind(account);
    insert.bind(now).bind(now + SESSION_LIFETIME).execute().await.map(drop)
}

/// The sessions of all accounts.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'e>(pub(crate) &'e Arc<Service>);

impl Sessions<'_> {
    /// Signs in. `None` if the address or the password is wrong; both take the
    /// same time, and the answer does not tell which.
    pub async fn sign_in(self, email: &str, password: &str) -> Result<Option<SessionToken>> {
        if password.chars().count() > users::MAX_PASSWORD_LEN {
            return Ok(None);
        }
        let member = match users::parse_email(email) {
            Some(email) => self.member(&email).await?,
            None => None,
        };
        let stored = member.as_ref().map(|member| member.password_hash.clone());
        let right = self.0.passwords.verify(password, stored).await;
        let Some(Member { id, account_id, .. }) = member.filter(|_| right) else {
            return Ok(None);
        };
        let session = SessionToken::new(&self.0.random);
        let mut tx = self.0.db.begin().await?;
        begin(&mut tx, &session, id, account_id, self.0.clock.now()).await?;
        tx.commit().await?;
        Ok(Some(session))
    }

    /// The person with this address, and the first account that they belong to.
    async fn member(self, email: &str) -> Result<Option<Member>> {
        const SQL: &str = "SELECT users.id, users.password_hash, memberships.account_id
             FROM users JOIN memberships ON memberships.user_id = users.id
             WHERE users.email = $1
             ORDER BY memberships.created_at, memberships.account_id
             LIMIT 1";
        Ok(self.0.db.read(Pool::Pages).await?.query(SQL).bind(email).fetch_optional().await?)
    }

    /// The session of a cookie, unless it has ended or the membership has.
    pub async fn get(self, token: &str) -> Result<Option<Session>> {
        const SQL: &str =
            "SELECT users.id AS \"user\", users.email, accounts.id AS account, accounts.name AS account_name,
               accounts.suspended_at IS NOT NULL AS account_suspended
             FROM sessions
             JOIN users ON users.id = sessions.user_id
             JOIN accounts ON accounts.id = sessions.account_id
             JOIN memberships ON memberships.user_id = sessions.user_id AND memberships.account_id = sessions.account_id
             WHERE sessions.token_hash = $1 AND sessions.expires_at > $2";
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let query = conn.query(SQL).bind(&token::hash(token)[..]).bind(self.0.clock.now());
        Ok(query.fetch_optional().await?)
    }

    /// Ends a session.
    pub async fn sign_out(self, token: &str) -> Result<()> {
        const SQL: &str = "DELETE FROM sessions WHERE token_hash = $1";
        let mut tx = self.0.db.begin().await?;
        tx.query(SQL).bind(&token::hash(token)[..]).execute().await?;
        Ok(tx.commit().await?)
    }
}

#[derive(sqlx::FromRow)]
struct Member {
    id: UserId,
    #[sqlx(try_from = "Lossy")]
    password_hash: String,
    account_id: AccountId,
}

#[cfg(test)]
mod tests;
