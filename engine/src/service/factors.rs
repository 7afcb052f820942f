//! The factors with which a person proves who they are, beside the password: codes of an app
//! (TOTP), passkeys, and recovery codes for the day on which those are lost.
//!
//! A person with a confirmed app or a passkey has a **second factor**: their password alone
//! begins no session ([`second_step`]). Recovery codes come with the first factor and go with
//! the last.

mod passkeys;
#[cfg(test)]
mod plans;
pub mod proof;
mod recovery_codes;
mod relying_party;
pub mod second_step;
mod seed;
#[cfg(test)]
mod tests;
mod totp;
mod tries;

use std::{net::IpAddr, sync::Arc};

use signet_model::{AccountId, Timestamp, UserId, sql::Lossy};

use super::{
    Result, Service,
    carried::Purpose,
    change::{Change, Record},
    sessions::Session,
};
use crate::{
    actor::{By, Proof},
    audit::Action,
    db::{self, Pool, Sql, Tx},
};

pub use passkeys::{AddPasskeyError, Ceremony, MAX_PASSKEYS, PasskeyEntry, PasskeyError};
pub use recovery_codes::RECOVERY_CODES;
pub use relying_party::{NoPasskeysHere, RelyingParty};
pub use seed::Seed;
pub use totp::TotpError;
pub(crate) use totp::seed_context;
pub use tries::{MOST_TRIES, WINDOW};

/// The factors of one person.
#[derive(Debug, Clone)]
pub struct Factors<'e> {
    service: &'e Arc<Service>,
    user: UserId,
    by: By,
    /// The account at hand, whose log tells of changes.
    account: Option<AccountId>,
    proved: Proof,
}

/// What a person has, as their page of security shows it.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The instant from which on an app makes their codes.
    pub totp_since: Option<Timestamp>,
    /// Their passkeys, oldest first.
    pub passkeys: Vec<PasskeyEntry>,
    /// The recovery codes that were not used.
    pub recovery_codes_left: i64,
}

impl Overview {
    /// True if the password alone begins no session.
    pub fn has_second_factor(&self) -> bool {
        self.totp_since.is_some() || !self.passkeys.is_empty()
    }
}

/// A code was not taken.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// The code is wrong, or was used before.
    #[error("the code is wrong, or was used before")]
    Wrong,
    /// There were too many wrong ones.
    #[error("too many wrong codes: try again after {0}")]
    TooMany(Timestamp),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] db::Error),
}

impl<'e> Factors<'e> {
    /// The factors of the session's person, who acts from this address; `None` for a session
    /// that is no person's.
    pub(crate) fn of(service: &'e Arc<Service>, session: &Session, address: Option<IpAddr>) -> Option<Self> {
        let (by, account) = (session.by(address), session.account_id());
        Some(Self { service, user: session.person()?, by, account, proved: Proof::At(session.proved_at) })
    }

    /// Lists the factors.
    pub async fn overview(&self) -> Result<Overview> {
        overview(self.service, self.user).await
    }

    /// Puts new recovery codes in the place of the old ones. Returns them sealed, for
    /// [`Factors::recovery_codes`].
    pub async fn renew_recovery_codes(&self) -> Result<String> {
        let mut change = self.begin(Action::RecoveryCodesRenewed).await?;
        let codes = self.new_recovery_codes(&mut change.tx).await?;
        change.commit(self.record()).await?;
        Ok(codes)
    }

    /// The new recovery codes that the browser has carried here, to be shown this once.
    pub fn recovery_codes(&self, carried: &str) -> Option<Vec<String>> {
        let text = self.service.carried(Purpose::RecoveryCodes(self.user), carried)?;
        Some(text.split(' ').map(ToOwned::to_owned).collect())
    }

    async fn new_recovery_codes(&self, tx: &mut Tx<'_>) -> db::Result<String> {
        let codes = recovery_codes::make(&self.service.random);
        recovery_codes::replace(tx, self.user, &codes, self.service.clock.now()).await?;
        Ok(self.service.carry(Purpose::RecoveryCodes(self.user), &codes.join(" ")))
    }

