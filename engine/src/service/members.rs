//! The people of an account: their roles, and their going.

use std::sync::Arc;

use serde_json::json;
use signet_model::{AccountId, Role, Timestamp, UserId, sql::Lossy};

use super::{AccountHandle, Error, Result, Service, change::Record, resets};
use crate::{
    actor::{Actor, Rights, Who},
    audit::Action,
    db::{self, Pool, Tx},
};

/// A person of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub id: UserId,
    /// Their e-mail address.
    pub email: String,
    /// Their role. One that cannot be read counts as the least.
    pub role: Role,
    /// The instant since which they belong to the account.
    pub joined_at: Timestamp,
    /// The instant at which they were last in the account, to the minute.
    pub seen_at: Option<Timestamp>,
    /// They belong to no other account, and do not operate the server.
    pub only_here: bool,
}

/// A person's membership was not changed.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// The account has no such person.
    #[error("there is no such person in the account")]
    NotFound,
    /// An account without an owner could be managed by nobody.
    #[error("an account keeps one owner")]
    LastOwner,
    /// Only an owner makes, changes and removes owners.
    #[error("only an owner may do that to an owner")]
    OwnersOnly,
    /// The person belongs to another account too, or operates the server.
    #[error("the person belongs to another account too")]
    Elsewhere,
    /// The actor may not do that, or the database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for MemberError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

impl<'e> AccountHandle<'e> {
    /// The people of the account.
    pub const fn members(self) -> Members<'e> {
        Members { service: self.service, actor: self.actor, account: self.id }
    }
}

/// The people of one account.
#[derive(Debug, Clone, Copy)]
pub struct Members<'e> {
    pub(super) service: &'e Arc<Service>,
    pub(super) actor: &'e Actor,
    pub(super) account: AccountId,
}

/// The people of an account (`$1`), at most `$2`.
pub(super) const LIST: &str = "SELECT u.id, u.email, m.role, m.created_at AS joined_at, m.seen_at,
       NOT EXISTS (SELECT 1 FROM memberships other WHERE other.user_id = m.user_id AND other.account_id <> m.account_id)
       AND NOT EXISTS (SELECT 1 FROM operators WHERE operators.user_id = m.user_id) AS only_here
     FROM memberships m JOIN users u ON u.id = m.user_id
     WHERE m.account_id = $1 ORDER BY m.created_at, m.user_id LIMIT $2";

/// The number of people of an account (`$1`), counted to a limit (`$2`).
const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM memberships WHERE account_id = $1 LIMIT $2) AS people";

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: UserId,
    email: Lossy,
    role: Lossy,
    joined_at: Timestamp,
    seen_at: Option<Timestamp>,
    only_here: bool,
}

impl From<Row> for Member {
    fn from(row: Row) -> Self {
        let Row { id, email, role, joined_at, seen_at, only_here } = row;
        let role = role.0.parse().unwrap_or(Role::Viewer);
        Self { id, email: email.0, role, joined_at, seen_at, only_here }
    }
}

