//! The people who sign in.

use std::sync::Arc;

use signet_model::{Timestamp, UserId, sql::Lossy, text::EmailText};

use super::{
    Result, Service, factors,
    password::{self, Weak},
};
use crate::db::{self, Pool, Tx};

/// The most characters that are taken as a password at sign-in: passwords of before may have
/// as many.
pub(super) const MAX_TYPED_LEN: usize = 1_000;
/// The most accounts to which one person belongs.
pub const MAX_ACCOUNTS: u32 = 100;

/// The people of all accounts.
#[derive(Debug, Clone, Copy)]
pub struct Users<'e>(pub(crate) &'e Arc<Service>);

impl Users<'_> {
    /// True once there is any user.
    pub async fn exist(self) -> Result<bool> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM users)";
        Ok(self.0.db.read(Pool::Pages).await?.query(SQL).fetch_value().await?)
    }
}

/// The person with this address.
pub(super) async fn find(tx: &mut Tx<'_>, email: &str) -> db::Result<Option<UserId>> {
    tx.query("SELECT id FROM users WHERE email = $1").bind(email).fetch_optional_value().await
}

/// Stores a new person. Returns false if another one has the address.
pub(super) async fn insert(
    tx: &mut Tx<'_>,
    id: UserId,
    email: &str,
    password_hash: &str,
    now: Timestamp,
) -> db::Result<bool> {
    const SQL: &str = "INSERT INTO users (id, email, password_hash, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (email) DO NOTHING";
    let insert = tx.query(SQL).bind(id).bind(email).bind(password_hash).bind(now);
    Ok(insert.execute().await? == 1)
}

/// Stores another password.
pub(super) async fn set_password(tx: &mut Tx<'_>, id: UserId, password_hash: &str) -> db::Result<()> {
    const SQL: &str = "UPDATE users SET password_hash = $2 WHERE id = $1";
    tx.query(SQL).bind(id).bind(password_hash).execute().await.map(drop)
}

/// Stores another address. Returns false if another person has it.
pub(super) async fn set_email(tx: &mut Tx<'_>, id: UserId, email: &str) -> db::Result<bool> {
    const SQL: &str = "UPDATE users SET email = $2
         WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM users WHERE email = $2 AND id <> $1)";
    Ok(tx.query(SQL).bind(id).bind(email).execute().await? == 1)
}

/// Returns true if this is the password of a person.
pub(super) async fn has_password(service: &Service, id: UserId, password: &str) -> Result<bool> {
    const SQL: &str = "SELECT password_hash FROM users WHERE id = $1";
    if password.chars().count() > MAX_TYPED_LEN {
        return Ok(false);
    }
    let mut conn = service.db.read(Pool::Pages).await?;
    let stored: Option<Lossy> = conn.query(SQL).bind(id).fetch_optional_value().await?;
    drop(conn);
    Ok(service.passwords.verify(password, stored.map(|it| it.0)).await)
}

/// Checks a new password of a person by the rules, with the names that belong to them.
pub(super) async fn check_password(
    service: &Service,
    id: UserId,
    email: &str,
    password: &str,
) -> Result<Result<(), Weak>> {
    const NAMES: &str = "SELECT accounts.name FROM memberships JOIN accounts ON accounts.id = memberships.account_id
         WHERE memberships.user_id = $1 LIMIT $2";
    let mut tx = service.db.snapshot(Pool::Pages).await?;
    let has_second_factor = factors::has_second_factor(&mut tx, id).await?;
    let names: Vec<Lossy> = tx.query(NAMES).bind(id).bind(i64::from(MAX_ACCOUNTS)).fetch_values().await?;
    let words: Vec<&str> = names.iter().map(|name| name.0.as_str()).chain([email]).collect();
    Ok(password::check(password, &words, has_second_factor))
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

#[cfg(test)]
mod tests;
