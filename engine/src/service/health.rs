//! The health of deliveries over all accounts, for the operator. Every statement has a limit,
//! however many accounts there are.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use const_format::formatcp;
use signet_model::{
    AccountId, EndpointId, Timestamp,
    endpoint::{DisabledReason, EndpointUrl},
    sql::Lossy,
};

use super::{Result, Service, backlog::Count};
use crate::{
    db::{Conn, Pool},
    queue::HOUR,
};

/// The rows of statistics that are looked at, the latest first.
const LOOKED_AT: u32 = 50_000;
/// The queues that are looked at, those that are due first.
const QUEUES: u32 = 1_000;
/// The deliveries that are counted.
const COUNTED: u32 = 10_000;
/// The webhooks that each list names.
pub const LISTED: u32 = 50;
/// A webhook is stuck if something has been due for it for so long.
pub const STUCK_AFTER: Duration = Duration::from_mins(5);

/// The latest `$2` rows of statistics since an hour (`$1`).
pub(super) const LATEST: &str = "FROM statistics WHERE hour >= $1 ORDER BY hour DESC LIMIT $2";

/// Adds the attempts up since an hour (`$1`).
pub(crate) const TOTALS: &str = formatcp!(
    "SELECT count(*) AS looked_at, CAST(COALESCE(sum(attempts), 0) AS BIGINT) AS attempts,
       CAST(COALESCE(sum(failed_attempts), 0) AS BIGINT) AS failed_attempts,
       CAST(COALESCE(sum(failed_deliveries), 0) AS BIGINT) AS failed_deliveries
     FROM (SELECT failed_attempts, failed_deliveries, within_5ms + within_10ms + within_25ms + within_50ms
             + within_100ms + within_250ms + within_500ms + within_1s + within_2500ms + within_5s + within_10s
             + longer AS attempts {LATEST}) AS latest"
);

/// The number of deliveries that wait, at most `$1`.
pub(crate) const QUEUED: &str = "SELECT count(*) FROM
     (SELECT 1 FROM deliveries WHERE state = 'pending' ORDER BY endpoint_id, due_at LIMIT $1) AS waiting";

/// The instant at which the first delivery that waits for a webhook is due, or was. A queue can be
/// due earlier than its deliveries.
pub(super) const DUE: &str =
    "(SELECT min(d.due_at) FROM deliveries d WHERE d.endpoint_id = q.endpoint_id AND d.state = 'pending') AS at";

/// The instant at which the next delivery of any webhook is due, or was, by the first `$1` queues.
pub(crate) const FIRST_DUE: &str = formatcp!(
    "SELECT min(at) FROM (SELECT {DUE} FROM
       (SELECT endpoint_id FROM endpoint_queues ORDER BY next_due_at LIMIT $1) AS q) AS first"
);

/// Webhooks for which a delivery was due before an instant (`$1`), of the first `$2` queues that
/// were, the longest first, at most `$3`.
pub(crate) const STUCK: &str = formatcp!(
    "SELECT q.account_id, a.name AS account_name, q.endpoint_id, e.url, q.at,
       CAST(NULL AS TEXT) AS reason, CAST(0 AS BIGINT) AS failures
     FROM (SELECT account_id, endpoint_id, {DUE} FROM
            (SELECT account_id, endpoint_id FROM endpoint_queues
              WHERE next_due_at < $1 ORDER BY next_due_at LIMIT $2) AS q) AS q
     JOIN endpoints e ON e.id = q.endpoint_id JOIN accounts a ON a.id = q.account_id
     WHERE q.at < $1 ORDER BY q.at, q.endpoint_id LIMIT $3"
);

/// Webhooks that failures have disabled, the latest first, at most `$1`.
pub(crate) const DISABLED: &str = "SELECT e.account_id, a.name AS account_name, e.id AS endpoint_id, e.url,
       e.disabled_at AS at, e.disabled_reason AS reason, CAST(0 AS BIGINT) AS failures
     FROM (SELECT id, account_id, url, disabled_at, disabled_reason FROM endpoints
            WHERE disabled_reason <> 'paused' AND deleted_at IS NULL ORDER BY disabled_at DESC LIMIT $1) AS e
     JOIN accounts a ON a.id = e.account_id ORDER BY e.disabled_at DESC, e.id";

/// Webhooks of the latest `$2` rows of statistics since an hour (`$1`) that have failed since
/// their last success, the latest failure first, at most `$3`.
pub(crate) const FAILING: &str = formatcp!(
    "SELECT f.account_id, a.name AS account_name, f.endpoint_id, e.url, h.last_failure_at AS at, CAST(NULL AS TEXT) AS reason,
       CAST(h.consecutive_failures AS BIGINT) AS failures
     FROM (SELECT DISTINCT account_id, endpoint_id FROM
            (SELECT account_id, endpoint_id, failed_attempts {LATEST}) AS latest WHERE failed_attempts > 0) AS f
     JOIN endpoint_health h ON h.account_id = f.account_id AND h.endpoint_id = f.endpoint_id
     JOIN endpoints e ON e.id = f.endpoint_id JOIN accounts a ON a.id = f.account_id
     WHERE h.consecutive_failures > 0 AND h.last_failure_at IS NOT NULL AND e.disabled_at IS NULL
       AND e.deleted_at IS NULL
     ORDER BY h.last_failure_at DESC, f.endpoint_id LIMIT $3"
);

