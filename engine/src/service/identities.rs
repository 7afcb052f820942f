//! People who sign in at an OpenID provider: who they are here, and the accounts that the
//! provider's claim gives them and takes again.

use serde_json::json;
use signet_model::{AccountId, Role, Timestamp, UserId, sql::Lossy};

use super::{
    Result, Sessions,
    carried::Purpose,
    factors::second_step::{self, SignedIn},
    members::has_two_owners,
    password::NO_PASSWORD,
    sessions::{Browser, Session},
    users::parse_email,
};
use crate::{
    actor::{By, Who},
    audit::{self, Action, Draft, Target},
    db::{self, Sql, Tx},
    oidc::{Begun, Grant, Identity},
    queue::Lock,
};

/// A person whom a provider vouches for was not signed in.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The person is new here, and their e-mail address is not known to be theirs.
    #[error("the provider has not verified an e-mail address of this person")]
    EmailUnverified,
    /// The person belongs to no account here, and the provider gives them none.
    #[error("the person belongs to no account")]
    NoAccount,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] db::Error),
}

impl Sessions<'_> {
    /// Seals a sign-in that goes on at a provider, for the browser to carry.
    pub fn carry_begun(self, begun: &Begun) -> String {
        // Texts always have a JSON form.
        self.0.carry(Purpose::OidcSignIn, &serde_json::to_string(begun).unwrap_or_default())
    }

    /// The sign-in that the browser has carried back.
    pub fn carried_begun(self, carried: &str) -> Option<Begun> {
        serde_json::from_str(&self.0.carried(Purpose::OidcSignIn, carried)?).ok()
    }

    /// Seals a form that was refused for want of a proof, for the browser of its person to
    /// carry while they prove at a provider. `None` for whoever is no person.
    pub fn carry_form(self, session: &Session, form: &str) -> Option<String> {
        Some(self.0.carry(Purpose::KeptForm(session.person()?), form))
    }

    /// The form that the browser of the same person has carried back.
    pub fn carried_form(self, session: &Session, carried: &str) -> Option<String> {
        self.0.carried(Purpose::KeptForm(session.person()?), carried)
    }

    /// Seals a form that came after its session had ended, for the browser of its sender.
    pub fn carry_typed(self, form: &str) -> String {
        self.0.carry(Purpose::TypedForm, form)
    }

    /// The form that the browser has carried back.
    pub fn carried_typed(self, carried: &str) -> Option<String> {
        self.0.carried(Purpose::TypedForm, carried)
    }

    /// Signs a person in whom a provider vouches for, with these accounts from now on. A person
    /// with a second factor here is asked for it.
    pub async fn sign_in_with_identity(
        self,
        identity: &Identity,
        grants: &[Grant],
        browser: &Browser,
    ) -> Result<SignedIn, IdentityError> {
        let now = self.0.clock.now();
        let mut tx = self.0.db.begin().await?;
        let grants = existing_accounts(&mut tx, grants).await?;
        let user = match find(&mut tx, identity, now).await? {
            Some(user) => user,
            None => self.link(&mut tx, identity, grants.is_empty(), now).await?,
        };
        lock_owned(&mut tx, user, &identity.issuer, &grants).await?;
        let person = lock(&mut tx, user).await?;
        follow(&mut tx, &person, &identity.issuer, &grants, now).await?;
        if !has_account(&mut tx, user).await? {
            // The accounts that the claim took stay taken.
            tx.commit().await?;
            return Err(IdentityError::NoAccount);
        }
        let signed_in = second_step::begin(self.0, &mut tx, user, browser).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Links an identity that was not seen before to the person with its address, or to a new
    /// one. An address that the provider has not verified could be anybody's.
    async fn link(
        self,
        tx: &mut Tx<'_>,
        identity: &Identity,
        is_without_account: bool,
        now: Timestamp,
    ) -> Result<UserId, IdentityError> {
        const FIND: &str = "SELECT id FROM users WHERE email = $1";
        const PERSON: &str = "INSERT INTO users (id, email, password_hash, created_at) VALUES ($1, $2, $3, $4)";
        const IDENTITY: &str = "INSERT INTO oidc_identities (issuer, subject, user_id, created_at, last_used_at)
             VALUES ($1, $2, $3, $4, $4)";
        let email = identity.verified_email.as_deref().and_then(parse_email).ok_or(IdentityError::EmailUnverified)?;
        let known: Option<UserId> = tx.query(FIND).bind(&email).fetch_optional_value().await?;
        let user = match known {
            Some(user) => user,
            None if is_without_account => return Err(IdentityError::NoAccount),
            None => {
                let user = UserId::new(now, self.0.random.bytes());
                tx.query(PERSON).bind(user).bind(&email).bind(NO_PASSWORD).bind(now).execute().await?;
                user
            }
        };
        let insert = tx.query(IDENTITY).bind(&identity.issuer).bind(&identity.subject).bind(user).bind(now);
        insert.execute().await?;
        Ok(user)
    }
}

