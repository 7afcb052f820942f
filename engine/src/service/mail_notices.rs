//! Notices by e-mail: taken by the task that sends them, some of one account and then of the
//! next; and who gets them.
//!
//! A notice waits a minute for others, and a person who was told just now gets the next mail about
//! the same account a quarter of an hour later: a hundred webhooks on one host that is away make
//! one mail, or two.
//!
//! A notice that is taken falls due again later, unless it is removed because the mail server
//! has it. If the process dies in between, the next one sends the same mail again, with the same
//! id, by which mail programs tell that it is the same.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use const_format::formatcp;
use signet_model::{
    AccountId, DeliveryId, EndpointId, Timestamp, UserId,
    delivery::{Failure, Outcome, State},
    endpoint::{DisabledReason, EndpointUrl},
    sql::{Lossy, Stored},
};
use uuid::Uuid;

use super::{Error, Members, Result, Service};
use crate::{
    db::{self, Pool, Sql, Tx},
    queue::WANTS_NOTICES,
};

/// The mails of one account in one turn.
const TURN: usize = 20;
/// The notices of one account that are looked at in one turn: a hundred webhooks of ten people.
pub(crate) const LOOKED_AT: i64 = 1_000;
/// The time for which a notice waits for others: what happens together is told together.
pub const GATHERED: Duration = Duration::from_mins(1);
/// The time between two mails to one person about one account. A warning whose last attempt comes
/// earlier does not wait.
pub const QUIET: Duration = Duration::from_mins(15);
/// The time after which the sender looks for the notices of other processes, and for those that
/// are due again.
const PERIOD: Duration = Duration::from_secs(10);
/// The waits before a notice that the mail server did not take is due again. After the last one
/// it is dropped.
const WAITS: [Duration; 6] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(4),
    Duration::from_hours(8),
];

/// The next account with notices after one (`$1`).
pub(crate) const NEXT_ACCOUNT: &str =
    "SELECT account_id FROM mail_notices WHERE account_id > $1 ORDER BY account_id LIMIT 1";

/// The notices of an account (`$1`) that are due (`$2`), at most `$3`, with the people who want
/// them still.
pub(crate) const DUE: &str = formatcp!(
    "SELECT n.id, n.user_id, n.kind, n.endpoint_id, n.delivery_id, n.event_type, n.outcome, n.reason, n.last_attempt_at,
       n.occurred_at, n.tries, u.email, a.name, e.url, d.state, m.mailed_at
     FROM (SELECT * FROM mail_notices WHERE account_id = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3) AS n
       LEFT JOIN memberships m ON m.account_id = n.account_id AND m.user_id = n.user_id AND {WANTS_NOTICES}
       LEFT JOIN users u ON u.id = m.user_id
       LEFT JOIN accounts a ON a.id = n.account_id
       LEFT JOIN endpoints e ON e.account_id = n.account_id AND e.id = n.endpoint_id AND e.deleted_at IS NULL
       LEFT JOIN deliveries d ON d.account_id = n.account_id AND d.id = n.delivery_id"
);

/// Takes those notices (`$3`) of a person (`$1`, `$2`) that nobody else has taken meanwhile: they are
/// due (`$4`), and are so again later (`$5`).
const TAKE: Sql = Sql {
    sqlite: "UPDATE mail_notices SET tries = tries + 1, due_at = $5
              WHERE account_id = $1 AND user_id = $2 AND id IN (SELECT unhex(value) FROM json_each($3)) AND +due_at <= $4
              RETURNING id",
    postgres: "UPDATE mail_notices SET tries = tries + 1, due_at = $5
                WHERE account_id = $1 AND user_id = $2 AND id = ANY($3) AND due_at <= $4 RETURNING id",
};

/// Notes that a person (`$1`, `$2`) is told by a mail at an instant (`$3`).
const MAILED: &str = "UPDATE memberships SET mailed_at = $3 WHERE account_id = $1 AND user_id = $2";

/// Removes notices (`$3`) of a person (`$1`, `$2`).
const REMOVE: Sql = Sql {
    sqlite: "DELETE FROM mail_notices
              WHERE account_id = $1 AND user_id = $2 AND id IN (SELECT unhex(value) FROM json_each($3))",
    postgres: "DELETE FROM mail_notices WHERE account_id = $1 AND user_id = $2 AND id = ANY($3)",
};

/// What a notice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailNoticeKind {
    /// One attempt is left, at this instant; if it fails, the webhook is disabled.
    LastAttempt(Timestamp),
    /// The webhook was disabled, for this reason.
    Disabled(Option<DisabledReason>),
}

/// The notices of one mail: what happened to webhooks of an account within a short while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDigest {
    /// The account.
    pub account: AccountId,
    /// The person.
    pub person: UserId,
    /// The notices, oldest first: one at least.
    pub notices: Vec<MailNotice>,
}

