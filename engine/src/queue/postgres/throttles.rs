//! The schedules of throttled endpoints in a claim on PostgreSQL. The claim has locked the
//! queues of these endpoints, and so no other process reads or writes the schedules.

use std::collections::HashMap;

use signet_model::{AccountId, EndpointId, Throttle, Timestamp};

use super::column;
use crate::{
    db::{PgTx, Result},
    queue::claims::{ClaimQuota, ClaimedBatch},
};

/// Reads the next regular starts at endpoints.
pub(in crate::queue) const NEXT_STARTS: &str = "SELECT e.id, e.throttled_until FROM endpoints e
     JOIN unnest($1::uuid[], $2::uuid[]) AS throttled (account_id, id)
       ON e.account_id = throttled.account_id AND e.id = throttled.id";

/// Stores the next regular starts.
pub(in crate::queue) const SET_NEXT_STARTS: &str = "UPDATE endpoints SET throttled_until = throttled.until
     FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS throttled (account_id, id, until)
     WHERE endpoints.account_id = throttled.account_id AND endpoints.id = throttled.id";

/// Keeps claims away from endpoints until the instants at which the next deliveries may start.
pub(in crate::queue) const HOLD_QUEUES_BACK: &str = "UPDATE endpoint_queues SET next_due_at = throttled.look_at
     FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS throttled (account_id, endpoint_id, look_at)
     WHERE endpoint_queues.account_id = throttled.account_id AND endpoint_queues.endpoint_id = throttled.endpoint_id
       AND endpoint_queues.next_due_at < throttled.look_at";

/// The throttled endpoints of a claim.
pub(super) struct Schedules(Vec<Schedule>);

struct Schedule {
    account: AccountId,
    endpoint: EndpointId,
    throttle: Throttle,
    /// The next regular start.
    next: Option<Timestamp>,
}

impl Schedules {
    /// Reads the schedules, and limits the quotas by them.
    pub(super) async fn limit(tx: &mut PgTx<'_>, quotas: &mut [ClaimQuota], now: Timestamp) -> Result<Self> {
        if quotas.iter().all(|quota| quota.throttle.is_none()) {
            return Ok(Self(Vec::new()));
        }
        let throttled: Vec<_> = quotas.iter().filter(|quota| quota.throttle.is_some()).collect();
        let rows: Vec<(EndpointId, Option<Timestamp>)> = sqlx::query_as(NEXT_STARTS)
            .bind(column(&throttled, |quota| quota.account))
            .bind(column(&throttled, |quota| quota.endpoint))
            .persistent(tx.keeps_statements)
            .fetch_all(&mut **tx)
            .await?;
        let starts: HashMap<_, _> = rows.into_iter().collect();
        let schedule = |quota: &mut ClaimQuota| {
            let throttle = quota.throttle?;
            let next = starts.get(&quota.endpoint).copied().flatten();
            quota.limit(throttle, next, now);
            Some(Schedule { account: quota.account, endpoint: quota.endpoint, throttle, next })
        };
        Ok(Self(quotas.iter_mut().filter_map(schedule).collect()))
    }

    /// Stores the schedules after the claim.
    pub(super) async fn store(self, tx: &mut PgTx<'_>, batch: &mut ClaimedBatch, now: Timestamp) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (mut nexts, mut looks) = (Vec::new(), Vec::new());
        for one in &self.0 {
            let (next, look_at) = batch.throttled(one.endpoint, one.throttle, one.next, now);
            nexts.push(next);
            looks.push(look_at);
        }
        for (sql, instants) in [(SET_NEXT_STARTS, nexts), (HOLD_QUEUES_BACK, looks)] {
            sqlx::query(sql)
                .bind(column(&self.0, |one| one.account))
                .bind(column(&self.0, |one| one.endpoint))
                .bind(instants)
                .persistent(tx.keeps_statements)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }
}
