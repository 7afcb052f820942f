//! The endpoints that need a person: disabled by failures, or failing.

use std::collections::HashMap;

use const_format::formatcp;
use signet_model::{
    DeliveryId, EndpointId,
    delivery::{Failure, Outcome},
    sql::Stored,
};

use super::{Endpoint, Endpoints, Fuse};
use crate::{
    db::{Pool, Sql},
    service::{Result, backlog::Count, deliveries::outcome_of},
};

/// The held deliveries of one endpoint that are counted.
const HELD_COUNTED: u64 = 1_000;
/// The deliveries at either end of what waits for an endpoint among which one is looked for that has
/// failed before: those that are due first can be new, and those that are due last have failed most.
const WAITING: u32 = 20;
/// Those among which the fuse is looked for, at either end likewise.
const FUSE_AMONG: u32 = 50;

/// An endpoint that needs a person.
#[derive(Debug)]
pub struct Attention {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its held deliveries, as far as they are counted.
    pub held: Count,
    /// The delivery that failed: the one that disabled it, or a late one.
    pub failed: Option<FailedDelivery>,
    /// The delivery that would be the first to disable it, while it fails.
    pub fuse: Option<Fuse>,
}

/// A delivery whose last attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The end of the attempt.
    pub outcome: Outcome,
}

/// A delivery of an endpoint (`e.id`) that has failed lately: the newest that failed for good, or
/// one of the first `$4` or the last `$4` that wait. Its attempt is looked up by its key: a join could
/// begin with all attempts of the account.
const FAILED_LATELY: &str = formatcp!(
    "SELECT found.id FROM
       (SELECT id, attempts FROM
          (SELECT id, attempts FROM deliveries WHERE account_id = $1 AND endpoint_id = e.id AND state = 'failed'
             AND state IN ('failed', 'held', 'discarded') ORDER BY event_id DESC LIMIT 1) AS failed
        UNION ALL SELECT id, attempts FROM (SELECT id, attempts {PENDING} ORDER BY due_at LIMIT $4) AS soon
         WHERE attempts > 0
        UNION ALL SELECT id, attempts FROM (SELECT id, attempts {PENDING} ORDER BY due_at DESC LIMIT $4) AS late
         WHERE attempts > 0) AS found
     ORDER BY (SELECT started_at FROM attempts
                WHERE account_id = $1 AND delivery_id = found.id AND number = found.attempts) DESC NULLS LAST LIMIT 1"
);
/// The deliveries that wait for an endpoint (`e.id`).
const PENDING: &str = "FROM deliveries WHERE account_id = $1 AND endpoint_id = e.id AND state = 'pending'";

/// Of each of some endpoints (`$2`) of an account (`$1`): its held deliveries, at most `$3`, and the
/// end of the last attempt at the delivery that disabled it, or at one that has failed lately.
macro_rules! attention {
    ($endpoints:literal, $held:literal) => {
        formatcp!(
            "SELECT t.id, t.held, d.id AS delivery_id, a.failure, a.status FROM
               (SELECT e.id, COALESCE(e.disabled_by, ({})) AS failed,
                  (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE {} AND state = 'held'
                     AND state IN ('failed', 'held', 'discarded') LIMIT $3) AS held) AS held
                FROM endpoints e WHERE e.account_id = $1 AND e.id {}) AS t
             LEFT JOIN deliveries d ON d.account_id = $1 AND d.id = t.failed
             LEFT JOIN attempts a ON a.account_id = $1 AND a.delivery_id = d.id AND a.number = d.attempts",
            FAILED_LATELY,
            $held,
            $endpoints
        )
    };
}

/// The statement. On SQLite, whose index of what is set aside begins with the endpoint, the account
/// of held deliveries would be read from each row; it is the endpoint's.
pub(crate) const ATTENTION: Sql = Sql {
    sqlite: attention!("IN (SELECT unhex(value) FROM json_each($2))", "endpoint_id = e.id"),
    postgres: attention!("= ANY($2)", "account_id = $1 AND endpoint_id = e.id"),
};

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: Stored<EndpointId>,
    held: i64,
    delivery_id: Option<Stored<DeliveryId>>,
    failure: Option<Stored<Failure>>,
    status: Option<Stored<i32>>,
}

impl Row {
    /// What is held, and what failed.
    fn read(self) -> Option<(EndpointId, (Count, Option<FailedDelivery>))> {
        let held = self.held.unsigned_abs();
        let count = Count { counted: held.min(HELD_COUNTED), more: held > HELD_COUNTED };
        let delivery = self.delivery_id.and_then(Stored::ok);
        let failed = delivery.zip(outcome_of(self.failure, self.status));
        Some((self.id.ok()?, (count, failed.map(|(id, outcome)| FailedDelivery { id, outcome }))))
    }
}

/// What is told of endpoints that need a person.
type Told = HashMap<EndpointId, (Count, Option<FailedDelivery>)>;

impl Endpoints<'_> {
    /// Of endpoints that need a person, what is held and what failed.
    pub(super) async fn told(self, endpoints: &[EndpointId]) -> Result<Told> {
        if endpoints.is_empty() {
            return Ok(Told::new());
        }
        let most = i64::try_from(HELD_COUNTED).unwrap_or(i64::MAX) + 1;
        let mut conn = self.service.db.read(Pool::Planned).await?;
        let query = conn.query(ATTENTION).bind(self.account).bind_ids(endpoints).bind(most).bind(i64::from(WAITING));
        let rows: Vec<Row> = query.fetch_all().await?;
        Ok(rows.into_iter().filter_map(Row::read).collect())
    }

    /// All that is to be known of endpoints that need a person, in the same order.
    pub(super) async fn attention(self, endpoints: Vec<Endpoint>, told: Told) -> Result<Vec<Attention>> {
        let mut fuses = self.fuses(&endpoints).await?;
        let attention = |endpoint: Endpoint| {
            let (held, failed) = told.get(&endpoint.id).copied().unwrap_or_default();
            Attention { held, failed, fuse: fuses.remove(&endpoint.id), endpoint }
        };
        Ok(endpoints.into_iter().map(attention).collect())
    }

    /// The fuses of those that are enabled.
    async fn fuses(self, endpoints: &[Endpoint]) -> Result<HashMap<EndpointId, Fuse>> {
        let mut fuses = HashMap::new();
        let enabled: Vec<_> = endpoints.iter().filter(|endpoint| endpoint.disabled.is_none()).collect();
        if enabled.is_empty() {
            return Ok(fuses);
        }
        let mut conn = self.service.db.read(Pool::Planned).await?;
        for endpoint in enabled {
            let handle = self.endpoint(endpoint.id);
            let fuse = handle.fuse_among(&mut conn, FUSE_AMONG, endpoint.resting_until).await?;
            fuses.extend(fuse.map(|fuse| (endpoint.id, fuse)));
        }
        Ok(fuses)
    }
}
