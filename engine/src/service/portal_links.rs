//! Portal links: a service sends its own signed-in people into one account, without a password.
//!
//! A link is used once, and soon. It begins a session of the link's role, which ends after the
//! link's time; nobody's name is stored but the one that the service gave.

use std::sync::Arc;

use serde_json::json;
use signet_model::{
    AccountId, Timestamp,
    portal::{Landing, PortalRole, ReturnUrl, SessionLifetime, Subject, Theme},
    sql::Lossy,
};

use super::{
    AccountHandle, Result, Service,
    change::Record,
    sessions::{Browser, Seat, SessionToken, begin},
    token,
};
use crate::{
    actor::{Actor, By, Proof, Rights, Who},
    audit::Action,
    db::{self, Pool, Tx},
};

/// The most links of an account that wait to be used. A new one takes the place of the oldest.
pub const MOST_LINKS: i64 = 1_000;
/// The most portal sessions of an account. A new one ends the oldest.
pub const MOST_SESSIONS: i64 = 1_000;

/// Removes the links of an account (`$1`) beyond the newest (`$2`).
pub(super) const PRUNE_LINKS: &str = "DELETE FROM portal_links WHERE account_id = $1 AND token_hash IN
     (SELECT token_hash FROM portal_links WHERE account_id = $1 ORDER BY created_at DESC, token_hash LIMIT $2 OFFSET $2)";
/// Ends the portal sessions of an account (`$1`) beyond the newest (`$2`).
pub(super) const PRUNE_SESSIONS: &str = "DELETE FROM sessions WHERE id IN
     (SELECT session_id FROM portal_sessions WHERE account_id = $1 ORDER BY created_at DESC, session_id
       LIMIT $2 OFFSET $2)";

/// A link to be made.
#[derive(Debug, Clone)]
pub struct PortalLinkDraft {
    /// The role of the person who uses it.
    pub role: PortalRole,
    /// The lifetime of the session.
    pub session_lasts: SessionLifetime,
    /// The first page.
    pub landing: Landing,
    /// The page of the service that the dashboard leads back to.
    pub return_url: Option<ReturnUrl>,
    /// The person, in the words of the service.
    pub subject: Option<Subject>,
    /// The dashboard is shown in a frame of the service's own page.
    pub embedded: bool,
    /// Light or dark, unless it is as the operator has it.
    pub theme: Option<Theme>,
}

impl PortalLinkDraft {
    /// A link with this role, and all else as usual.
    pub fn new(role: PortalRole) -> Self {
        Self {
            role,
            session_lasts: SessionLifetime::default(),
            landing: Landing::default(),
            return_url: None,
            subject: None,
            embedded: false,
            theme: None,
        }
    }
}

/// A link that was made. Its token is not kept.
#[derive(Clone)]
pub struct NewPortalLink {
    /// The token.
    pub token: String,
    /// The instant up to which it can be used.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for NewPortalLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPortalLink").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A link that waits to be used.
#[derive(Debug, Clone)]
pub struct WaitingLink {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub account_name: String,
    /// It is for a frame.
    pub embedded: bool,
    /// Light or dark, if the link chose.
    pub theme: Option<Theme>,
}

/// The session that a link has begun.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The token for the cookie.
    pub token: SessionToken,
    /// The lifetime of the session.
    pub lasts: SessionLifetime,
    /// The first page.
    pub landing: Landing,
    /// It is for a frame.
    pub embedded: bool,
}

impl AccountHandle<'_> {
    /// Makes a link.
    ///
    /// # Errors
    /// The actor may not, or there is no such account.
    pub async fn create_portal_link(self, draft: &PortalLinkDraft) -> Result<NewPortalLink> {
        const INSERT: &str = "INSERT INTO portal_links (token_hash, account_id, role, session_lasts, landing,
               return_url, subject, embedded, theme, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let token = token::new_token(&self.service.random);
        let now = self.service.clock.now();
        let expires_at = now + self.service.settings.portal_link_lifetime;
        let mut change = self.service.change_locked(self.actor, Action::PortalLinkCreated).await?;
        let insert = change.tx.query(INSERT).bind(&token::hash(&token)[..]).bind(self.id).bind(draft.role);
        let insert = insert.bind(i64::from(draft.session_lasts.seconds())).bind(&draft.landing);
        let insert = insert.bind(draft.return_url.as_ref()).bind(draft.subject.as_deref());
        insert.bind(draft.embedded).bind(draft.theme).bind(now).bind(expires_at).execute().await?;
        change.tx.query(PRUNE_LINKS).bind(self.id).bind(MOST_LINKS).execute().await?;
        let record = json!({
            "role": draft.role.as_str(), "sessionLasts": draft.session_lasts.seconds(), "landing": draft.landing.as_str(),
            "returnUrl": draft.return_url.as_ref().map(ReturnUrl::as_str), "subject": draft.subject.as_deref(),
            "embedded": draft.embedded,
        });
        change.commit(Record::default().after(record)).await?;
        Ok(NewPortalLink { token, expires_at })
    }
}

