//! Invitations: one-time links with which people come into an account.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use signet_model::{AccountId, InvitationId, Role, Timestamp, UserId, sql::Lossy};

use super::{
    AccountHandle, Error, Result, Service,
    change::Record,
    members::{self, Members},
    operators,
    password::Weak,
    sessions::{self, Browser, Seat, Session, SessionToken},
    token, users,
};
use crate::{
    actor::{By, Permission, Who},
    audit::Action,
    db::{self, Pool, Tx},
    queue::Lock,
};

/// The lifetime of an invitation.
pub const INVITATION_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// The lifetime of the operator's link for an account's owner.
pub const SETUP_LINK_LIFETIME: Duration = Duration::from_hours(24);

/// An invitation that nobody has accepted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id, which tells nothing about the token.
    pub id: InvitationId,
    /// The address that was invited; `None` for a link of the operator.
    pub email: Option<String>,
    /// The role that it gives.
    pub role: Role,
    /// The instant from which on it cannot be accepted any more.
    pub expires_at: Timestamp,
}

/// The invitation to which a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The name of the account.
    pub account_name: String,
    /// The role that it gives.
    pub role: Role,
    /// The address that was invited.
    pub email: Option<String>,
}

/// Nobody was invited. The texts stand beside the fields.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// No e-mail address.
    #[error("Enter an e-mail address, such as you@example.com.")]
    Email,
    /// The account has a person with this address.
    #[error("This person belongs to the account already.")]
    MemberAlready,
    /// Only an owner invites an owner.
    #[error("Only an owner can invite another owner. Choose a different role.")]
    OwnersOnly,
    /// The account has as many people and open invitations as it may.
    #[error("This account has {0} people and open invitations, and may not have more. Remove one that is not needed.")]
    TooMany(u32),
    /// The actor may not invite, or the database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// An invitation was not accepted. The texts stand beside the fields.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The link was used, has expired or never was.
    #[error("This link is no longer valid.")]
    LinkInvalid,
    /// No e-mail address.
    #[error("Enter an e-mail address, such as you@example.com.")]
    Email,
    /// Another person signs in with this address.
    #[error("This e-mail address cannot be used for a new sign-in. If it is yours, sign in to accept the invitation.")]
    EmailTaken,
    /// The password can be guessed.
    #[error(transparent)]
    Password(#[from] Weak),
    /// The person belongs to the account.
    #[error("You belong to this account already.")]
    MemberAlready,
    /// The person belongs to as many accounts as a person may.
    #[error("You belong to {0} accounts, and cannot belong to more. Leave one that you no longer need.")]
    TooManyAccounts(u32),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for InviteError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<db::Error> for AcceptError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The open invitations of an account (`$1`) at an instant (`$2`), at most `$3`.
pub(super) const LIST: &str = "SELECT id, email, role, expires_at FROM invitations
     WHERE account_id = $1 AND expires_at > $2 ORDER BY created_at, id LIMIT $3";

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: InvitationId,
    email: Option<Lossy>,
    role: Lossy,
    expires_at: Timestamp,
}

