//! Signing in with a second factor: after the right password a browser holds a pending sign-in,
//! which shows nothing and changes nothing, until a code or a passkey makes it a session.

use std::{fmt, time::Duration};

use signet_model::UserId;

use super::{Ceremony, CodeError, Overview, PasskeyError, RelyingParty, passkeys, take_code};
use crate::{
    db::{self, Pool, Sql, Tx},
    random::Random,
    service::{
        Result, Service, Sessions,
        sessions::{Browser, Seat, SessionToken, begin as begin_session, last_account},
        token,
    },
};

/// The time between the password and the second factor.
pub const PENDING_LIFETIME: Duration = Duration::from_mins(5);
/// The wrong codes after which the password is asked for again.
const MOST_WRONG: i64 = 5;
/// The pending sign-ins of one person; the oldest make room.
const MOST_PENDING: i64 = 10;

/// The content of the cookie of a pending sign-in. Only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingToken(String);

impl PendingToken {
    fn new(random: &Random) -> Self {
        Self(token::new_token(random))
    }

    /// The text for the cookie.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PendingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingToken(hidden)")
    }
}

/// The answer to a right password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedIn {
    /// The person has no second factor.
    Session(SessionToken),
    /// The person has to give a second factor.
    Pending(PendingToken),
}

impl SignedIn {
    /// The session of a person without a second factor.
    pub fn session(self) -> Option<SessionToken> {
        match self {
            Self::Session(token) => Some(token),
            Self::Pending(_) => None,
        }
    }
}

/// A second factor was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SecondStepError {
    /// The pending sign-in has ended; the password is asked for again.
    #[error("the sign-in took too long, or there were too many wrong codes")]
    Ended,
    /// The code was not taken.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The passkey was not taken.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] db::Error),
}

/// Begins a session for a person whose password was right, or a pending sign-in.
pub(crate) async fn begin(service: &Service, tx: &mut Tx<'_>, user: UserId, browser: &Browser) -> db::Result<SignedIn> {
    if super::has_second_factor(tx, user).await? {
        return Ok(SignedIn::Pending(begin_pending(service, tx, user).await?));
    }
    let account = last_account(tx, user).await?;
    Ok(SignedIn::Session(begin_session(service, tx, Seat::Person { user, account }, browser).await?))
}

/// Removes the pending sign-ins of a person (`$1`) that have ended (`$2`), and all but the last (`$3`).
pub(super) const MAKE_ROOM: &str = "DELETE FROM pending_sign_ins WHERE user_id = $1
     AND (expires_at <= $2 OR token_hash NOT IN
       (SELECT token_hash FROM pending_sign_ins WHERE user_id = $1 ORDER BY expires_at DESC, token_hash LIMIT $3))";
/// The person of a pending sign-in, to be locked.
pub(super) const FIND: Sql = Sql {
    sqlite: "SELECT user_id, wrong FROM pending_sign_ins WHERE token_hash = $1 AND expires_at > $2",
    postgres: "SELECT user_id, wrong FROM pending_sign_ins WHERE token_hash = $1 AND expires_at > $2 FOR UPDATE",
};

async fn begin_pending(service: &Service, tx: &mut Tx<'_>, user: UserId) -> db::Result<PendingToken> {
    const INSERT: &str = "INSERT INTO pending_sign_ins (token_hash, user_id, expires_at) VALUES ($1, $2, $3)";
    let now = service.clock.now();
    let pending = PendingToken::new(&service.random);
    tx.query(MAKE_ROOM).bind(user).bind(now).bind(MOST_PENDING - 1).execute().await?;
    let insert = tx.query(INSERT).bind(&token::hash(pending.reveal())[..]).bind(user);
    insert.bind(now + PENDING_LIFETIME).execute().await?;
    Ok(pending)
}

