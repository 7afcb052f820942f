//! The people who operate the server: who they are, and the one-time links that make them so.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use serde_json::json;
use signet_model::{Timestamp, UserId, sql::Lossy};

use super::{
    Error, Result, Service,
    carried::Purpose,
    change::Record,
    factors::HAS_SECOND_FACTOR,
    password::{self, Weak},
    sessions::{self, Browser, Seat, Session, SessionToken},
    token, users,
};
use crate::{
    actor::{By, Operator, Who},
    audit::{self, Action, Draft, Target},
    db::{self, Pool, Sql, Tx},
    security_log,
};

/// The lifetime of a link that makes an operator.
pub const OPERATOR_LINK_LIFETIME: Duration = Duration::from_hours(24);
/// The people that a list names.
const LISTED: i64 = 1_000;

/// A person who operates the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatingPerson {
    /// The person.
    pub id: UserId,
    /// Their e-mail address.
    pub email: String,
    /// The instant since which they operate the server.
    pub since: Timestamp,
    /// The last use of one of their sessions, to the minute.
    pub seen_at: Option<Timestamp>,
}

/// The outcome of making somebody an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// A person who has signed in since this instant is an operator now.
    Person(Timestamp),
    /// The person was one before.
    Already,
    /// Nobody signs in with the address yet: the token of a link with which they begin.
    Link(String),
}

/// Nobody was made an operator. The texts stand beside the fields.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No e-mail address.
    #[error("Enter an e-mail address, such as you@example.com.")]
    Email,
    /// The link was used, has expired or never was.
    #[error("This link is no longer valid.")]
    LinkInvalid,
    /// Somebody has begun to sign in with the address meanwhile.
    #[error("Somebody signs in with this address by now. Ask for the link again.")]
    EmailTaken,
    /// The password can be guessed.
    #[error(transparent)]
    Password(#[from] Weak),
    /// The database failed, or the actor may not do that.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Nobody's right to operate the server was ended.
#[derive(Debug, thiserror::Error)]
pub enum RemoveOperatorError {
    /// No e-mail address.
    #[error("no e-mail address")]
    Email,
    /// Without an operator nobody could use the operator's pages.
    #[error("the server keeps one operator")]
    Last,
    /// The database failed, or the actor may not do that.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for RemoveOperatorError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<db::Error> for OperatorError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The people who operate the server (`$1` at most), in the order in which they came.
pub(crate) const LIST: &str = "SELECT o.user_id AS id, u.email, o.created_at AS since,
       (SELECT max(s.used_at) FROM sessions s WHERE s.user_id = o.user_id) AS seen_at
     FROM operators o JOIN users u ON u.id = o.user_id ORDER BY o.created_at, o.user_id LIMIT $1";

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: UserId,
    email: Lossy,
    since: Timestamp,
    seen_at: Option<Timestamp>,
}

/// The people who operate the server.
#[derive(Debug, Clone, Copy)]
pub struct Operators<'e>(pub(crate) &'e Arc<Service>);

