//! Beginning a session.

use std::time::Duration;

use signet_model::{AccountId, Role, SessionId, Timestamp, UserId};

use super::{Browser, Session, SessionToken};
use crate::{
    db::{self, Tx},
    metrics::{self, labels::SignIn},
    security_log,
    service::{Service, token},
};

/// The most sessions of one person. At the next sign-in the one that has rested longest ends.
pub(in crate::service) const MOST_OF_ONE_PERSON: i64 = 100;

/// The place that a new session takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seat {
    /// A person, in an account of theirs if they belong to one.
    Person { user: UserId, account: Option<AccountId> },
    /// Whoever came by a portal link, for no longer than this.
    Portal { account: AccountId, role: Role, lifetime: Duration },
}

impl Seat {
    const fn user(self) -> Option<UserId> {
        match self {
            Self::Person { user, .. } => Some(user),
            Self::Portal { .. } => None,
        }
    }

    const fn account(self) -> Option<AccountId> {
        match self {
            Self::Person { account, .. } => account,
            Self::Portal { account, .. } => Some(account),
        }
    }

    const fn role(self) -> Option<Role> {
        match self {
            Self::Person { .. } => None,
            Self::Portal { role, .. } => Some(role),
        }
    }
}

/// Begins a session of somebody who signs in, in the transaction that leads to it. The one that
/// this browser had before ends, and those of the same person that are over are removed.
pub(crate) async fn begin(
    service: &Service,
    tx: &mut Tx<'_>,
    seat: Seat,
    browser: &Browser,
) -> db::Result<SessionToken> {
    let token = insert(service, tx, seat, browser).await?;
    metrics::signed_in(match seat {
        Seat::Person { .. } => SignIn::Person,
        Seat::Portal { .. } => SignIn::Portal,
    });
    Ok(token)
}

async fn insert(service: &Service, tx: &mut Tx<'_>, seat: Seat, browser: &Browser) -> db::Result<SessionToken> {
    const INSERT: &str = "INSERT INTO sessions
           (token_hash, id, user_id, account_id, role, created_at, used_at, expires_at, proved_at, device, address)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $6, $8, $9)";
    let now = service.clock.now();
    let lifetime = match seat {
        Seat::Person { .. } => service.settings.session_lifetime,
        Seat::Portal { lifetime, .. } => lifetime,
    };
    browser.end_former(tx).await?;
    if let Seat::Person { user, .. } = seat {
        make_room(tx, user, now, now - service.settings.session_idle).await?;
    }
    let session = SessionToken::new(&service.random);
    let insert = tx.query(INSERT).bind(&token::hash(session.reveal())[..]);
    let insert = insert.bind(SessionId::new(now, service.random.bytes())).bind(seat.user()).bind(seat.account());
    let insert = insert.bind(seat.role()).bind(now).bind(now + lifetime);
    let address = browser.address().map(|it| it.to_string()).unwrap_or_default();
    insert.bind(browser.device()).bind(&address).execute().await?;
    note_seen(tx, seat, now).await?;
    security_log::signed_in(seat.user(), seat.account());
    Ok(session)
}

/// Goes on with a session in another account of its person, with a new token. The end of the
/// session and the last proof stay as they were.
pub(in crate::service) async fn go_on(
    service: &Service,
    tx: &mut Tx<'_>,
    session: &Session,
    seat: Seat,
    browser: &Browser,
) -> db::Result<SessionToken> {
    const KEEP: &str = "UPDATE sessions SET created_at = $2, expires_at = $3, proved_at = $4 WHERE token_hash = $1";
    const END: &str = "DELETE FROM sessions WHERE id = $1";
    tx.query(END).bind(session.id).execute().await?;
    let token = insert(service, tx, seat, browser).await?;
    let keep = tx.query(KEEP).bind(&token::hash(token.reveal())[..]).bind(session.created_at);
    let ends = session.created_at + service.settings.session_lifetime;
    keep.bind(ends).bind(session.proved_at).execute().await?;
    Ok(token)
}

/// Ends all sessions of a person.
pub(in crate::service) async fn end_all(tx: &mut Tx<'_>, user: UserId) -> db::Result<()> {
    const SQL: &str = "DELETE FROM sessions WHERE user_id = $1";
    tx.query(SQL).bind(user).execute().await.map(drop)
}

/// Notes that a person is in an account from now on.
async fn note_seen(tx: &mut Tx<'_>, seat: Seat, now: Timestamp) -> db::Result<()> {
    const SQL: &str = "UPDATE memberships SET seen_at = $3 WHERE account_id = $1 AND user_id = $2";
    match seat {
        Seat::Person { user, account: Some(account) } => {
            tx.query(SQL).bind(account).bind(user).bind(now).execute().await.map(drop)
        }
        _ => Ok(()),
    }
}

/// Removes the sessions of a person that are over, and those above the limit.
async fn make_room(tx: &mut Tx<'_>, user: UserId, now: Timestamp, idle_since: Timestamp) -> db::Result<()> {
    const OVER: &str = "DELETE FROM sessions WHERE user_id = $1 AND (expires_at <= $2 OR used_at <= $3)";
    const ABOVE_LIMIT: &str = "DELETE FROM sessions WHERE user_id = $1 AND token_hash IN
         (SELECT token_hash FROM sessions WHERE user_id = $1 ORDER BY used_at DESC LIMIT $2 OFFSET $3)";
    tx.query(OVER).bind(user).bind(now).bind(idle_since).execute().await?;
    let above = tx.query(ABOVE_LIMIT).bind(user).bind(MOST_OF_ONE_PERSON).bind(MOST_OF_ONE_PERSON - 1);
    above.execute().await.map(drop)
}
