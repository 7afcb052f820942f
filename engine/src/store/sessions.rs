//! Signed-in browsers.

use std::{fmt, time::Duration};

use signet_model::{AccountId, Timestamp, UserId, sql::Lossy};

use super::{token, users};
use crate::{
    Engine,
    db::{Pool, Result, Tx},
    random::Random,
};

/// How long a session lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(14 * 24);

/// What the browser's cookie holds. The store keeps only its hash.
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

/// Who asks, and for which account.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Session {
    /// The person.
    pub user: UserId,
    /// Their e-mail address.
    #[sqlx(try_from = "Lossy")]
    pub email: String,
    /// The account they look at, of which they are a member.
    pub account: AccountId,
    /// Its name.
    #[sqlx(try_from = "Lossy")]
    pub account_name: String,
}

/// Begins a session, in the transaction that leads to it, and removes those of the same
/// person that have ended.
pub(super) async fn begin(
    tx: &mut Tx<'_>,
    token: &SessionToken,
    user: UserId,
    account: AccountId,
    now: Timestamp,
) -> Result<()> {
    const REMOVE: &str = "DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2";
    const INSERT: &str = "INSERT INTO sessions (token_hash, user_id, account_id, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)";
    tx.query(REMOVE).bind(user).bind(now).execute().await?;
    let insert = tx.query(INSERT).bind(&token::hash(token.reveal())[..]).bind(user).bind(account);
    insert.bind(now).bind(now + SESSION_LIFETIME).execute().await.map(drop)
}

