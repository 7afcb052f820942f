//! Notices by e-mail on their way out: a row for each person, written in the transaction of the
//! outcome that it tells of.

use const_format::formatcp;
use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp, endpoint::DisabledReason, event::EventType};
use uuid::Uuid;

use super::Telling;
use crate::db::{Result, Tx};

/// A condition on a membership `m`: its person gets notices. Unless they have chosen, those
/// do who may change webhooks.
pub(crate) const WANTS_NOTICES: &str = "COALESCE(m.notices, m.role IN ('owner', 'admin', 'developer'))";

/// The most people of an account that a notice goes to.
const PEOPLE_MAX: i64 = 1_000;

/// What people are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// One attempt is left, at this instant; if it fails, the endpoint is disabled.
    LastAttempt(Timestamp),
    /// The endpoint was disabled.
    Disabled(DisabledReason),
}

/// A notice to the people of an account.
#[derive(Debug, Clone)]
pub(crate) struct NewMailNotice {
    /// Grows with time.
    pub(crate) id: Uuid,
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) delivery: DeliveryId,
    pub(crate) event_type: EventType,
    pub(crate) told: Told,
    /// What the last attempt came to, in a word.
    pub(crate) outcome: String,
    pub(crate) occurred_at: Timestamp,
}

impl Tx<'_> {
    /// Stores a notice for each person who wants it. That one attempt is left is told once
    /// between two successes of an endpoint, and anew once it was disabled. The health of the
    /// endpoint must be written before.
    pub(crate) async fn note_by_mail(&mut self, notice: &NewMailNotice) -> Result<Telling> {
        const WARN: &str = "UPDATE endpoint_health SET warned_at = $3 WHERE account_id = $1 AND endpoint_id = $2
             AND (warned_at IS NULL OR warned_at <= last_success_at)";
        const END: &str = "UPDATE endpoint_health SET warned_at = NULL WHERE account_id = $1 AND endpoint_id = $2";
        let (account, endpoint) = (notice.account, notice.endpoint);
        match notice.told {
            Told::LastAttempt(_) => {
                let query = self.query(WARN).bind(account).bind(endpoint).bind(notice.occurred_at);
                if query.execute().await? == 0 {
                    return Ok(Telling::ToldBefore);
                }
            }
            Told::Disabled(_) => drop(self.query(END).bind(account).bind(endpoint).execute().await?),
        }
        self.insert_mail_notices(notice).await?;
        Ok(Telling::Told)
    }

    async fn insert_mail_notices(&mut self, notice: &NewMailNotice) -> Result<()> {
        const SQL: &str = formatcp!(
            "INSERT INTO mail_notices (account_id, id, user_id, kind, endpoint_id, delivery_id, event_type, outcome, reason,
               last_attempt_at, occurred_at, tries, due_at)
             SELECT m.account_id, $2, m.user_id, $3, $4, $5, $6, $7, $8, $9, $10, 0, $10
             FROM memberships m WHERE m.account_id = $1 AND {WANTS_NOTICES} LIMIT $11"
        );
        let (kind, reason, last_attempt_at) = match notice.told {
            Told::LastAttempt(at) => ("last_attempt", None, Some(at)),
            Told::Disabled(reason) => ("disabled", Some(reason.as_str()), None),
        };
        let query = self.query(SQL).bind(notice.account).bind(notice.id).bind(kind);
        let query = query.bind(notice.endpoint).bind(notice.delivery).bind(notice.event_type.as_str());
        let query = query.bind(notice.outcome.as_str()).bind(reason).bind(last_attempt_at).bind(notice.occurred_at);
        query.bind(PEOPLE_MAX).execute().await.map(drop)
    }
}