/// The links of all accounts, for the browsers that come with one.
#[derive(Debug, Clone, Copy)]
pub struct PortalLinks<'e>(pub(crate) &'e Arc<Service>);

#[derive(sqlx_macros::FromRow)]
struct Waiting {
    account_id: AccountId,
    name: Lossy,
    role: PortalRole,
    subject: Option<Lossy>,
    embedded: bool,
    theme: Option<Lossy>,
}

#[derive(sqlx_macros::FromRow)]
struct Used {
    account_id: AccountId,
    role: PortalRole,
    session_lasts: i64,
    landing: Landing,
    return_url: Option<Lossy>,
    subject: Option<Lossy>,
    embedded: bool,
    theme: Option<Lossy>,
}

impl PortalLinks<'_> {
    /// The link with this token, if it can be used. It stays as it is.
    pub async fn waiting(self, token: &str) -> Result<Option<WaitingLink>> {
        let found = self.look_up(token).await?;
        Ok(found.map(|Waiting { account_id, name, embedded, theme, .. }| WaitingLink {
            account: account_id,
            account_name: name.0,
            embedded,
            theme: theme.and_then(|it| it.0.parse().ok()),
        }))
    }

    async fn look_up(self, token: &str) -> db::Result<Option<Waiting>> {
        const SQL: &str = "SELECT l.account_id, a.name, l.role, l.subject, l.embedded, l.theme
             FROM portal_links l JOIN accounts a ON a.id = l.account_id
             WHERE l.token_hash = $1 AND l.expires_at > $2";
        let mut conn = self.0.db.read(Pool::Pages).await?;
        conn.query(SQL).bind(&token::hash(token)[..]).bind(self.0.clock.now()).fetch_optional().await
    }

    /// Uses the link with this token up, and begins its session in a browser, whose former
    /// session ends. `None` if the link was used, or is too old.
    pub async fn open(self, token: &str, browser: &Browser) -> Result<Option<Opened>> {
        let Some(link) = self.look_up(token).await? else { return Ok(None) };
        let subject = link.subject.map(|it| it.0).unwrap_or_default();
        let now = self.0.clock.now();
        let actor = Actor {
            account: link.account_id,
            by: By { who: Who::Portal { subject }, address: browser.address() },
            rights: Rights::Role(link.role.into()),
            proved: Proof::At(now),
        };
        let mut change = self.0.change_locked(&actor, Action::PortalOpened).await?;
        let Some(used) = take(&mut change.tx, token, now).await? else { return Ok(None) };
        let lasts = SessionLifetime::from_seconds(used.session_lasts).unwrap_or_default();
        let seat = Seat::Portal { account: used.account_id, role: used.role.into(), lifetime: lasts.get() };
        let session = begin(self.0, &mut change.tx, seat, browser).await?;
        keep_portal(&mut change.tx, &session, &used, now).await?;
        change.tx.query(PRUNE_SESSIONS).bind(used.account_id).bind(MOST_SESSIONS).execute().await?;
        let record = Record::default().after(json!({ "role": used.role.as_str(), "embedded": used.embedded }));
        change.commit(record).await?;
        Ok(Some(Opened { token: session, lasts, landing: used.landing, embedded: used.embedded }))
    }
}

/// Uses up a link; returns it, if it can be used.
async fn take(tx: &mut Tx<'_>, token: &str, now: Timestamp) -> db::Result<Option<Used>> {
    const SQL: &str = "DELETE FROM portal_links WHERE token_hash = $1 AND expires_at > $2
         RETURNING account_id, role, CAST(session_lasts AS BIGINT) AS session_lasts, landing, return_url, subject,
           embedded, theme";
    tx.query(SQL).bind(&token::hash(token)[..]).bind(now).fetch_optional().await
}

/// Stores the part of a link that its session needs.
async fn keep_portal(tx: &mut Tx<'_>, session: &SessionToken, link: &Used, now: Timestamp) -> db::Result<()> {
    const SQL: &str = "INSERT INTO portal_sessions
           (session_id, account_id, return_url, subject, embedded, theme, created_at)
         SELECT id, account_id, $2, $3, $4, $5, $6 FROM sessions WHERE token_hash = $1";
    let text = |text: &Option<Lossy>| text.as_ref().map(|it| it.0.clone());
    let insert = tx.query(SQL).bind(&token::hash(session.reveal())[..]).bind(text(&link.return_url));
    let insert = insert.bind(text(&link.subject)).bind(link.embedded).bind(text(&link.theme)).bind(now);
    insert.execute().await.map(drop)
}

#[cfg(test)]
mod tests;