/// The person whom this identity was linked to.
async fn find(tx: &mut Tx<'_>, identity: &Identity, now: Timestamp) -> db::Result<Option<UserId>> {
    const SQL: &str =
        "UPDATE oidc_identities SET last_used_at = $3 WHERE issuer = $1 AND subject = $2 RETURNING user_id";
    tx.query(SQL).bind(&identity.issuer).bind(&identity.subject).bind(now).fetch_optional_value().await
}

/// The accounts that exist, by id or name, in the order of their ids: two sign-ins that change
/// the same ones wait for each other.
async fn existing_accounts(tx: &mut Tx<'_>, grants: &[Grant]) -> db::Result<Vec<(AccountId, Role)>> {
    const BY_NAME: &str = "SELECT id FROM accounts WHERE name = $1";
    const BY_ID: &str = "SELECT id FROM accounts WHERE id = $1";
    let mut found: Vec<(AccountId, Role)> = Vec::new();
    for Grant { account, role } in grants {
        let id = match account.parse::<AccountId>() {
            Ok(id) => tx.query(BY_ID).bind(id).fetch_optional_value().await?,
            Err(_) => tx.query(BY_NAME).bind(account).fetch_optional_value().await?,
        };
        match id {
            Some(id) if found.iter().all(|(known, _)| *known != id) => found.push((id, *role)),
            Some(_) => {}
            None => tracing::warn!(%account, "a provider's claim gives an account that does not exist"),
        }
    }
    found.sort_unstable_by_key(|(id, _)| *id);
    Ok(found)
}

/// Locks the accounts that the person owns by this provider's claim and is about to lose: of
/// two owners who lose one at once, one stays.
async fn lock_owned(tx: &mut Tx<'_>, user: UserId, issuer: &str, grants: &[(AccountId, Role)]) -> db::Result<()> {
    const OWNED: &str = "SELECT given.account_id FROM oidc_memberships given
         JOIN memberships m ON m.account_id = given.account_id AND m.user_id = given.user_id
         WHERE given.user_id = $1 AND given.issuer = $2 AND m.role = 'owner' ORDER BY given.account_id";
    let mut owned: Vec<AccountId> = tx.query(OWNED).bind(user).bind(issuer).fetch_values().await?;
    owned.retain(|account| !grants.contains(&(*account, Role::Owner)));
    tx.lock_accounts(&owned, Lock::Exclusive).await.map(drop)
}

/// Gives the person these accounts, and takes those that this provider gave before. A
/// membership that somebody here gave stays as it is, and so does that of an account's last
/// owner, until there is another.
async fn follow(
    tx: &mut Tx<'_>,
    person: &Person,
    issuer: &str,
    grants: &[(AccountId, Role)],
    now: Timestamp,
) -> db::Result<()> {
    const GIVEN: &str =
        "SELECT account_id FROM oidc_memberships WHERE user_id = $1 AND issuer = $2 ORDER BY account_id";
    let given: Vec<AccountId> = tx.query(GIVEN).bind(person.id).bind(issuer).fetch_values().await?;
    for account in given.iter().filter(|account| grants.iter().all(|(id, _)| id != *account)) {
        if stays_owner(tx, person.id, *account).await? {
            continue;
        }
        let before = take(tx, person.id, *account).await?;
        log(tx, person, *account, (before, None), now).await?;
    }
    for (account, role) in grants {
        let before = role_in(tx, person.id, *account).await?;
        let is_given = given.contains(account);
        if is_given && *role != Role::Owner && stays_owner(tx, person.id, *account).await? {
            continue;
        }
        let changed = if is_given {
            change_role(tx, person.id, *account, *role).await?
        } else {
            give(tx, person.id, issuer, (*account, *role), now).await?
        };
        if changed {
            log(tx, person, *account, (before, Some(*role)), now).await?;
        }
    }
    Ok(())
}

