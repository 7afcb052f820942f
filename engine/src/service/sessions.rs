//! Signed-in browsers.
//!
//! A session has an end that nothing moves, and ends before it if it is not used for a while
//! (OWASP ASVS 5.0, V7.3). Its token is made anew at each sign-in, and only a hash of it is
//! stored.

mod begin;
mod browser;
mod seen;

use std::{fmt, net::IpAddr, sync::Arc};

use signet_model::{
    AccountId, Role, SessionId, Timestamp, UserId,
    portal::{ReturnUrl, Theme},
    sql::Lossy,
};

use super::{
    Result, Service,
    factors::second_step::{self, SignedIn},
    token, users,
};
use crate::{
    actor::{Actor, By, Operator, Proof, Rights, Who},
    db::{self, Pool, Tx},
    random::Random,
    security_log,
};

pub(super) use begin::{MOST_OF_ONE_PERSON, end_all, go_on};
pub(crate) use begin::{Seat, begin};
pub use browser::Browser;
pub(crate) use seen::SeenNotes;

/// The content of the browser's cookie. Only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

impl SessionToken {
    pub(in crate::service) fn new(random: &Random) -> Self {
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

/// A browser in which somebody is signed in.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id, which tells nothing about the token.
    pub id: SessionId,
    /// The one who is signed in.
    pub holder: Holder,
    /// The account at hand. A person may belong to none.
    pub account: Option<AtHand>,
    /// The holder operates the server.
    pub operator: bool,
    /// The instant of signing in.
    pub created_at: Timestamp,
    /// The instant at which the holder last proved to be who they are.
    pub proved_at: Timestamp,
    /// The time zone that the person has chosen, by its name in the IANA's list.
    pub time_zone: Option<String>,
}

/// The one who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A person who is known by an e-mail address.
    Person {
        /// The person.
        id: UserId,
        /// Their e-mail address.
        email: String,
    },
    /// Somebody whom the service sent here with a portal link.
    Portal(Portal),
}

/// The part of a portal link that its session keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Portal {
    /// The person, in the words of the service.
    pub subject: Option<String>,
    /// The page of the service that the dashboard leads back to.
    pub return_url: Option<ReturnUrl>,
    /// The dashboard is shown in a frame of the service's own page, and nowhere else.
    pub embedded: bool,
    /// Light or dark, if the link chose.
    pub theme: Option<Theme>,
}

/// The account at hand in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtHand {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// The operator has suspended the account.
    pub suspended: bool,
    /// The holder's role there.
    pub role: Role,
}

impl Session {
    /// The account at hand.
    pub fn account_id(&self) -> Option<AccountId> {
        self.account.as_ref().map(|account| account.id)
    }

    /// The holder's role in the account at hand.
    pub fn role(&self) -> Option<Role> {
        self.account.as_ref().map(|account| account.role)
    }

    /// The person who is signed in.
    pub const fn person(&self) -> Option<UserId> {
        match self.holder {
            Holder::Person { id, .. } => Some(id),
            Holder::Portal(_) => None,
        }
    }

    /// The portal link that has begun the session, if one has.
    pub const fn portal(&self) -> Option<&Portal> {
        match &self.holder {
            Holder::Person { .. } => None,
            Holder::Portal(portal) => Some(portal),
        }
    }

    /// The one who acts in the account at hand, from this address.
    pub fn actor(&self, address: Option<IpAddr>) -> Option<Actor> {
        let account = self.account.as_ref()?;
        let rights = Rights::Role(account.role);
        Some(Actor { account: account.id, by: self.by(address), rights, proved: Proof::At(self.proved_at) })
    }

    /// The operator who acts from this address, if the holder is one.
    pub fn as_operator(&self, address: Option<IpAddr>) -> Option<Operator> {
        self.operator.then(|| Operator::signed_in(self.by(address), Proof::At(self.proved_at)))
    }

    /// The holder, acting from this address.
    pub(crate) fn by(&self, address: Option<IpAddr>) -> By {
        let who = match &self.holder {
            Holder::Person { id, email } => Who::Person { id: *id, email: email.clone() },
            Holder::Portal(portal) => Who::Portal { subject: portal.subject.clone().unwrap_or_default() },
        };
        By { who, address }
    }

    /// The e-mail address of the person who is signed in.
    pub fn email(&self) -> Option<&str> {
        match &self.holder {
            Holder::Person { email, .. } => Some(email),
            Holder::Portal(_) => None,
        }
    }
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: SessionId,
    user_id: Option<UserId>,
    email: Option<Lossy>,
    account_id: Option<AccountId>,
    account_name: Option<Lossy>,
    account_suspended: bool,
    role: Option<Lossy>,
    operator: bool,
    created_at: Timestamp,
    used_at: Timestamp,
    proved_at: Timestamp,
    subject: Option<Lossy>,
    return_url: Option<Lossy>,
    embedded: Option<bool>,
    theme: Option<Lossy>,
    time_zone: Option<Lossy>,
}

