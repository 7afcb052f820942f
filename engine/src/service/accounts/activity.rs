//! The life in an account, as the operator sees it: counts and instants, never contents.

use signet_model::{EventId, Timestamp};

use super::AccountHandle;
use crate::{
    db::Pool,
    service::{Result, backlog::Count},
};

/// The last event of an account (`$1`).
pub(crate) const LAST_EVENT: &str = "SELECT id FROM events WHERE account_id = $1 ORDER BY id DESC LIMIT 1";
/// The number of webhooks of an account (`$1`), at most `$2`.
pub(crate) const WEBHOOKS: &str = "SELECT count(*) FROM
     (SELECT 1 FROM endpoints WHERE account_id = $1 AND deleted_at IS NULL LIMIT $2) AS webhooks";
/// The last use of a session in an account (`$1`), by the latest of `$2` people.
pub(crate) const LAST_SEEN: &str = "SELECT max(seen_at) FROM
     (SELECT seen_at FROM memberships WHERE account_id = $1 LIMIT $2) AS people";
/// The number of events of an account (`$1`), at most `$2`.
pub(crate) const EVENTS: &str = "SELECT count(*) FROM (SELECT 1 FROM events WHERE account_id = $1 LIMIT $2) AS counted";

/// Counting and looking ends here.
const CAP: u32 = 10_000;

/// The life in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// The instant of the last event that was taken, tests among them.
    pub last_event_at: Option<Timestamp>,
    /// The instant at which a person was last in the account, to the minute.
    pub last_seen_at: Option<Timestamp>,
    /// The number of webhooks.
    pub webhooks: Count,
}

impl AccountHandle<'_> {
    /// Looks for life in the account.
    pub async fn activity(self) -> Result<Activity> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let last_event: Option<EventId> = conn.query(LAST_EVENT).bind(self.id).fetch_optional_value().await?;
        let last_seen_at = conn.query(LAST_SEEN).bind(self.id).bind(i64::from(CAP)).fetch_value().await?;
        let webhooks: i64 = conn.query(WEBHOOKS).bind(self.id).bind(i64::from(CAP) + 1).fetch_value().await?;
        Ok(Activity {
            last_event_at: last_event.map(EventId::created_at),
            last_seen_at,
            webhooks: Count::up_to(webhooks.unsigned_abs()),
        })
    }

    /// Counts the events that are stored.
    pub async fn events_left(self) -> Result<Count> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let count: i64 = conn.query(EVENTS).bind(self.id).bind(i64::from(CAP) + 1).fetch_value().await?;
        Ok(Count::up_to(count.unsigned_abs()))
    }
}