impl MailDigest {
    /// The id of the mail, which is the same if it is sent again.
    pub fn id(&self) -> String {
        let first = self.notices.first().map_or(Uuid::nil(), |notice| notice.id);
        format!("{}.{}", first.simple(), self.person.uuid().simple())
    }
}

/// A notice to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailNotice {
    /// The account.
    pub account: AccountId,
    /// The id that the notice shares with those to other people.
    pub id: Uuid,
    /// The person.
    pub person: UserId,
    /// Their e-mail address.
    pub email: String,
    /// The name of the account.
    pub account_name: String,
    /// What it tells.
    pub kind: MailNoticeKind,
    /// The webhook.
    pub endpoint: EndpointId,
    /// The host in its URL. The rest may hold a secret.
    pub host: String,
    /// The delivery that has failed.
    pub delivery: DeliveryId,
    /// The type of its event.
    pub event_type: String,
    /// What its last attempt came to.
    pub outcome: Outcome,
    /// The instant of that.
    pub occurred_at: Timestamp,
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    kind: Lossy,
    endpoint_id: Stored<EndpointId>,
    delivery_id: Stored<DeliveryId>,
    event_type: Lossy,
    outcome: Lossy,
    reason: Option<Stored<DisabledReason>>,
    last_attempt_at: Option<Timestamp>,
    occurred_at: Timestamp,
    tries: Stored<i32>,
    email: Option<Lossy>,
    name: Option<Lossy>,
    url: Option<Lossy>,
    state: Option<Stored<State>>,
    mailed_at: Option<Timestamp>,
}

impl Row {
    /// The notice; `None` if it is of no use any more: the person does not want it, the webhook
    /// is deleted, or the delivery that was about to fail has ended.
    fn read(self, account: AccountId, now: Timestamp) -> Option<MailNotice> {
        let kind = match (&*self.kind.0, self.last_attempt_at) {
            ("last_attempt", Some(at)) => {
                let waits = self.state.and_then(Stored::ok) == Some(State::Pending);
                (waits && at > now).then_some(MailNoticeKind::LastAttempt(at))?
            }
            _ => MailNoticeKind::Disabled(self.reason.and_then(Stored::ok)),
        };
        let url = self.url?.0;
        Some(MailNotice {
            account,
            id: self.id,
            person: UserId::from_uuid(self.user_id),
            email: self.email?.0,
            account_name: self.name?.0,
            kind,
            endpoint: self.endpoint_id.ok()?,
            host: EndpointUrl::from_stored(&url).map_or_else(|_| "unreadable".to_owned(), |url| url.host().to_owned()),
            delivery: self.delivery_id.ok()?,
            event_type: self.event_type.0,
            outcome: outcome_of(&self.outcome.0),
            occurred_at: self.occurred_at,
        })
    }
}

/// Reads what an attempt came to: `http_503`, or `timeout`.
fn outcome_of(text: &str) -> Outcome {
    let status = text.strip_prefix("http_").and_then(|status| status.parse().ok());
    status.map_or_else(|| Outcome::Failed(Failure::from_stored(text)), Outcome::Answered)
}

/// The notices of all accounts, for the task that sends them.
#[derive(Debug, Clone, Copy)]
pub struct MailNotices<'e>(pub(crate) &'e Arc<Service>);

impl MailNotices<'_> {
    /// Has notices kept from now on. Without this nothing is kept, since nobody would send it.
    pub fn keep(self) {
        self.0.delivery.mail_notices.keep();
    }

    /// The next account with notices after one, in the order of ids.
    pub async fn next_account(self, after: Option<AccountId>) -> Result<Option<AccountId>> {
        let after = after.unwrap_or(AccountId::from_uuid(Uuid::nil()));
        let mut conn = self.0.db.read(Pool::Lookups).await?;
        Ok(conn.query(NEXT_ACCOUNT).bind(after).fetch_optional_value().await?)
    }

    /// Takes the notices of some people of an account, as a mail for each of them: of those whose
    /// notices have waited for others long enough. What is taken is due again later, unless it is
    /// removed. What is of no use any more is dropped.
    pub async fn take(self, account: AccountId) -> Result<Vec<MailDigest>> {
        let now = self.0.clock.now();
        let mut conn = self.0.db.read(Pool::Lookups).await?;
        let rows: Vec<Row> = conn.query(DUE).bind(account).bind(now).bind(LOOKED_AT).fetch_all().await?;
        drop(conn);
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut people: Vec<Waiting> = Vec::new();
        for row in rows {
            let person = UserId::from_uuid(row.user_id);
            let at = people.iter().position(|one| one.person == person);
            let at = at.unwrap_or_else(|| {
                people.push(Waiting::new(person, row.mailed_at));
                people.len() - 1
            });
            people[at].add(row, account, now);
        }
        let mut tx = self.0.db.begin().await?;
        let mut taken = Vec::new();
        for person in people {
            remove_some(&mut tx, account, person.person, &person.useless).await?;
            if person.is_ready(now) && taken.len() < TURN {
                taken.extend(person.take(&mut tx, account, now).await?);
            }
        }
        tx.commit().await?;
        Ok(taken)
    }

    /// Removes the notices of a mail: the mail server has it, or will never take it.
    pub async fn remove(self, digest: &MailDigest) -> Result<()> {
        let ids: Vec<Uuid> = digest.notices.iter().map(|notice| notice.id).collect();
        let mut tx = self.0.db.begin().await?;
        remove_some(&mut tx, digest.account, digest.person, &ids).await?;
        Ok(tx.commit().await?)
    }

    /// Waits until there may be more notices. Returns false once the engine stops.
    pub async fn more(self) -> bool {
        let wake = self.0.delivery.mail_notices.wake.notified();
        let begun = &self.0.delivery.shutdown.begun;
        begun.run_until_cancelled(tokio::time::timeout(PERIOD, wake)).await.is_some()
    }

    /// True once the engine stops.
    pub fn are_over(self) -> bool {
        self.0.delivery.shutdown.begun.is_cancelled()
    }
}