impl Row {
    /// The session, unless the membership has ended.
    fn session(self) -> Option<Session> {
        let holder = match self.user_id {
            Some(id) => Holder::Person { id, email: self.email?.0 },
            None => Holder::Portal(Portal {
                subject: self.subject.map(|it| it.0),
                return_url: self.return_url.and_then(|it| it.0.parse().ok()),
                embedded: self.embedded.unwrap_or_default(),
                theme: self.theme.and_then(|it| it.0.parse().ok()),
            }),
        };
        let account = match self.account_id {
            Some(id) => Some(AtHand {
                id,
                name: self.account_name?.0,
                suspended: self.account_suspended,
                role: self.role?.0.parse().ok()?,
            }),
            None => None,
        };
        let time_zone = self.time_zone.map(|it| it.0);
        let Self { id, operator, created_at, proved_at, .. } = self;
        Some(Session { id, holder, account, operator, created_at, proved_at, time_zone })
    }
}

/// The account that a person was in last.
pub(super) async fn last_account(tx: &mut Tx<'_>, user: UserId) -> db::Result<Option<AccountId>> {
    const SQL: &str = "SELECT account_id FROM memberships WHERE user_id = $1
         ORDER BY seen_at IS NULL, seen_at DESC, created_at, account_id LIMIT 1";
    tx.query(SQL).bind(user).fetch_optional_value().await
}

/// The sessions of all accounts.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'e>(pub(crate) &'e Arc<Service>);

impl Sessions<'_> {
    /// Signs in. `None` if the address or the password is wrong; both take the
    /// same work, and the answer does not tell which.
    pub async fn sign_in(self, email: &str, password: &str, browser: &Browser) -> Result<Option<SignedIn>> {
        let Some(user) = self.recognise(email, password).await? else { return Ok(None) };
        let mut tx = self.0.db.begin().await?;
        let signed_in = second_step::begin(self.0, &mut tx, user, browser).await?;
        tx.commit().await?;
        Ok(Some(signed_in))
    }

    /// The person with this address and this password.
    async fn recognise(self, email: &str, password: &str) -> Result<Option<UserId>> {
        const SQL: &str = "SELECT id, password_hash FROM users WHERE email = $1";
        if password.chars().count() > users::MAX_TYPED_LEN {
            return Ok(None);
        }
        let found: Option<(UserId, Lossy)> = match users::parse_email(email) {
            Some(email) => self.0.db.read(Pool::Pages).await?.query(SQL).bind(&email).fetch_optional().await?,
            None => None,
        };
        let (user, stored) = found.map(|(user, stored)| (user, stored.0)).unzip();
        let right = self.0.passwords.verify(password, stored).await;
        Ok(user.filter(|_| right))
    }

    /// The session of a cookie, unless it has ended or the membership has. Its use is noted
    /// behind the request.
    pub async fn get(self, token: &str) -> Result<Option<Session>> {
        let found = self.find(token).await?;
        if let Some((session, used_at)) = &found {
            self.0.seen_notes.note(self.0, session, *used_at, self.0.clock.now());
        }
        Ok(found.map(|(session, _)| session))
    }

    /// The session of a cookie likewise, for a page that looks again by itself: that is no use,
    /// and does not keep the session from ending.
    pub async fn still(self, token: &str) -> Result<Option<Session>> {
        Ok(self.find(token).await?.map(|(session, _)| session))
    }

    /// A session, and its last use.
    async fn find(self, token: &str) -> Result<Option<(Session, Timestamp)>> {
        const SQL: &str = "SELECT s.id, s.user_id, u.email, s.account_id, a.name AS account_name,
               a.suspended_at IS NOT NULL AS account_suspended, COALESCE(s.role, m.role) AS role,
               o.user_id IS NOT NULL AS operator, s.created_at, s.used_at, s.proved_at,
               p.subject, p.return_url, p.embedded, p.theme, u.time_zone
             FROM sessions s
             LEFT JOIN users u ON u.id = s.user_id
             LEFT JOIN accounts a ON a.id = s.account_id
             LEFT JOIN memberships m ON m.account_id = s.account_id AND m.user_id = s.user_id
             LEFT JOIN operators o ON o.user_id = s.user_id
             LEFT JOIN portal_sessions p ON p.session_id = s.id
             WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.used_at > $3";
        let now = self.0.clock.now();
        let mut conn = self.0.db.read(Pool::Planned).await?;
        let query = conn.query(SQL).bind(&token::hash(token)[..]).bind(now);
        let Some(row) = query.bind(now - self.0.settings.session_idle).fetch_optional::<Row>().await? else {
            return Ok(None);
        };
        let used_at = row.used_at;
        Ok(row.session().map(|session| (session, used_at)))
    }

    /// Ends a session.
    pub async fn sign_out(self, token: &str) -> Result<()> {
        const SQL: &str = "DELETE FROM sessions WHERE token_hash = $1";
        let mut tx = self.0.db.begin().await?;
        tx.query(SQL).bind(&token::hash(token)[..]).execute().await?;
        tx.commit().await?;
        security_log::signed_out();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