impl Operators<'_> {
    /// Lists them, in the order in which they came.
    pub async fn list(self) -> Result<Vec<OperatingPerson>> {
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn.query(LIST).bind(LISTED).fetch_all().await?;
        let person = |Row { id, email, since, seen_at }| OperatingPerson { id, email: email.0, since, seen_at };
        Ok(rows.into_iter().map(person).collect())
    }

    /// Returns true if the person of a session has no second factor, and needs one to operate
    /// the server.
    pub async fn lacks_second_factor(self, session: &Session) -> Result<bool> {
        let Some(person) = session.person() else { return Ok(true) };
        if !self.0.settings.operators_need_second_factor {
            return Ok(false);
        }
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let has_one: bool = conn.query(HAS_SECOND_FACTOR).bind(person).fetch_value().await?;
        Ok(!has_one)
    }

    /// Seals a link or a key that an operator has made, for the browser to carry to the page
    /// that shows it once.
    pub fn hand_over(self, session: &Session, text: &str) -> Option<String> {
        Some(self.0.carry(Purpose::MadeByOperator(session.person()?), text))
    }

    /// The text that the operator's browser has carried here, within a few minutes.
    pub fn handed_over(self, session: &Session, carried: &str) -> Option<String> {
        self.0.carried(Purpose::MadeByOperator(session.person()?), carried)
    }

    /// Makes the person with this address an operator, or a link for somebody who is nobody
    /// here yet. It holds for 24 hours and replaces the earlier ones of the address.
    pub async fn add(self, operator: &Operator, email: &str) -> Result<Added, OperatorError> {
        const PERSON: &str = "SELECT id, created_at FROM users WHERE email = $1";
        let email = users::parse_email(email).ok_or(OperatorError::Email)?;
        let mut change = self.0.change_installation(operator, Action::OperatorAdded).await?;
        let now = self.0.clock.now();
        let person: Option<(UserId, Timestamp)> = change.tx.query(PERSON).bind(&email).fetch_optional().await?;
        if let Some((person, since)) = person {
            if !insert(&mut change.tx, person, now).await? {
                return Ok(Added::Already);
            }
            change.commit(Record::of("person", person).after(json!({ "email": email }))).await?;
            return Ok(Added::Person(since));
        }
        let link = token::new_token(&self.0.random);
        forget_links(&mut change.tx, &email, now).await?;
        insert_link(&mut change.tx, &link, Some(&email), now).await?;
        change.commit(Record::of("operator_link", &email)).await?;
        Ok(Added::Link(link))
    }

    /// Has the new person who accepts an invitation operate the server, too.
    pub async fn add_by_invitation(self, operator: &Operator, invitation: &str) -> Result<()> {
        let mut change = self.0.change_installation(operator, Action::OperatorAdded).await?;
        insert_link(&mut change.tx, invitation, None, self.0.clock.now()).await?;
        Ok(change.commit(Record::of("operator_link", "invitation")).await?)
    }

    /// Ends that a person operates the server, and the open links of the address. Returns false
    /// if there was neither.
    ///
    /// # Errors
    /// A person would end the right of the last operator. A command may: another one gives it.
    pub async fn remove(self, operator: &Operator, email: &str) -> Result<bool, RemoveOperatorError> {
        const REMOVE: &str = "DELETE FROM operators WHERE user_id IN (SELECT id FROM users WHERE email = $1)";
        const END: &str = "DELETE FROM sessions WHERE user_id IN (SELECT id FROM users WHERE email = $1)";
        let email = users::parse_email(email).ok_or(RemoveOperatorError::Email)?;
        let mut change = self.0.change_installation(operator, Action::OperatorRemoved).await?;
        if matches!(operator.by().who, Who::Person { .. }) && is_last(&mut change.tx, &email).await? {
            return Err(RemoveOperatorError::Last);
        }
        let links = forget_links(&mut change.tx, &email, self.0.clock.now()).await?;
        let people = change.tx.query(REMOVE).bind(&email).execute().await?;
        if people == 0 && links == 0 {
            change.roll_back().await;
            return Ok(false);
        }
        if people > 0 {
            change.tx.query(END).bind(&email).execute().await?;
        }
        change.commit(Record::of("operator", &email)).await?;
        Ok(true)
    }

    /// The address for which a link is, while it is valid.
    pub async fn invited(self, token: &str) -> Result<Option<String>> {
        const SQL: &str =
            "SELECT email FROM operator_links WHERE token_hash = $1 AND expires_at > $2 AND email IS NOT NULL";
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let query = conn.query(SQL).bind(&token::hash(token)[..]).bind(self.0.clock.now());
        Ok(query.fetch_optional_value::<Lossy>().await?.map(|email| email.0))
    }

    /// Uses up a link: makes a person without an account, who operates the server, and signs
    /// them in.
    pub async fn accept(self, token: &str, password: &str, browser: &Browser) -> Result<SessionToken, OperatorError> {
        const USER: &str = "INSERT INTO users (id, email, password_hash, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (email) DO NOTHING";
        // Saves the hash; the transaction decides.
        let email = self.invited(token).await?.ok_or(OperatorError::LinkInvalid)?;
        password::check(password, &[&email], false)?;
        let password_hash = self.0.passwords.hash(password, self.0.random.bytes()).await;
        let now = self.0.clock.now();
        let user = UserId::new(now, self.0.random.bytes());
        let mut tx = self.0.db.begin().await?;
        if !use_link(&mut tx, token, now).await? {
            return Err(OperatorError::LinkInvalid);
        }
        let insert = tx.query(USER).bind(user).bind(&email).bind(&password_hash).bind(now);
        if insert.execute().await? == 0 {
            return Err(OperatorError::EmailTaken);
        }
        self::insert(&mut tx, user, now).await?;
        write_entry(&mut tx, user, &email, browser, now).await?;
        let session = sessions::begin(self.0, &mut tx, Seat::Person { user, account: None }, browser).await?;
        tx.commit().await?;
        Ok(session)
    }
}

