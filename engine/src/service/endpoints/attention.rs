//! The endpoints that need a person: disabled by failures, or failing.

use const_format::formatcp;
use signet_model::{
    DeliveryId, EndpointId,
    delivery::{Failure, Outcome},
    sql::Stored,
};

use super::{
    ENDPOINTS, Endpoint, Endpoints, Row,
    listing::{DISABLED, FAILING},
};
use crate::{
    db::{Conn, Pool, Sql},
    service::{Result, backlog::Count, deliveries::outcome_of},
};

/// The held deliveries of one endpoint that are counted.
const HELD_COUNTED: u64 = 1_000;
/// The deliveries that wait for an endpoint among which one is looked for that has failed before.
const WAITING: u32 = 100;

/// An endpoint that needs a person.
#[derive(Debug)]
pub struct Attention {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its held deliveries, as far as they are counted.
    pub held: Count,
    /// The delivery that failed: the one that disabled it, or a late one.
    pub failed: Option<FailedDelivery>,
}

/// A delivery whose last attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The end of the attempt.
    pub outcome: Outcome,
}

/// The endpoints of an account (`$1`) that need a person, those that are disabled first, then the
/// latest trouble first, at most `$2`. Their ids are found beside the long rows.
pub(crate) const IN_TROUBLE: &str = formatcp!(
    "{ENDPOINTS} AND e.id IN (SELECT id FROM
       (SELECT e.id FROM endpoints e LEFT JOIN endpoint_health h ON h.account_id = e.account_id AND h.endpoint_id = e.id
         WHERE e.account_id = $1 AND e.deleted_at IS NULL AND ({DISABLED} OR {FAILING})
         ORDER BY CASE WHEN e.disabled_at IS NULL THEN 1 ELSE 0 END, COALESCE(e.disabled_at, h.last_failure_at) DESC, e.id
         LIMIT $2) AS worst)
     ORDER BY CASE WHEN e.disabled_at IS NULL THEN 1 ELSE 0 END, COALESCE(e.disabled_at, h.last_failure_at) DESC, e.id"
);

/// The held deliveries of an endpoint (`$2`) of an account (`$1`), at most `$3`. On SQLite, whose
/// index begins with the endpoint, the account would be read from each row; it is the account's own.
pub(crate) const HELD: Sql = Sql {
    sqlite: "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE endpoint_id = $2 AND state = 'held'
               AND state IN ('failed', 'held', 'discarded') LIMIT $3) AS held",
    postgres:
        "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'held'
                 AND state IN ('failed', 'held', 'discarded') LIMIT $3) AS held",
};

/// The end of the last attempt at a delivery (`$2`) of an account (`$1`).
const LAST_ATTEMPT: &str = "SELECT d.id, a.failure, a.status FROM deliveries d
     JOIN attempts a ON a.account_id = d.account_id AND a.delivery_id = d.id AND a.number = d.attempts
     WHERE d.account_id = $1 AND d.id = $2";

/// A delivery of an endpoint (`$1`, `$2`) that has failed lately: the newest that failed for good,
/// or one of the first `$3` that wait.
pub(crate) const FAILED_LATELY: &str = "SELECT found.id, a.failure, a.status FROM
       (SELECT id, attempts FROM
          (SELECT id, attempts FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'failed'
             AND state IN ('failed', 'held', 'discarded') ORDER BY event_id DESC LIMIT 1) AS failed
        UNION ALL SELECT id, attempts FROM
          (SELECT id, attempts FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending'
            ORDER BY due_at LIMIT $3) AS waiting WHERE attempts > 0) AS found
     JOIN attempts a ON a.account_id = $1 AND a.delivery_id = found.id AND a.number = found.attempts
     ORDER BY a.started_at DESC LIMIT 1";

#[derive(sqlx::FromRow)]
struct FailedRow {
    id: Stored<DeliveryId>,
    failure: Option<Stored<Failure>>,
    status: Option<Stored<i32>>,
}

impl FailedRow {
    fn read(self) -> Option<FailedDelivery> {
        let outcome = outcome_of(self.failure, self.status)?;
        Some(FailedDelivery { id: self.id.ok()?, outcome })
    }
}

impl Endpoints<'_> {
    /// Lists those that failures have disabled, and then those that are failing, at most `limit`.
    pub async fn in_trouble(self, limit: u32) -> Result<Vec<Attention>> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn.query(IN_TROUBLE).bind(self.account).bind(i64::from(limit)).fetch_all().await?;
        let endpoints = rows.into_iter().filter_map(|row| row.read(&self.service.sealer));
        let mut troubles = Vec::new();
        for endpoint in endpoints {
            let held = self.held_of(&mut conn, endpoint.id).await?;
            let failed = self.failed_of(&mut conn, &endpoint).await?;
            troubles.push(Attention { endpoint, held, failed });
        }
        Ok(troubles)
    }

    async fn held_of(self, conn: &mut Conn, endpoint: EndpointId) -> Result<Count> {
        let most = i64::try_from(HELD_COUNTED).unwrap_or(i64::MAX) + 1;
        let held: i64 = conn.query(HELD).bind(self.account).bind(endpoint).bind(most).fetch_value().await?;
        let held = held.unsigned_abs();
        Ok(Count { counted: held.min(HELD_COUNTED), more: held > HELD_COUNTED })
    }

    async fn failed_of(self, conn: &mut Conn, endpoint: &Endpoint) -> Result<Option<FailedDelivery>> {
        let query = match endpoint.disabled.and_then(|disabled| disabled.by) {
            Some(by) => conn.query(LAST_ATTEMPT).bind(self.account).bind(by),
            None => conn.query(FAILED_LATELY).bind(self.account).bind(endpoint.id).bind(i64::from(WAITING)),
        };
        let row: Option<FailedRow> = query.fetch_optional().await?;
        Ok(row.and_then(FailedRow::read))
    }
}
