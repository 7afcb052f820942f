//! Proof again: what shows or changes secrets, keys and people is done only by somebody who has
//! proved a short while ago to be the one who is signed in.

use std::time::Duration;

use signet_model::{Timestamp, UserId, sql::Lossy};

use super::{CodeError, PasskeyError, RelyingParty, passkeys, take_code, tries};
use crate::{
    db::{self, Pool, Tx},
    service::{
        Result, Sessions,
        sessions::{Session, SessionToken},
        token, users,
    },
};

/// The time for which a proof counts.
pub const PROOF_LIFETIME: Duration = Duration::from_mins(15);

/// True while a proof counts.
pub(crate) fn is_fresh(proved_at: Timestamp, now: Timestamp) -> bool {
    now.since(proved_at) < PROOF_LIFETIME
}

/// A proof was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The password is wrong, or the passkey is another person's.
    #[error("the proof is wrong")]
    Wrong,
    /// There were too many wrong passwords.
    #[error("too many wrong passwords: try again after {0}")]
    TooMany(Timestamp),
    /// The session has no person, who alone could prove anything.
    #[error("the session is no person's")]
    NoPerson,
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

/// Each proof gives the session a new token, for the browser's cookie.
impl Sessions<'_> {
    /// Takes the password of the session's person as proof.
    pub async fn prove_by_password(self, session: &Session, password: &str) -> Result<SessionToken, ProofError> {
        const SQL: &str = "SELECT password_hash FROM users WHERE id = $1";
        let user = session.person().ok_or(ProofError::NoPerson)?;
        let now = self.0.clock.now();
        let mut tx = self.0.db.begin().await?;
        tries::count(&mut tx, user, tries::Kind::Password, now).await?.map_err(ProofError::TooMany)?;
        tx.commit().await?;
        let stored =
            self.0.db.read(Pool::Pages).await?.query(SQL).bind(user).fetch_optional_value::<Option<Lossy>>().await?;
        let stored = stored.flatten().map(|hash| hash.0);
        let fits = password.chars().count() <= users::MAX_TYPED_LEN;
        if !fits || !self.0.passwords.verify(password, stored).await {
            return Err(ProofError::Wrong);
        }
        let mut tx = self.0.db.begin().await?;
        tries::forget(&mut tx, user, tries::Kind::Password).await?;
        self.note_proof(tx, session, user).await
    }

    /// Takes a code of the person's app, or a recovery code, as proof.
    pub async fn prove_by_code(self, session: &Session, code: &str) -> Result<SessionToken, ProofError> {
        let user = session.person().ok_or(ProofError::NoPerson)?;
        let mut tx = self.0.db.begin().await?;
        match take_code(self.0, &mut tx, user, code).await {
            Ok(()) => self.note_proof(tx, session, user).await,
            Err(CodeError::Wrong) => {
                tx.commit().await?;
                Err(CodeError::Wrong.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a passkey of the session's person as proof.
    pub async fn prove_by_passkey(
        self,
        session: &Session,
        place: &RelyingParty,
        (carried, answer): (&str, &str),
    ) -> Result<SessionToken, ProofError> {
        let user = session.person().ok_or(ProofError::NoPerson)?;
        let mut tx = self.0.db.begin().await?;
        if passkeys::take(self.0, &mut tx, place, carried, answer).await? != user {
            return Err(ProofError::Wrong);
        }
        self.note_proof(tx, session, user).await
    }

    /// Notes the proof, and gives the session a new token (OWASP ASVS 5.0, 7.2.4): whoever had
    /// come by the one of before has nothing of the proof.
    async fn note_proof(self, mut tx: Tx<'_>, session: &Session, user: UserId) -> Result<SessionToken, ProofError> {
        const SQL: &str = "UPDATE sessions SET token_hash = $4, proved_at = $3 WHERE id = $1 AND user_id = $2";
        let token = SessionToken::new(&self.0.random);
        let update = tx.query(SQL).bind(session.id).bind(user).bind(self.0.clock.now());
        if update.bind(&token::hash(token.reveal())[..]).execute().await? == 0 {
            return Err(ProofError::NoPerson);
        }
        tx.commit().await?;
        Ok(token)
    }
}