/// Has a new person who accepts an invitation operate the server, if the invitation says so.
pub(super) async fn come_with_invitation(
    tx: &mut Tx<'_>,
    token: &str,
    (user, email): (UserId, &str),
    browser: &Browser,
    now: Timestamp,
) -> db::Result<()> {
    if use_link(tx, token, now).await? {
        insert(tx, user, now).await?;
        write_entry(tx, user, email, browser, now).await?;
    }
    Ok(())
}

/// Returns true if the person with this address is the only operator. All of them are locked:
/// of two who remove each other, one stays.
async fn is_last(tx: &mut Tx<'_>, email: &str) -> db::Result<bool> {
    const LOCK: Sql = Sql {
        sqlite: "SELECT user_id FROM operators ORDER BY user_id LIMIT $1",
        postgres: "SELECT user_id FROM operators ORDER BY user_id LIMIT $1 FOR UPDATE",
    };
    const PERSON: &str = "SELECT id FROM users WHERE email = $1";
    let operators: Vec<UserId> = tx.query(LOCK).bind(LISTED).fetch_values().await?;
    let person: Option<UserId> = tx.query(PERSON).bind(email).fetch_optional_value().await?;
    Ok(person.is_some_and(|person| operators == [person]))
}

/// Makes a person an operator. Returns false if they are one.
async fn insert(tx: &mut Tx<'_>, user: UserId, now: Timestamp) -> db::Result<bool> {
    const SQL: &str = "INSERT INTO operators (user_id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(tx.query(SQL).bind(user).bind(now).execute().await? == 1)
}

async fn insert_link(tx: &mut Tx<'_>, token: &str, email: Option<&str>, now: Timestamp) -> db::Result<()> {
    const SQL: &str = "INSERT INTO operator_links (token_hash, email, created_at, expires_at) VALUES ($1, $2, $3, $4)";
    let insert = tx.query(SQL).bind(&token::hash(token)[..]).bind(email).bind(now);
    insert.bind(now + OPERATOR_LINK_LIFETIME).execute().await.map(drop)
}

/// Uses a link up. Returns false if there is no such link.
async fn use_link(tx: &mut Tx<'_>, token: &str, now: Timestamp) -> db::Result<bool> {
    const SQL: &str = "DELETE FROM operator_links WHERE token_hash = $1 AND expires_at > $2";
    Ok(tx.query(SQL).bind(&token::hash(token)[..]).bind(now).execute().await? == 1)
}

/// Removes the links of an address, and those that have ended. Returns the number of the former.
async fn forget_links(tx: &mut Tx<'_>, email: &str, now: Timestamp) -> db::Result<u64> {
    tx.query("DELETE FROM operator_links WHERE expires_at <= $1").bind(now).execute().await?;
    tx.query("DELETE FROM operator_links WHERE email = $1").bind(email).execute().await
}

/// The link gave the right; the entry names the person.
async fn write_entry(tx: &mut Tx<'_>, id: UserId, email: &str, browser: &Browser, now: Timestamp) -> db::Result<()> {
    let by = By { who: Who::Person { id, email: email.to_owned() }, address: browser.address() };
    security_log::changed(None, &by, Action::OperatorJoined);
    let draft = Draft {
        account: None,
        by,
        action: Action::OperatorJoined,
        target: Some(Target::new("person", id)),
        before: None,
        after: Some(json!({ "email": email })),
    };
    audit::append(tx, &draft, now).await
}
