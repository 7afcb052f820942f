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

    /// Returns the schedules after the claim.
    pub(super) fn after(self, batch: &ClaimedBatch, now: Timestamp) -> NextTurns {
        let turn = |one: Schedule| {
            let next = one.throttle.after(one.next, now, batch.claimed_at(one.endpoint));
            let look_at = Throttle::look_again(next, now);
            (one.endpoint, NextTurn { account: one.account, next, look_at })
        };
        NextTurns(self.0.into_iter().map(turn).collect())
    }
}

/// The schedules of the throttled endpoints after a claim.
pub(super) struct NextTurns(HashMap<EndpointId, NextTurn>);

struct NextTurn {
    account: AccountId,
    /// The next regular start.
    next: Timestamp,
    /// The instant until which claims are kept away.
    look_at: Timestamp,
}

impl NextTurns {
    /// Returns the instant until which claims are kept away from an endpoint, if it is throttled.
    pub(super) fn look_at(&self, endpoint: EndpointId) -> Option<Timestamp> {
        self.0.get(&endpoint).map(|turn| turn.look_at)
    }

    /// Stores the schedules.
    pub(super) async fn store(self, tx: &mut PgTx<'_>, batch: &mut ClaimedBatch) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let turns: Vec<_> = self.0.into_iter().collect();
        for (endpoint, turn) in &turns {
            batch.throttled(*endpoint, turn.look_at);
        }
        sqlx::query(SET_NEXT_STARTS)
            .bind(column(&turns, |(_, turn)| turn.account))
            .bind(column(&turns, |(endpoint, _)| *endpoint))
            .bind(column(&turns, |(_, turn)| turn.next))
            .persistent(tx.keeps_statements)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}