impl Members<'_> {
    /// Lists the invitations that can be accepted.
    pub async fn invitations(self) -> Result<Vec<Invitation>> {
        self.actor.check(Permission::ManagePeople)?;
        let most = i64::from(self.service.settings.max_people_per_account);
        let now = self.service.clock.now();
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn.query(LIST).bind(self.account).bind(now).bind(most).fetch_all().await?;
        let invitation = |Row { id, email, role, expires_at }| {
            let role = role.0.parse().unwrap_or(Role::Viewer);
            Invitation { id, email: email.map(|it| it.0), role, expires_at }
        };
        Ok(rows.into_iter().map(invitation).collect())
    }

    /// Invites whoever has this address, and returns the token of the link. An invitation of
    /// the same address is replaced. Whether somebody signs in with the address makes no
    /// difference.
    pub async fn invite(self, email: &str, role: Role) -> Result<String, InviteError> {
        let email = users::parse_email(email).ok_or(InviteError::Email)?;
        let mut change = self.service.change_locked(self.actor, Action::MemberInvited).await?;
        if role == Role::Owner && !self.may_change_owners() {
            return Err(InviteError::OwnersOnly);
        }
        if self.has_member(&mut change.tx, &email).await? {
            return Err(InviteError::MemberAlready);
        }
        self.make_room(&mut change.tx, &email).await?;
        let new = New { account: self.account, role, email: Some(&email), lifetime: INVITATION_LIFETIME };
        let (id, token) = insert(self.service, &mut change.tx, new).await?;
        let record = Record::of("invitation", id);
        change.commit(record.after(json!({ "email": email, "role": role.as_str() }))).await?;
        Ok(token)
    }

    /// Takes an invitation back.
    pub async fn withdraw(self, invitation: InvitationId) -> Result<()> {
        const SQL: &str = "DELETE FROM invitations WHERE account_id = $1 AND id = $2";
        let mut change = self.service.change(self.actor, Action::InvitationWithdrawn).await?;
        if change.tx.query(SQL).bind(self.account).bind(invitation).execute().await? == 0 {
            return Err(Error::InvitationNotFound);
        }
        Ok(change.commit(Record::of("invitation", invitation)).await?)
    }

    async fn has_member(self, tx: &mut Tx<'_>, email: &str) -> db::Result<bool> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM users JOIN memberships ON memberships.user_id = users.id
             WHERE users.email = $2 AND memberships.account_id = $1)";
        tx.query(SQL).bind(self.account).bind(email).fetch_value().await
    }

    /// Removes what an invitation of this address replaces, and what is over, and checks that
    /// there is room for one more.
    async fn make_room(self, tx: &mut Tx<'_>, email: &str) -> Result<(), InviteError> {
        const REMOVE: &str = "DELETE FROM invitations WHERE account_id = $1 AND (email = $2 OR expires_at <= $3)";
        const COUNT: &str =
            "SELECT count(*) FROM (SELECT 1 FROM invitations WHERE account_id = $1 LIMIT $2) AS invitations";
        let most = self.service.settings.max_people_per_account;
        tx.query(REMOVE).bind(self.account).bind(email).bind(self.service.clock.now()).execute().await?;
        let open: i64 = tx.query(COUNT).bind(self.account).bind(i64::from(most)).fetch_value().await?;
        let people = members::count(tx, self.account, most).await?;
        if i64::from(people) + open < i64::from(most) { Ok(()) } else { Err(InviteError::TooMany(most)) }
    }
}

impl AccountHandle<'_> {
    /// Makes a one-time token with which an owner of the account signs up; it
    /// holds for 24 hours and replaces the account's earlier ones.
    pub async fn create_setup_link(self) -> Result<String> {
        const REMOVE: &str = "DELETE FROM invitations WHERE account_id = $1 AND email IS NULL";
        self.actor.check(Permission::Operate)?;
        let mut change = self.service.change_locked(self.actor, Action::MemberInvited).await?;
        change.tx.query(REMOVE).bind(self.id).execute().await?;
        let new = New { account: self.id, role: Role::Owner, email: None, lifetime: SETUP_LINK_LIFETIME };
        let (id, token) = insert(self.service, &mut change.tx, new).await?;
        let record = Record::of("invitation", id).after(json!({ "role": Role::Owner.as_str() }));
        change.commit(record).await?;
        Ok(token)
    }

    /// Returns true if the account has an owner. Other people can come before one, by the claim
    /// of an OpenID provider.
    pub async fn has_owner(self) -> Result<bool> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM memberships WHERE account_id = $1 AND role = 'owner')";
        Ok(self.service.db.read(Pool::Pages).await?.query(SQL).bind(self.id).fetch_value().await?)
    }
}

struct New<'n> {
    account: AccountId,
    role: Role,
    email: Option<&'n str>,
    lifetime: Duration,
}

async fn insert(service: &Service, tx: &mut Tx<'_>, new: New<'_>) -> db::Result<(InvitationId, String)> {
    const SQL: &str = "INSERT INTO invitations (token_hash, id, account_id, role, email, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let now = service.clock.now();
    let (id, token) = (InvitationId::new(now, service.random.bytes()), token::new_token(&service.random));
    let insert = tx.query(SQL).bind(&token::hash(&token)[..]).bind(id).bind(new.account).bind(new.role);
    insert.bind(new.email).bind(now).bind(now + new.lifetime).execute().await?;
    Ok((id, token))
}

/// The invitations into all accounts, for those who have a link.
#[derive(Debug, Clone, Copy)]
pub struct Invitations<'e>(pub(crate) &'e Arc<Service>);

impl<'e> Invitations<'e> {
    /// The invitation to which a token leads, while it is valid.
    pub async fn find(self, token: &str) -> Result<Option<Invited>> {
        const SQL: &str = "SELECT accounts.name, invitations.role, invitations.email
             FROM invitations JOIN accounts ON accounts.id = invitations.account_id
             WHERE invitations.token_hash = $1 AND invitations.expires_at > $2";
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let query = conn.query(SQL).bind(&token::hash(token)[..]).bind(self.0.clock.now());
        let found: Option<(Lossy, Lossy, Option<Lossy>)> = query.fetch_optional().await?;
        Ok(found.and_then(|(name, role, email)| {
            Some(Invited { account_name: name.0, role: role.0.parse().ok()?, email: email.map(|it| it.0) })
        }))
    }

