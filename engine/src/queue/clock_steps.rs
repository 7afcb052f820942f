//! The statements for a clock that was set back: what waits by the clock of before is moved.

use std::time::Duration;

use signet_model::{AccountId, EndpointId, Timestamp};

use super::{Lock, Queue, drain::EndpointAt};
use crate::db::{Result, Sql, Tx};

/// Deliveries that one transaction moves, and endpoints that are read at once.
const DELIVERIES_MAX: i64 = 500;
const ENDPOINTS_MAX: i64 = 100;

const LATEST: &str = "SELECT latest FROM clock_looks WHERE id = 1";
const NOTE: &str = "INSERT INTO clock_looks (id, latest) VALUES (1, $1)
     ON CONFLICT (id) DO UPDATE SET latest = excluded.latest WHERE clock_looks.latest < excluded.latest";
const SET_BACK: &str = "UPDATE clock_looks SET latest = $2 WHERE id = 1 AND latest = $1";

/// Reads endpoints with waiting deliveries after one (`$1`, `$2`).
pub(super) const NEXT_QUEUES: &str = "SELECT account_id, endpoint_id FROM endpoint_queues
     WHERE (account_id, endpoint_id) > ($1, $2) ORDER BY account_id, endpoint_id LIMIT $3";

/// Makes the queue of an endpoint (`$1`, `$2`) due now (`$3`). A claim puts it off again if that is
/// too early.
const MAKE_DUE: Sql = Sql {
    sqlite: "UPDATE endpoint_queues SET next_due_at = $3 WHERE account_id = $1 AND endpoint_id = $2 AND next_due_at > $3",
    // What is moved is pending before the instant that is known to have nothing before it.
    postgres: "UPDATE endpoint_queues SET next_due_at = least(next_due_at, $3), pending_from = NULL
     WHERE account_id = $1 AND endpoint_id = $2 AND (next_due_at > $3 OR pending_from IS NOT NULL)",
};

/// Lets the next start at a throttled endpoint be now.
const END_THROTTLING: &str = "UPDATE endpoints SET throttled_until = $3
     WHERE account_id = $1 AND id = $2 AND throttled_until > $3";

/// Ends a rest earlier by so many microseconds (`$4`).
const SHORTEN_REST: Sql = Sql {
    sqlite: "UPDATE endpoints SET resting_until = resting_until - $4
     WHERE account_id = $1 AND id = $2 AND resting_until > $3",
    postgres: "UPDATE endpoints SET resting_until = resting_until - $4::bigint * INTERVAL '1 microsecond'
     WHERE account_id = $1 AND id = $2 AND resting_until > $3",
};

/// Reads up to which due time the next deliveries of an endpoint after one (`$3`) go.
const NEXT_DUE_TIMES: &str = "SELECT max(due_at) FROM (SELECT due_at FROM deliveries
     WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending' AND due_at > $3
     ORDER BY due_at LIMIT $4) AS next";

/// Makes them due earlier by so many microseconds (`$5`). Those whose outcome is being written
/// have a new due time anyway.
pub(super) const MOVE: Sql = Sql {
    sqlite: "UPDATE deliveries SET due_at = due_at - $5 WHERE account_id = $1 AND endpoint_id = $2
       AND state = 'pending' AND due_at > $3 AND due_at <= $4",
    postgres: "UPDATE deliveries SET due_at = due_at - $5::bigint * INTERVAL '1 microsecond'
     WHERE account_id = $1 AND id IN (SELECT id FROM deliveries WHERE account_id = $1 AND endpoint_id = $2
       AND state = 'pending' AND due_at > $3 AND due_at <= $4 FOR UPDATE SKIP LOCKED)",
};

impl Queue {
    /// Reads the latest instant that a process on this database has noted.
    pub(crate) async fn latest_look(&self) -> Result<Option<Timestamp>> {
        self.look_up().await?.query(LATEST).fetch_optional_value().await
    }

    /// Notes an instant, unless a later one is noted.
    pub(crate) async fn note_look(&self, now: Timestamp) -> Result<()> {
        let mut tx = self.db.begin().await?;
        tx.query(NOTE).bind(now).execute().await?;
        tx.commit().await
    }

    /// Sets the noted instant back. Returns `false` if another process has done so.
    pub(crate) async fn set_look_back(&self, noted: Timestamp, now: Timestamp) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let changed = tx.query(SET_BACK).bind(noted).bind(now).execute().await?;
        tx.commit().await?;
        Ok(changed > 0)
    }

    /// Reads endpoints with waiting deliveries after one.
    pub(crate) async fn queues_after(
        &self,
        (account, endpoint): (AccountId, EndpointId),
    ) -> Result<Vec<(AccountId, EndpointId)>> {
        let mut conn = self.look_up().await?;
        conn.query(NEXT_QUEUES).bind(account).bind(endpoint).bind(ENDPOINTS_MAX).fetch_all().await
    }
}

impl Tx<'_> {
    /// Locks an account, to move what waits at one of its endpoints. Returns `false` if another
    /// transaction has locked it.
    pub(crate) async fn lock_to_move(&mut self, account: AccountId) -> Result<bool> {
        Ok(!self.lock_free_accounts(&[account], Lock::Exclusive).await?.is_empty())
    }

    /// Makes an endpoint due now, and what keeps claims away from it end earlier. The caller has
    /// locked the account.
    pub(crate) async fn move_endpoint(&mut self, at: EndpointAt, back: Duration) -> Result<()> {
        self.query(MAKE_DUE).bind(at.account).bind(at.endpoint).bind(at.now).execute().await?;
        self.query(END_THROTTLING).bind(at.account).bind(at.endpoint).bind(at.now).execute().await?;
        let rest = self.query(SHORTEN_REST).bind(at.account).bind(at.endpoint).bind(at.now).bind(micros(back));
        if rest.execute().await? > 0 {
            self.revise(at.account).await?;
        }
        Ok(())
    }

    /// Makes the next deliveries of an endpoint that are due after an instant due earlier. Returns
    /// the last due time of before; `None` if there are no more. Their queue is due.
    pub(crate) async fn move_deliveries(
        &mut self,
        at: EndpointAt,
        after: Timestamp,
        back: Duration,
    ) -> Result<Option<Timestamp>> {
        let next = self.query(NEXT_DUE_TIMES).bind(at.account).bind(at.endpoint).bind(after).bind(DELIVERIES_MAX);
        let Some(to) = next.fetch_value::<Option<Timestamp>>().await? else { return Ok(None) };
        self.query(MAKE_DUE).bind(at.account).bind(at.endpoint).bind(at.now).execute().await?;
        let query = self.query(MOVE).bind(at.account).bind(at.endpoint).bind(after).bind(to).bind(micros(back));
        query.execute().await?;
        Ok(Some(to))
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