/// What the attempts since an hour came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// The beginning of the first hour.
    pub since: Timestamp,
    /// Attempts that delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// Deliveries that failed for good.
    pub failed_deliveries: u64,
    /// There is more than was added up.
    pub is_partial: bool,
}

/// A webhook that is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ill {
    /// Its account.
    pub account: AccountId,
    /// The name of that.
    pub account_name: String,
    /// The webhook.
    pub endpoint: EndpointId,
    /// Its URL, as it is stored.
    pub url: String,
    /// The instant since which it is disabled or stuck, or of its last failure.
    pub at: Timestamp,
    /// The reason that disabled it, if this version knows it.
    pub reason: Option<DisabledReason>,
    /// The attempts that have failed since its last success.
    pub failures: u32,
}

/// The health of deliveries over all accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Of the last full hour and the present one.
    pub last_hour: Totals,
    /// Of the last 24 full hours and the present one.
    pub last_day: Totals,
    /// Deliveries that wait or are being sent.
    pub queued: Count,
    /// The instant at which the next delivery is due, or was.
    pub first_due: Option<Timestamp>,
    /// Webhooks for which something has been due for long, the longest first.
    pub stuck: Vec<Ill>,
    /// Webhooks that failures have disabled, the latest first.
    pub disabled: Vec<Ill>,
    /// Webhooks that fail, the latest failure first.
    pub failing: Vec<Ill>,
}

impl Ill {
    /// The host of the webhook's URL, or the whole text if that is no URL.
    pub fn host(&self) -> String {
        EndpointUrl::from_stored(&self.url).map_or_else(|_| self.url.clone(), |url| url.host().to_owned())
    }
}

#[derive(sqlx_macros::FromRow)]
pub(super) struct TotalsRow {
    pub(super) looked_at: i64,
    pub(super) attempts: i64,
    pub(super) failed_attempts: i64,
    failed_deliveries: i64,
}

#[derive(sqlx_macros::FromRow)]
pub(super) struct IllRow {
    account_id: AccountId,
    account_name: Lossy,
    endpoint_id: EndpointId,
    url: Lossy,
    at: Timestamp,
    reason: Option<Lossy>,
    failures: i64,
}

impl From<IllRow> for Ill {
    fn from(row: IllRow) -> Self {
        Self {
            account: row.account_id,
            account_name: row.account_name.0,
            endpoint: row.endpoint_id,
            url: row.url.0,
            at: row.at,
            reason: row.reason.and_then(|reason| reason.0.parse().ok()),
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
        }
    }
}

/// Reads the health.
pub(crate) async fn read(service: &Arc<Service>) -> Result<Health> {
    let now = service.clock.now();
    let mut conn = service.db.read(Pool::Pages).await?;
    let (hour_ago, day_ago) = ((now - HOUR).beginning(HOUR), (now - HOUR * 24).beginning(HOUR));
    let queued: i64 = conn.query(QUEUED).bind(i64::from(COUNTED) + 1).fetch_value().await?;
    Ok(Health {
        last_hour: totals(&mut conn, hour_ago).await?,
        last_day: totals(&mut conn, day_ago).await?,
        queued: Count::up_to(queued.unsigned_abs()),
        first_due: conn.query(FIRST_DUE).bind(i64::from(QUEUES)).fetch_value().await?,
        stuck: ill(conn
            .query(STUCK)
            .bind(now - STUCK_AFTER)
            .bind(i64::from(QUEUES))
            .bind(i64::from(LISTED))
            .fetch_all()
            .await?),
        disabled: ill(conn.query(DISABLED).bind(i64::from(LISTED)).fetch_all().await?),
        failing: ill(conn
            .query(FAILING)
            .bind(hour_ago)
            .bind(i64::from(LOOKED_AT))
            .bind(i64::from(LISTED))
            .fetch_all()
            .await?),
    })
}

fn ill(rows: Vec<IllRow>) -> Vec<Ill> {
    rows.into_iter().map(Ill::from).collect()
}

async fn totals(conn: &mut Conn, since: Timestamp) -> Result<Totals> {
    let row: TotalsRow = conn.query(TOTALS).bind(since).bind(i64::from(LOOKED_AT)).fetch_one().await?;
    let [attempts, failed_attempts, failed_deliveries] =
        [row.attempts, row.failed_attempts, row.failed_deliveries].map(i64::unsigned_abs);
    Ok(Totals {
        since,
        delivered: attempts.saturating_sub(failed_attempts),
        failed_attempts,
        failed_deliveries,
        is_partial: row.looked_at >= i64::from(LOOKED_AT),
    })
}
