//! Codes of an app: set up, confirmed by a first code, used once each.

use std::time::Duration;

use signet_model::{Timestamp, UserId};

use super::{CodeError, Factors, Seed, tries};
use crate::{
    audit::Action,
    db::{self, Pool, Tx},
    service::{Error, Result, Service},
};

/// The time in which a seed that was shown has to be confirmed.
const SETUP_LIFETIME: Duration = Duration::from_hours(1);

/// An app was not set up.
#[derive(Debug, thiserror::Error)]
pub enum TotpError {
    /// An app makes the person's codes already; it has to be removed first.
    #[error("an app makes codes for this person already")]
    AlreadySet,
    /// No seed waits for its first code.
    #[error("no set-up has begun, or it began too long ago")]
    NotBegun,
    /// The first code was not taken.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// Proof is needed, or the database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for TotpError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Factors<'_> {
    /// Makes a seed, which counts once a code confirms it.
    pub async fn begin_totp(&self) -> Result<(), TotpError> {
        const SQL: &str = "INSERT INTO totp (user_id, seed, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (user_id) DO UPDATE SET seed = excluded.seed, created_at = excluded.created_at
             WHERE totp.confirmed_at IS NULL";
        let seed = Seed::new(&self.service.random);
        let sealed = self.service.sealer.seal(&seed.text(), &seed_context(self.user), self.service.random.bytes());
        // No entry tells of a seed that makes no code right yet.
        let mut tx = self.begin(Action::AppAdded).await?.tx;
        let stored = tx.query(SQL).bind(self.user).bind(sealed).bind(self.service.clock.now()).execute().await?;
        tx.commit().await?;
        if stored == 0 { Err(TotpError::AlreadySet) } else { Ok(()) }
    }

    /// The seed that waits for its first code. A confirmed one is never shown again.
    pub async fn new_totp(&self) -> Result<Seed, TotpError> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let waiting = conn.query(WAITING).bind(self.user).bind(self.service.clock.now() - SETUP_LIFETIME);
        let sealed: Vec<u8> = waiting.fetch_optional_value().await?.ok_or(TotpError::NotBegun)?;
        self.service.open_seed(self.user, &sealed).ok_or(TotpError::NotBegun)
    }

    /// Confirms the new seed by a code of it. Returns recovery codes, sealed, with the first
    /// factor of a person.
    pub async fn confirm_totp(&self, code: &str) -> Result<Option<String>, TotpError> {
        const CONFIRM: &str = "UPDATE totp SET confirmed_at = $2, last_step = $3 WHERE user_id = $1";
        let now = self.service.clock.now();
        let mut change = self.begin(Action::AppAdded).await?;
        let tx = &mut change.tx;
        tries::count(tx, self.user, tries::Kind::Code, now).await?.map_err(CodeError::TooMany)?;
        let waiting = tx.query(WAITING).bind(self.user).bind(now - SETUP_LIFETIME);
        let sealed: Vec<u8> = waiting.fetch_optional_value().await?.ok_or(TotpError::NotBegun)?;
        let seed = self.service.open_seed(self.user, &sealed).ok_or(TotpError::NotBegun)?;
        let Some(step) = seed.step(&without_spaces(code), now) else {
            // The try counts.
            change.tx.commit().await?;
            return Err(CodeError::Wrong.into());
        };
        tx.query(CONFIRM).bind(self.user).bind(now).bind(step).execute().await?;
        tries::forget(tx, self.user, tries::Kind::Code).await?;
        let codes = self.first_recovery_codes(tx).await?;
        change.commit(self.record()).await?;
        Ok(codes)
    }

    /// Removes the app. Returns false if there is none.
    pub async fn remove_totp(&self) -> Result<bool> {
        const SQL: &str = "DELETE FROM totp WHERE user_id = $1";
        let mut change = self.begin(Action::AppRemoved).await?;
        if change.tx.query(SQL).bind(self.user).execute().await? == 0 {
            return Ok(false);
        }
        self.end_removal(change, self.record()).await?;
        Ok(true)
    }
}

/// The seed of a person (`$1`) that waits for its first code since `$2` at the earliest.
pub(super) const WAITING: &str =
    "SELECT seed FROM totp WHERE user_id = $1 AND confirmed_at IS NULL AND created_at > $2";

impl Service {
    /// Opens a seed; one that cannot be opened makes no code right.
    fn open_seed(&self, user: UserId, sealed: &[u8]) -> Option<Seed> {
        let opened = self.sealer.open(sealed, &seed_context(user));
        let seed = opened.ok().and_then(|text| Seed::from_stored(&text));
        if seed.is_none() {
            tracing::error!(%user, "the seed of a person's codes cannot be opened");
        }
        seed
    }
}

/// The person and the purpose: a seed opens for no other person, and as nothing else.
pub(crate) fn seed_context(user: UserId) -> Vec<u8> {
    [user.uuid().as_bytes(), &b"totp"[..]].concat()
}

fn without_spaces(code: &str) -> String {
    code.chars().filter(|letter| !letter.is_whitespace()).collect()
}

#[derive(sqlx_macros::FromRow)]
struct Confirmed {
    seed: Vec<u8>,
    last_step: i64,
}

/// The seed of a person's app.
pub(super) const FIND: &str = "SELECT seed, last_step FROM totp WHERE user_id = $1 AND confirmed_at IS NOT NULL";
/// Notes the step of the last code.
pub(super) const USE: &str = "UPDATE totp SET last_step = $2 WHERE user_id = $1 AND last_step < $2";

/// Uses a code up: of its step, and of all earlier ones, no code counts again.
pub(super) async fn use_up(
    service: &Service,
    tx: &mut Tx<'_>,
    user: UserId,
    code: &str,
    now: Timestamp,
) -> db::Result<bool> {
    let Some(Confirmed { seed, last_step }) = tx.query(FIND).bind(user).fetch_optional().await? else {
        return Ok(false);
    };
    let step = service.open_seed(user, &seed).and_then(|seed| seed.step(code, now));
    let Some(step) = step.filter(|step| *step > last_step) else { return Ok(false) };
    Ok(tx.query(USE).bind(user).bind(step).execute().await? > 0)
}