    /// Uses up a token: makes a new person, who belongs to the account from now on, and signs
    /// them in. An invitation for an address is accepted with that address alone.
    pub async fn accept_as_new(
        self,
        token: &str,
        email: &str,
        password: &str,
        browser: &Browser,
    ) -> Result<SessionToken, AcceptError> {
        // Saves the hash; the transaction decides.
        let invited = self.find(token).await?.ok_or(AcceptError::LinkInvalid)?;
        let email = invited.email.as_deref().unwrap_or(email);
        let email = users::parse_email(email).ok_or(AcceptError::Email)?;
        super::password::check(password, &[&email, &invited.account_name], false)?;
        let password_hash = self.0.passwords.hash(password, self.0.random.bytes()).await;
        let user = UserId::new(self.0.clock.now(), self.0.random.bytes());
        let by = By { who: Who::Person { id: user, email: email.clone() }, address: browser.address() };
        let mut joining = self.begin(token, by).await?;
        if !users::insert(&mut joining.change.tx, user, &email, &password_hash, self.0.clock.now()).await? {
            return Err(AcceptError::EmailTaken);
        }
        let account = joining.account;
        let mut tx = joining.join(self.0, user).await?;
        operators::come_with_invitation(&mut tx, token, (user, &email), browser, self.0.clock.now()).await?;
        let seat = Seat::Person { user, account: Some(account) };
        let session = sessions::begin(self.0, &mut tx, seat, browser).await?;
        tx.commit().await?;
        Ok(session)
    }

    /// Uses up a token: the person who is signed in belongs to the account from now on, and is
    /// in it.
    pub async fn accept(self, token: &str, session: &Session, browser: &Browser) -> Result<SessionToken, AcceptError> {
        let (Some(user), Some(email)) = (session.person(), session.email()) else {
            return Err(AcceptError::LinkInvalid);
        };
        let by = By { who: Who::Person { id: user, email: email.to_owned() }, address: browser.address() };
        let mut joining = self.begin(token, by).await?;
        joining.check(user).await?;
        let account = joining.account;
        let mut tx = joining.join(self.0, user).await?;
        let seat = Seat::Person { user, account: Some(account) };
        let session = sessions::go_on(self.0, &mut tx, session, seat, browser).await?;
        tx.commit().await?;
        Ok(session)
    }

    /// Uses up a token and locks its account.
    async fn begin(self, token: &str, by: By) -> Result<Joining<'e>, AcceptError> {
        const SQL: &str =
            "DELETE FROM invitations WHERE token_hash = $1 AND expires_at > $2 RETURNING account_id, role";
        let mut change = self.0.change_by_right(None, by, Action::MemberJoined).await?;
        let query = change.tx.query(SQL).bind(&token::hash(token)[..]).bind(self.0.clock.now());
        let used: Option<(AccountId, Lossy)> = query.fetch_optional().await?;
        let (account, role) = used.ok_or(AcceptError::LinkInvalid)?;
        let role = role.0.parse().map_err(|_| AcceptError::LinkInvalid)?;
        change.tx.lock_accounts(&[account], Lock::Exclusive).await?;
        Ok(Joining { change: change.in_account(account), account, role })
    }
}

/// An invitation that is being accepted.
struct Joining<'e> {
    change: super::change::Change<'e>,
    account: AccountId,
    role: Role,
}

impl Joining<'_> {
    /// Checks that somebody who has a sign-in can join.
    async fn check(&mut self, user: UserId) -> Result<(), AcceptError> {
        const SQL: &str = "SELECT account_id FROM memberships WHERE user_id = $1 LIMIT $2";
        let limit = users::MAX_ACCOUNTS;
        let accounts: Vec<AccountId> =
            self.change.tx.query(SQL).bind(user).bind(i64::from(limit)).fetch_values().await?;
        if accounts.contains(&self.account) {
            return Err(AcceptError::MemberAlready);
        }
        if accounts.len() >= limit as usize { Err(AcceptError::TooManyAccounts(limit)) } else { Ok(()) }
    }

    /// Makes the person belong to the account; the caller commits.
    async fn join(mut self, service: &Service, user: UserId) -> db::Result<Tx<'static>> {
        members::insert(&mut self.change.tx, self.account, user, self.role, service.clock.now()).await?;
        self.change.write(Record::of("person", user).after(json!({ "role": self.role.as_str() }))).await
    }
}

#[cfg(test)]
mod tests;
