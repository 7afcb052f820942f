//! The reasons for which deliveries of an endpoint have failed.
//!
//! Statistics count failures without their reasons. These are read from the deliveries whose last
//! attempt failed: those that failed for good, wait for a retry or are held. What arrived at a
//! later attempt is not among them, and of each of the three so many are looked at
//! ([`CAUSES_FROM`]), so that the answer is one about the latest failures, not about all.

use signet_model::{
    EventId,
    delivery::{Failure, Outcome},
    sql::Lossy,
};

use super::Window;
use crate::{
    db::Pool,
    service::{EndpointHandle, Result, deliveries::ResultClass},
};

/// The deliveries that are looked at: of those that failed the newest, of those that wait the ones
/// that are due first, of those that are held the oldest.
pub const CAUSES_FROM: u32 = 1_000;

/// The reasons that are named, the most frequent first.
const NAMED: u32 = 12;

/// Counts, by the result of the last attempt, deliveries of an endpoint (`$1`, `$2`) that failed,
/// are held or wait for a retry, of events from one on (`$3`), of each at most `$4`; names `$5`.
/// The attempt is read for each delivery by its key: a join could read all attempts.
pub(crate) const CAUSES: &str = "SELECT result, count(*) AS deliveries FROM
       (SELECT (SELECT CASE WHEN a.failure IS NOT NULL THEN a.failure
                            WHEN a.status NOT BETWEEN 200 AND 299 THEN CAST(a.status AS TEXT) END
                  FROM attempts a WHERE a.account_id = $1 AND a.delivery_id = found.id AND a.number = found.attempts)
               AS result FROM
          (SELECT id, attempts FROM
             (SELECT id, attempts, is_test FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'failed'
                AND state IN ('failed', 'held', 'discarded') AND event_id >= $3 ORDER BY event_id DESC LIMIT $4) AS failed
            WHERE NOT is_test
           UNION ALL SELECT id, attempts FROM
             (SELECT id, attempts FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'held'
                AND state IN ('failed', 'held', 'discarded') AND event_id >= $3 ORDER BY event_id LIMIT $4) AS held
            WHERE attempts > 0
           UNION ALL SELECT id, attempts FROM
             (SELECT id, attempts, is_test, event_id FROM deliveries
               WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending' ORDER BY due_at LIMIT $4) AS pending
            WHERE NOT is_test AND attempts > 0 AND event_id >= $3) AS found) AS results
     GROUP BY result ORDER BY 2 DESC, 1 LIMIT $5";

/// A reason for which deliveries have failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// The end of their last attempts.
    pub outcome: Outcome,
    /// Its class, by which the log can be filtered; not every failure has one.
    pub class: Option<ResultClass>,
    /// The deliveries.
    pub deliveries: u64,
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    /// The status or the failure; `None` if the attempt did not fail, or is gone.
    result: Option<Lossy>,
    deliveries: i64,
}

impl Row {
    fn read(self) -> Option<Cause> {
        let result = self.result?.0;
        let failed = || Outcome::Failed(result.parse().unwrap_or(Failure::Unknown));
        let outcome = result.parse().map_or_else(|_| failed(), Outcome::Answered);
        Some(Cause { outcome, class: ResultClass::of(outcome), deliveries: self.deliveries.unsigned_abs() })
    }
}

impl EndpointHandle<'_> {
    /// Counts the deliveries whose last attempt failed, by its end, the most frequent first.
    pub async fn causes(self, window: Window) -> Result<Vec<Cause>> {
        let oldest = EventId::new(window.since(self.service.clock.now()), [0; 10]);
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(CAUSES).bind(self.account).bind(self.id).bind(oldest).bind(i64::from(CAUSES_FROM));
        let rows: Vec<Row> = query.bind(i64::from(NAMED)).fetch_all().await?;
        Ok(rows.into_iter().filter_map(Row::read).collect())
    }
}