/// The notices of one person that are due.
#[derive(Debug)]
struct Waiting {
    person: UserId,
    mailed_at: Option<Timestamp>,
    /// The times that the mail was tried.
    tries: usize,
    notices: Vec<MailNotice>,
    /// Those of no use any more.
    useless: Vec<Uuid>,
}

impl Waiting {
    const fn new(person: UserId, mailed_at: Option<Timestamp>) -> Self {
        Self { person, mailed_at, tries: 0, notices: Vec::new(), useless: Vec::new() }
    }

    fn add(&mut self, row: Row, account: AccountId, now: Timestamp) {
        let (id, tries) = (row.id, row.tries.clone().ok().and_then(|tries| usize::try_from(tries).ok()));
        match (tries.filter(|tries| *tries < WAITS.len()), row.read(account, now)) {
            (Some(tries), Some(notice)) => {
                self.tries = self.tries.max(tries);
                self.notices.push(notice);
            }
            _ => self.useless.push(id),
        }
    }

    /// Tells if a mail may go: one that was tried before, one that cannot wait, or one that has
    /// waited for others.
    fn is_ready(&self, now: Timestamp) -> bool {
        let Some(first) = self.notices.iter().map(|notice| notice.occurred_at).min() else { return false };
        let is_urgent = self.notices.iter().any(|notice| match notice.kind {
            MailNoticeKind::LastAttempt(at) => at <= now + QUIET,
            MailNoticeKind::Disabled(_) => false,
        });
        let is_quiet = self.mailed_at.is_none_or(|at| at + QUIET <= now);
        self.tries > 0 || is_urgent || (is_quiet && first + GATHERED <= now)
    }

    /// Takes the notices; `None` if another process has them.
    async fn take(self, tx: &mut Tx<'_>, account: AccountId, now: Timestamp) -> Result<Option<MailDigest>> {
        let ids: Vec<Uuid> = self.notices.iter().map(|notice| notice.id).collect();
        let until = now + WAITS[self.tries.min(WAITS.len() - 1)];
        let query = tx.query(TAKE).bind(account).bind(self.person.uuid()).bind_ids(&ids).bind(now).bind(until);
        let taken: Vec<Uuid> = query.fetch_values().await?;
        let mut notices = self.notices;
        notices.retain(|notice| taken.contains(&notice.id));
        if notices.is_empty() {
            return Ok(None);
        }
        tx.query(MAILED).bind(account).bind(self.person.uuid()).bind(now).execute().await?;
        notices.sort_by_key(|notice| notice.id);
        Ok(Some(MailDigest { account, person: self.person, notices }))
    }
}

async fn remove_some(tx: &mut Tx<'_>, account: AccountId, person: UserId, ids: &[Uuid]) -> db::Result<()> {
    if !ids.is_empty() {
        tx.query(REMOVE).bind(account).bind(person.uuid()).bind_ids(ids).execute().await?;
    }
    Ok(())
}

impl Members<'_> {
    /// True if a person of the account gets notices of it by e-mail.
    pub async fn gets_notices(self, person: UserId) -> Result<bool> {
        const SQL: &str =
            formatcp!("SELECT {WANTS_NOTICES} AS gets FROM memberships m WHERE m.account_id = $1 AND m.user_id = $2");
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let gets: Option<bool> = conn.query(SQL).bind(self.account).bind(person).fetch_optional_value().await?;
        gets.ok_or(Error::AccountNotFound)
    }

    /// Has a person of the account get notices of it by e-mail, or not. It is their own wish, and
    /// changes nothing for others.
    pub async fn choose_notices(self, person: UserId, gets: bool) -> Result<()> {
        const SQL: &str = "UPDATE memberships SET notices = $3 WHERE account_id = $1 AND user_id = $2";
        let mut tx = self.service.db.begin().await?;
        if tx.query(SQL).bind(self.account).bind(person).bind(gets).execute().await? == 0 {
            return Err(Error::AccountNotFound);
        }
        Ok(tx.commit().await?)
    }
}