/// Returns true for the last owner of an account, which could be managed by nobody without.
async fn stays_owner(tx: &mut Tx<'_>, user: UserId, account: AccountId) -> db::Result<bool> {
    let is_last = role_in(tx, user, account).await? == Some(Role::Owner) && !has_two_owners(tx, account).await?;
    if is_last {
        tracing::warn!(%account, person = %user, "a provider's claim would take the last owner of an account, who stays");
    }
    Ok(is_last)
}

/// Tells the log of the account of a membership that a claim gave, changed or took.
async fn log(
    tx: &mut Tx<'_>,
    person: &Person,
    account: AccountId,
    (before, after): (Option<Role>, Option<Role>),
    now: Timestamp,
) -> db::Result<()> {
    let role = |role: Option<Role>| role.map(|role| json!({ "role": role.as_str() }));
    let by = By { who: Who::Person { id: person.id, email: person.email.0.clone() }, address: None };
    let target = Some(Target::new("person", person.id));
    let (before, after) = (role(before), role(after));
    let draft = Draft { account: Some(account), by, action: Action::ClaimFollowed, target, before, after };
    audit::append(tx, &draft, now).await
}

/// The person who signs in, locked: other sign-ins of theirs wait.
#[derive(sqlx_macros::FromRow)]
struct Person {
    id: UserId,
    email: Lossy,
}

async fn role_in(tx: &mut Tx<'_>, user: UserId, account: AccountId) -> db::Result<Option<Role>> {
    const SQL: &str = "SELECT role FROM memberships WHERE account_id = $1 AND user_id = $2";
    let role: Option<Lossy> = tx.query(SQL).bind(account).bind(user).fetch_optional_value().await?;
    Ok(role.and_then(|role| role.0.parse().ok()))
}

async fn lock(tx: &mut Tx<'_>, user: UserId) -> db::Result<Person> {
    const SQL: Sql = Sql {
        sqlite: "SELECT id, email FROM users WHERE id = $1",
        postgres: "SELECT id, email FROM users WHERE id = $1 FOR UPDATE",
    };
    tx.query(SQL).bind(user).fetch_one().await
}

/// Gives a membership, unless there is one already. Returns true if it was given.
async fn give(
    tx: &mut Tx<'_>,
    user: UserId,
    issuer: &str,
    (account, role): (AccountId, Role),
    now: Timestamp,
) -> db::Result<bool> {
    const MEMBERSHIP: &str = "INSERT INTO memberships (account_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id, user_id) DO NOTHING";
    const GIVEN: &str = "INSERT INTO oidc_memberships (account_id, user_id, issuer) VALUES ($1, $2, $3)";
    let is_new = tx.query(MEMBERSHIP).bind(account).bind(user).bind(role).bind(now).execute().await? > 0;
    if is_new {
        tx.query(GIVEN).bind(account).bind(user).bind(issuer).execute().await?;
    }
    Ok(is_new)
}

/// Changes the role, and ends the sessions that had another. Returns true if it was another.
async fn change_role(tx: &mut Tx<'_>, user: UserId, account: AccountId, role: Role) -> db::Result<bool> {
    const SQL: &str = "UPDATE memberships SET role = $3 WHERE account_id = $1 AND user_id = $2 AND role <> $3";
    let is_changed = tx.query(SQL).bind(account).bind(user).bind(role).execute().await? > 0;
    if is_changed {
        end_sessions(tx, user, account).await?;
    }
    Ok(is_changed)
}

/// Ends a membership, and the sessions in it. Returns the role that it gave.
async fn take(tx: &mut Tx<'_>, user: UserId, account: AccountId) -> db::Result<Option<Role>> {
    const SQL: &str = "DELETE FROM memberships WHERE account_id = $1 AND user_id = $2";
    let role = role_in(tx, user, account).await?;
    tx.query(SQL).bind(account).bind(user).execute().await?;
    end_sessions(tx, user, account).await?;
    Ok(role)
}

async fn end_sessions(tx: &mut Tx<'_>, user: UserId, account: AccountId) -> db::Result<()> {
    const SQL: &str = "DELETE FROM sessions WHERE account_id = $1 AND user_id = $2";
    tx.query(SQL).bind(account).bind(user).execute().await.map(drop)
}

async fn has_account(tx: &mut Tx<'_>, user: UserId) -> db::Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM memberships WHERE user_id = $1)";
    tx.query(SQL).bind(user).fetch_value().await
}

#[cfg(test)]
mod tests;