impl Sessions<'_> {
    /// The factors of the person of a pending sign-in, while it lasts.
    pub async fn pending(self, pending: &str) -> Result<Option<Overview>> {
        const SQL: &str = "SELECT user_id FROM pending_sign_ins WHERE token_hash = $1 AND expires_at > $2";
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let query = conn.query(SQL).bind(&token::hash(pending)[..]).bind(self.0.clock.now());
        let Some(user) = query.fetch_optional_value().await? else { return Ok(None) };
        drop(conn);
        super::overview(self.0, user).await.map(Some)
    }

    /// Makes a pending sign-in a session by a code of the person's app, or a recovery code.
    pub async fn finish_by_code(
        self,
        pending: &str,
        code: &str,
        browser: &Browser,
    ) -> Result<SessionToken, SecondStepError> {
        let mut tx = self.0.db.begin().await?;
        let found = self.lock_pending(&mut tx, pending).await?.ok_or(SecondStepError::Ended)?;
        match take_code(self.0, &mut tx, found.user_id, code).await {
            Ok(()) => self.finish(tx, pending, found.user_id, browser).await,
            Err(CodeError::Wrong) => {
                let has_ended = found.wrong + 1 >= MOST_WRONG;
                count_wrong(&mut tx, pending, has_ended).await?;
                tx.commit().await?;
                Err(if has_ended { SecondStepError::Ended } else { CodeError::Wrong.into() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a pending sign-in a session by a passkey of the person.
    pub async fn finish_by_passkey(
        self,
        pending: &str,
        place: &RelyingParty,
        (carried, answer): (&str, &str),
        browser: &Browser,
    ) -> Result<SessionToken, SecondStepError> {
        let mut tx = self.0.db.begin().await?;
        let found = self.lock_pending(&mut tx, pending).await?.ok_or(SecondStepError::Ended)?;
        let owner = passkeys::take(self.0, &mut tx, place, carried, answer).await?;
        if owner != found.user_id {
            return Err(PasskeyError::Refused.into());
        }
        self.finish(tx, pending, owner, browser).await
    }

    /// A challenge for any passkey.
    pub fn passkey_challenge(self, place: &RelyingParty) -> Result<Ceremony, PasskeyError> {
        passkeys::challenge(self.0, place)
    }

    /// Signs the owner of a passkey in: it is proof enough, as it verifies its user.
    pub async fn sign_in_with_passkey(
        self,
        place: &RelyingParty,
        (carried, answer): (&str, &str),
        browser: &Browser,
    ) -> Result<SessionToken, PasskeyError> {
        let mut tx = self.0.db.begin().await?;
        let user = passkeys::take(self.0, &mut tx, place, carried, answer).await?;
        let account = last_account(&mut tx, user).await?;
        let token = begin_session(self.0, &mut tx, Seat::Person { user, account }, browser).await?;
        tx.commit().await?;
        Ok(token)
    }

    async fn finish(
        self,
        mut tx: Tx<'_>,
        pending: &str,
        user: UserId,
        browser: &Browser,
    ) -> Result<SessionToken, SecondStepError> {
        remove(&mut tx, pending).await?;
        let account = last_account(&mut tx, user).await?;
        let token = begin_session(self.0, &mut tx, Seat::Person { user, account }, browser).await?;
        tx.commit().await?;
        Ok(token)
    }

    async fn lock_pending(self, tx: &mut Tx<'_>, pending: &str) -> db::Result<Option<Pending>> {
        tx.query(FIND).bind(&token::hash(pending)[..]).bind(self.0.clock.now()).fetch_optional().await
    }
}

#[derive(sqlx_macros::FromRow)]
struct Pending {
    user_id: UserId,
    wrong: i64,
}

async fn count_wrong(tx: &mut Tx<'_>, pending: &str, has_ended: bool) -> db::Result<()> {
    const SQL: &str = "UPDATE pending_sign_ins SET wrong = wrong + 1 WHERE token_hash = $1";
    if has_ended {
        return remove(tx, pending).await;
    }
    tx.query(SQL).bind(&token::hash(pending)[..]).execute().await.map(drop)
}

async fn remove(tx: &mut Tx<'_>, pending: &str) -> db::Result<()> {
    const SQL: &str = "DELETE FROM pending_sign_ins WHERE token_hash = $1";
    tx.query(SQL).bind(&token::hash(pending)[..]).execute().await.map(drop)
}