impl Engine {
    /// Signs in. `None` if the address or the password is wrong; both take the
    /// same time, and the answer does not tell which.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<Option<SessionToken>> {
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
        let now = self.0.clock.now();
        let mut tx = self.0.db.begin().await?;
        begin(&mut tx, &session, id, account_id, now).await?;
        tx.commit().await?;
        Ok(Some(session))
    }

    /// The person with this address, and the first account that they belong to.
    async fn member(&self, email: &str) -> Result<Option<Member>> {
        const SQL: &str = "SELECT users.id, users.password_hash, memberships.account_id
             FROM users JOIN memberships ON memberships.user_id = users.id
             WHERE users.email = $1
             ORDER BY memberships.created_at, memberships.account_id
             LIMIT 1";
        self.0.db.read(Pool::Pages).await?.query(SQL).bind(email).fetch_optional().await
    }

    /// The session of a cookie, unless it has ended or the membership has.
    pub async fn session(&self, token: &str) -> Result<Option<Session>> {
        const SQL: &str =
            "SELECT users.id AS \"user\", users.email, accounts.id AS account, accounts.name AS account_name
             FROM sessions
             JOIN users ON users.id = sessions.user_id
             JOIN accounts ON accounts.id = sessions.account_id
             JOIN memberships ON memberships.user_id = sessions.user_id AND memberships.account_id = sessions.account_id
             WHERE sessions.token_hash = $1 AND sessions.expires_at > $2";
        let (hash, now) = (token::hash(token), self.0.clock.now());
        self.0.db.read(Pool::Pages).await?.query(SQL).bind(&hash[..]).bind(now).fetch_optional().await
    }

    /// Ends a session.
    pub async fn sign_out(&self, token: &str) -> Result<()> {
        const SQL: &str = "DELETE FROM sessions WHERE token_hash = $1";
        let mut tx = self.0.db.begin().await?;
        tx.query(SQL).bind(&token::hash(token)[..]).execute().await?;
        tx.commit().await
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
mod tests {
    use super::*;
    use crate::testing::{account, databases, resting_engine};

    const PASSWORD: &str = "correct horse battery";

    async fn owner(engine: &Engine, account: AccountId, email: &str) -> SessionToken {
        let link = engine.create_setup_link(account).await.expect("a link");
        engine.create_owner(&link, email, PASSWORD).await.expect("an owner")
    }

    async fn is_signed_in(engine: &Engine, token: &SessionToken) -> bool {
        engine.session(token.reveal()).await.expect("an answer").is_some()
    }

    #[tokio::test]
    async fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            owner(&engine, acme, "ada@example.com").await;
            for (email, password) in [
                ("ada@example.com", "wrong horse battery"),
                ("eve@example.com", PASSWORD),
                ("ada@example.com", ""),
                ("", PASSWORD),
                ("ada@example.com", &PASSWORD.repeat(100)),
            ] {
                assert_eq!(engine.sign_in(email, password).await.expect("an answer"), None, "{email}");
            }
        }
    }

    #[tokio::test]
    async fn a_session_ends_with_its_lifetime() {
        for database in databases().await {
            let (engine, clock) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            let token = owner(&engine, acme, "ada@example.com").await;
            clock.advance(SESSION_LIFETIME.saturating_sub(Duration::from_micros(1)));
            assert!(is_signed_in(&engine, &token).await);
            clock.advance(Duration::from_micros(1));
            assert!(!is_signed_in(&engine, &token).await);
        }
    }

    #[tokio::test]
    async fn signing_out_ends_one_session() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            let laptop = owner(&engine, acme, "ada@example.com").await;
            let phone = engine.sign_in("ada@example.com", PASSWORD).await.expect("an answer").expect("signed in");
            engine.sign_out(laptop.reveal()).await.expect("signed out");
            assert!(!is_signed_in(&engine, &laptop).await);
            assert!(is_signed_in(&engine, &phone).await);
        }
    }

    #[tokio::test]
    async fn a_session_ends_with_the_membership() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
            let ada = owner(&engine, acme, "ada@example.com").await;
            let bob = owner(&engine, other, "bob@example.com").await;
            end_memberships(&engine, acme).await.expect("ended");
            assert!(!is_signed_in(&engine, &ada).await);
            assert!(is_signed_in(&engine, &bob).await);
            assert_eq!(engine.sign_in("ada@example.com", PASSWORD).await.expect("an answer"), None);
        }
    }

    #[tokio::test]
    async fn a_session_shows_the_account_of_its_owner_alone() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
            let ada = owner(&engine, acme, "ada@example.com").await;
            let bob = owner(&engine, other, "bob@example.com").await;
            for (token, account, email) in [(ada, acme, "ada@example.com"), (bob, other, "bob@example.com")] {
                let session = engine.session(token.reveal()).await.expect("an answer").expect("a session");
                assert_eq!((session.account, session.email.as_str()), (account, email));
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_token_opens_nothing() {
        for database in databases().await {
            let (engine, _) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            let token = owner(&engine, acme, "ada@example.com").await;
            for wrong in ["", "' OR 1=1 --", &token.reveal()[1..], &token.reveal().to_lowercase()] {
                assert!(engine.session(wrong).await.expect("an answer").is_none(), "{wrong}");
            }
        }
    }

    #[tokio::test]
    async fn sessions_that_have_ended_are_cleared_away_at_the_next_sign_in() {
        for database in databases().await {
            let (engine, clock) = resting_engine(&database);
            let acme = account(&engine, "acme").await;
            owner(&engine, acme, "ada@example.com").await;
            clock.advance(SESSION_LIFETIME);
            engine.sign_in("ada@example.com", PASSWORD).await.expect("an answer").expect("signed in");
            assert_eq!(count_sessions(&engine).await.expect("an answer"), 1);
        }
    }

    async fn end_memberships(engine: &Engine, account: AccountId) -> Result<()> {
        let mut tx = engine.0.db.begin().await?;
        tx.query("DELETE FROM memberships WHERE account_id = $1").bind(account).execute().await?;
        tx.commit().await
    }

    async fn count_sessions(engine: &Engine) -> Result<i64> {
        engine.0.db.read(Pool::Pages).await?.query("SELECT count(*) FROM sessions").fetch_value().await
    }
}