impl Members<'_> {
    /// Lists the people, in the order in which they came.
    pub async fn list(self) -> Result<Vec<Member>> {
        let most = self.service.settings.max_people_per_account;
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn.query(LIST).bind(self.account).bind(i64::from(most)).fetch_all().await?;
        Ok(rows.into_iter().map(Member::from).collect())
    }

    /// Gives a person another role, and ends their sessions in the account.
    ///
    /// # Errors
    /// The person is the last owner, or an owner that the actor may not change.
    pub async fn set_role(self, person: UserId, role: Role) -> Result<(), MemberError> {
        const SQL: &str = "UPDATE memberships SET role = $3 WHERE account_id = $1 AND user_id = $2";
        let mut change = self.service.change_locked(self.actor, Action::MemberRoleChanged).await?;
        let before = self.role_of(&mut change.tx, person).await?;
        if before == role {
            return Ok(());
        }
        self.check_owners(&mut change.tx, before, Some(role)).await?;
        change.tx.query(SQL).bind(self.account).bind(person).bind(role).execute().await?;
        self.end_sessions(&mut change.tx, person).await?;
        let record = Record::of("person", person);
        let record = record.between(json!({ "role": before.as_str() }), json!({ "role": role.as_str() }));
        Ok(change.commit(record).await?)
    }

    /// Removes a person from the account, and ends their sessions there.
    ///
    /// # Errors
    /// The person is the last owner, or an owner that the actor may not remove.
    pub async fn remove(self, person: UserId) -> Result<(), MemberError> {
        self.end(person, Action::MemberRemoved).await
    }

    /// Has the actor leave the account.
    ///
    /// # Errors
    /// The actor is the last owner, or no person.
    pub async fn leave(self) -> Result<(), MemberError> {
        match self.actor.by.who {
            Who::Person { id, .. } => self.end(id, Action::MemberLeft).await,
            _ => Err(MemberError::NotFound),
        }
    }

    async fn end(self, person: UserId, action: Action) -> Result<(), MemberError> {
        const SQL: &str = "DELETE FROM memberships WHERE account_id = $1 AND user_id = $2";
        let mut change = self.service.change_locked(self.actor, action).await?;
        let role = self.role_of(&mut change.tx, person).await?;
        self.check_owners(&mut change.tx, role, None).await?;
        change.tx.query(SQL).bind(self.account).bind(person).execute().await?;
        self.end_sessions(&mut change.tx, person).await?;
        Ok(change.commit(Record::of("person", person).before(json!({ "role": role.as_str() }))).await?)
    }

    /// Makes a one-time link with which a person of this account alone sets another password.
    ///
    /// # Errors
    /// The person belongs to another account too, whose owners did not agree; or is an owner
    /// that the actor may not change.
    pub async fn make_reset_link(self, person: UserId) -> Result<String, MemberError> {
        let mut change = self.service.change_locked(self.actor, Action::ResetLinkMade).await?;
        let role = self.role_of(&mut change.tx, person).await?;
        if role == Role::Owner && !self.may_change_owners() {
            return Err(MemberError::OwnersOnly);
        }
        if !only_here(&mut change.tx, self.account, person).await? {
            return Err(MemberError::Elsewhere);
        }
        let token = resets::insert(self.service, &mut change.tx, person).await?;
        change.commit(Record::of("person", person)).await?;
        Ok(token)
    }

    async fn role_of(self, tx: &mut Tx<'_>, person: UserId) -> Result<Role, MemberError> {
        const SQL: &str = "SELECT role FROM memberships WHERE account_id = $1 AND user_id = $2";
        let role: Option<Lossy> = tx.query(SQL).bind(self.account).bind(person).fetch_optional_value().await?;
        Ok(role.ok_or(MemberError::NotFound)?.0.parse().unwrap_or(Role::Viewer))
    }

    /// Checks a change of a person's role, under the account's lock.
    async fn check_owners(self, tx: &mut Tx<'_>, before: Role, after: Option<Role>) -> Result<(), MemberError> {
        let concerns_owners = before == Role::Owner || after == Some(Role::Owner);
        if !concerns_owners {
            return Ok(());
        }
        if !self.may_change_owners() {
            return Err(MemberError::OwnersOnly);
        }
        let is_last = before == Role::Owner && !has_two_owners(tx, self.account).await?;
        if is_last { Err(MemberError::LastOwner) } else { Ok(()) }
    }

    /// Returns true for an owner and for the operator.
    pub(super) fn may_change_owners(self) -> bool {
        match self.actor.rights {
            Rights::Role(role) => role == Role::Owner,
            Rights::Scopes(_) => false,
            Rights::OperatorScopes(_) | Rights::Operator => true,
        }
    }

    async fn end_sessions(self, tx: &mut Tx<'_>, person: UserId) -> db::Result<()> {
        const SQL: &str = "DELETE FROM sessions WHERE account_id = $1 AND user_id = $2";
        tx.query(SQL).bind(self.account).bind(person).execute().await.map(drop)
    }
}

async fn only_here(tx: &mut Tx<'_>, account: AccountId, person: UserId) -> db::Result<bool> {
    const SQL: &str = "SELECT NOT EXISTS (SELECT 1 FROM memberships WHERE user_id = $2 AND account_id <> $1)
           AND NOT EXISTS (SELECT 1 FROM operators WHERE user_id = $2)";
    tx.query(SQL).bind(account).bind(person).fetch_value().await
}

/// The number of people of an account, counted to one more than a limit.
pub(super) async fn count(tx: &mut Tx<'_>, account: AccountId, most: u32) -> db::Result<u32> {
    let count: i64 = tx.query(COUNT).bind(account).bind(i64::from(most) + 1).fetch_value().await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Makes a person belong to an account. The account is locked.
pub(super) async fn insert(
    tx: &mut Tx<'_>,
    account: AccountId,
    person: UserId,
    role: Role,
    now: Timestamp,
) -> db::Result<()> {
    const SQL: &str = "INSERT INTO memberships (account_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)";
    tx.query(SQL).bind(account).bind(person).bind(role).bind(now).execute().await.map(drop)
}

/// Returns true if an account has more than one owner.
pub(super) async fn has_two_owners(tx: &mut Tx<'_>, account: AccountId) -> db::Result<bool> {
    const OWNERS: &str = "SELECT count(*) FROM
         (SELECT 1 FROM memberships WHERE account_id = $1 AND role = 'owner' LIMIT 2) AS owners";
    let owners: i64 = tx.query(OWNERS).bind(account).fetch_value().await?;
    Ok(owners == 2)
}

#[cfg(test)]
mod tests;