    /// New recovery codes for a person who has none, with their first factor.
    async fn first_recovery_codes(&self, tx: &mut Tx<'_>) -> db::Result<Option<String>> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM recovery_codes WHERE user_id = $1)";
        let has_some: bool = tx.query(SQL).bind(self.user).fetch_value().await?;
        if has_some { Ok(None) } else { self.new_recovery_codes(tx).await.map(Some) }
    }

    /// Begins a change of factors. The person is locked: factors are counted, and none that
    /// comes or goes meanwhile may be missed.
    async fn begin(&self, action: Action) -> Result<Change<'e>> {
        const LOCK: Sql = Sql {
            sqlite: "SELECT id FROM users WHERE id = $1",
            postgres: "SELECT id FROM users WHERE id = $1 FOR UPDATE",
        };
        let service: &'e Service = self.service;
        let mut change = service.change_of_self(&self.by, self.account, self.proved, action).await?;
        change.tx.query(LOCK).bind(self.user).fetch_optional_value::<UserId>().await?;
        Ok(change)
    }

    /// Ends a change that took a factor away: recovery codes go with the last one.
    async fn end_removal(&self, mut change: Change<'_>, record: Record) -> db::Result<()> {
        if !has_second_factor(&mut change.tx, self.user).await? {
            recovery_codes::remove(&mut change.tx, self.user).await?;
        }
        change.commit(record).await
    }

    /// The person, as the log names them.
    fn record(&self) -> Record {
        Record::of("person", self.user)
    }

    async fn email(&self) -> db::Result<String> {
        const SQL: &str = "SELECT email FROM users WHERE id = $1";
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let email: Option<Lossy> = conn.query(SQL).bind(self.user).fetch_optional_value().await?;
        Ok(email.map(|email| email.0).unwrap_or_default())
    }
}

/// Tells of a person (`$1`) if their password alone begins no session.
pub(super) const HAS_SECOND_FACTOR: &str = "SELECT EXISTS
     (SELECT 1 FROM totp WHERE user_id = $1 AND confirmed_at IS NOT NULL
      UNION ALL SELECT 1 FROM passkeys WHERE user_id = $1)";

/// The instant since which a person has an app.
const TOTP_SINCE: &str = "SELECT confirmed_at FROM totp WHERE user_id = $1 AND confirmed_at IS NOT NULL";
/// The number of recovery codes that a person has left.
const CODES_LEFT: &str = "SELECT count(*) FROM recovery_codes WHERE user_id = $1";

async fn overview(service: &Service, user: UserId) -> Result<Overview> {
    let mut conn = service.db.read(Pool::Pages).await?;
    let totp_since = conn.query(TOTP_SINCE).bind(user).fetch_optional_value().await?;
    let recovery_codes_left = conn.query(CODES_LEFT).bind(user).fetch_value().await?;
    let passkeys = conn.query(passkeys::OF_PERSON).bind(user).bind(MAX_PASSKEYS).fetch_all().await?;
    Ok(Overview { totp_since, passkeys, recovery_codes_left })
}

/// True for a person whose password alone begins no session.
pub(super) async fn has_second_factor(tx: &mut Tx<'_>, user: UserId) -> db::Result<bool> {
    tx.query(HAS_SECOND_FACTOR).bind(user).fetch_value().await
}

/// Takes a code of the person's app, or a recovery code. The count of tries is part of the
/// transaction, which must be committed where the code is wrong as well.
async fn take_code(service: &Service, tx: &mut Tx<'_>, user: UserId, code: &str) -> Result<(), CodeError> {
    let now = service.clock.now();
    tries::count(tx, user, tries::Kind::Code, now).await?.map_err(CodeError::TooMany)?;
    let digits: String = code.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect();
    let is_right = if digits.len() == 6 {
        totp::use_up(service, tx, user, &digits, now).await?
    } else {
        recovery_codes::use_up(tx, user, code).await?
    };
    if !is_right {
        return Err(CodeError::Wrong);
    }
    Ok(tries::forget(tx, user, tries::Kind::Code).await?)
}
