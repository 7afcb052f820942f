//! Notices by e-mail: taken by the task that sends them, some of one account and then of the
//! next; and who gets them.
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
    db::{self, Pool, Tx},
    queue::WANTS_NOTICES,
};

/// The notices of one account that are taken in one turn.
pub(crate) const TURN: i64 = 20;
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
       n.occurred_at, n.tries, u.email, a.name, e.url, d.state
     FROM (SELECT * FROM mail_notices WHERE account_id = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3) AS n
       LEFT JOIN memberships m ON m.account_id = n.account_id AND m.user_id = n.user_id AND {WANTS_NOTICES}
       LEFT JOIN users u ON u.id = m.user_id
       LEFT JOIN accounts a ON a.id = n.account_id
       LEFT JOIN endpoints e ON e.account_id = n.account_id AND e.id = n.endpoint_id AND e.deleted_at IS NULL
       LEFT JOIN deliveries d ON d.account_id = n.account_id AND d.id = n.delivery_id"
);

/// Takes a notice that nobody else has taken meanwhile.
const TAKE: &str = "UPDATE mail_notices SET tries = tries + 1, due_at = $5
     WHERE account_id = $1 AND id = $2 AND user_id = $3 AND tries = $4";

const REMOVE: &str = "DELETE FROM mail_notices WHERE account_id = $1 AND id = $2 AND user_id = $3";

/// What a notice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailNoticeKind {
    /// One attempt is left, at this instant; if it fails, the webhook is disabled.
    LastAttempt(Timestamp),
    /// The webhook was disabled, for this reason.
    Disabled(Option<DisabledReason>),
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

#[derive(sqlx::FromRow)]
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

    /// Takes some notices of an account that are due. Each is due again later, unless it is
    /// removed. Those that are of no use any more are dropped.
    pub async fn take(self, account: AccountId) -> Result<Vec<MailNotice>> {
        let now = self.0.clock.now();
        let mut conn = self.0.db.read(Pool::Lookups).await?;
        let rows: Vec<Row> = conn.query(DUE).bind(account).bind(now).bind(TURN).fetch_all().await?;
        drop(conn);
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.0.db.begin().await?;
        let mut taken = Vec::new();
        for row in rows {
            let (id, person, tries) = (row.id, row.user_id, row.tries.clone().ok().unwrap_or(i32::MAX));
            let wait = usize::try_from(tries).ok().and_then(|tries| WAITS.get(tries));
            match (wait, row.read(account, now)) {
                (Some(&wait), Some(notice)) => {
                    if take_one(&mut tx, &notice, tries, now + wait).await? {
                        taken.push(notice);
                    }
                }
                _ => drop(tx.query(REMOVE).bind(account).bind(id).bind(person).execute().await?),
            }
        }
        tx.commit().await?;
        Ok(taken)
    }

    /// Removes a notice: the mail server has it, or will never take it.
    pub async fn remove(self, notice: &MailNotice) -> Result<()> {
        let mut tx = self.0.db.begin().await?;
        let query = tx.query(REMOVE).bind(notice.account).bind(notice.id).bind(notice.person.uuid());
        query.execute().await?;
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

/// Takes a notice until an instant. Returns false if another process has it.
async fn take_one(tx: &mut Tx<'_>, notice: &MailNotice, tries: i32, until: Timestamp) -> db::Result<bool> {
    let query = tx.query(TAKE).bind(notice.account).bind(notice.id).bind(notice.person.uuid());
    Ok(query.bind(tries).bind(until).execute().await? == 1)
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
