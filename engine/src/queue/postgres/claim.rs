//! Claiming on PostgreSQL, beside other processes that claim.

use std::collections::{HashMap, HashSet};

use signet_model::{AccountId, EndpointId, Timestamp};

use super::{PgTx, column, throttles::Schedules};
use crate::{
    db::{Result, Sql},
    queue::{
        Claim, ClaimOrder, ClaimQuota, HOLD_UNREADABLE, Revision,
        accounts::{LOCK_FREE_SHARED, REVISIONS},
        claims::{ClaimedBatch, ClaimedRow, UnreadableRow, due_again},
    },
};

/// Claims deliveries.
///
/// The locked row of `endpoint_queues` keeps other claims away; SKIP LOCKED is for an outcome
/// or a drain step that changes the same delivery at this moment. `due` has no more rows than
/// may be claimed, so that `sized` sorts no more.
pub(in crate::queue) const CLAIM: &str = "WITH due AS (
       SELECT c.place, c.bytes, d.*
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $7::bigint[])
              WITH ORDINALITY AS c (account_id, endpoint_id, how_many, bytes, place)
         CROSS JOIN LATERAL (
           SELECT account_id, id, event_id, due_at FROM deliveries
            WHERE account_id = c.account_id AND endpoint_id = c.endpoint_id AND state = 'pending' AND due_at <= $4
            ORDER BY due_at LIMIT c.how_many FOR UPDATE SKIP LOCKED) d),
     sized AS (
       SELECT due.account_id, due.id, due.bytes, events.body, events.trace_context,
              row_number() OVER (ORDER BY place, due_at, due.id) AS number,
              sum(octet_length(events.body)) OVER (PARTITION BY place ORDER BY due_at, due.id) AS total
         FROM due LEFT JOIN events ON events.account_id = due.account_id AND events.id = due.event_id)
     UPDATE deliveries SET due_at = $5, lease = $6 FROM sized
      WHERE deliveries.account_id = sized.account_id AND deliveries.id = sized.id
        AND (COALESCE(total, 0) <= sized.bytes OR number = 1)
     RETURNING deliveries.id, deliveries.account_id, endpoint_id, event_type, is_test, attempts, failures, body,
       trace_context";

/// After a claim: moves the queues of endpoints (`$1`, `$2`) on to their next due times, and
/// removes those at which nothing is pending. Overdue deliveries count as due at an instant of
/// each endpoint (`$3`). Returns the queues that are left.
pub(in crate::queue) const ADVANCE_QUEUES: &str = "WITH next AS MATERIALIZED (
       SELECT c.account_id, c.endpoint_id, c.due_again,
              (SELECT min(due_at) FROM deliveries
                WHERE account_id = c.account_id AND endpoint_id = c.endpoint_id AND state = 'pending') AS due_at
         FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS c (account_id, endpoint_id, due_again)),
     removed AS (DELETE FROM endpoint_queues q USING next
       WHERE q.account_id = next.account_id AND q.endpoint_id = next.endpoint_id AND next.due_at IS NULL)
     UPDATE endpoint_queues q SET next_due_at = greatest(next.due_at, next.due_again) FROM next
      WHERE q.account_id = next.account_id AND q.endpoint_id = next.endpoint_id AND next.due_at IS NOT NULL
     RETURNING q.endpoint_id, q.next_due_at";

/// Claims by an order. Accounts are locked before the queues of their endpoints: every
/// transaction locks in this order, so that no two wait for each other.
pub(super) async fn claim(tx: &mut PgTx<'_>, order: &ClaimOrder) -> Result<Claim> {
    let Accounts::Current { locked_elsewhere } = lock_accounts(tx, &order.accounts).await? else {
        return Ok(Claim::Stale);
    };
    let mut quotas = lock_queues(tx, order).await?;
    quotas.retain(|quota| !locked_elsewhere.contains(&quota.account));
    let schedules = Schedules::limit(tx, &mut quotas, order.now).await?;
    let rows = claim_rows(tx, order, &quotas).await?;
    let claimed_from: HashSet<_> = rows.iter().map(|row| row.endpoint_id).collect();
    let deliveries = rows.into_iter().map(ClaimedRow::read).collect();
    let mut batch = ClaimedBatch { deliveries, ..ClaimedBatch::default() };
    for unreadable in batch.deliveries.iter().filter_map(|delivery| delivery.as_ref().err()) {
        hold_unreadable(tx, unreadable).await?;
    }
    let next_due_at = advance_queues(tx, &quotas, &claimed_from, order.now).await?;
    for quota in &quotas {
        batch.advanced(quota.endpoint, next_due_at.get(&quota.endpoint).copied(), order.now);
    }
    schedules.store(tx, &mut batch, order.now).await?;
    Ok(Claim::Claimed(batch))
}

/// The accounts of an order.
enum Accounts {
    /// One has another revision.
    Stale,
    /// All have their revisions, as far as other transactions have not locked them.
    Current { locked_elsewhere: Vec<AccountId> },
}

/// Locks the accounts of an order that no other transaction has locked.
async fn lock_accounts(tx: &mut PgTx<'_>, known: &[Revision]) -> Result<Accounts> {
    let free: HashMap<_, _> =
        revisions(tx, LOCK_FREE_SHARED, column(known, |known| known.0)).await?.into_iter().collect();
    let mut locked_elsewhere = Vec::new();
    for (account, revision) in known {
        match free.get(account) {
            Some(found) if found == revision => {}
            Some(_) => return Ok(Accounts::Stale),
            None => locked_elsewhere.push(*account),
        }
    }
    let exist = locked_elsewhere.is_empty()
        || revisions(tx, REVISIONS, locked_elsewhere.clone()).await?.len() == locked_elsewhere.len();
    Ok(if exist { Accounts::Current { locked_elsewhere } } else { Accounts::Stale })
}

async fn revisions(tx: &mut PgTx<'_>, sql: Sql, accounts: Vec<AccountId>) -> Result<Vec<Revision>> {
    Ok(sqlx::query_as(sql.postgres).bind(accounts).fetch_all(&mut **tx).await?)
}

/// Locks the queues of the endpoints, and leaves out those that another process has locked,
/// or has just claimed from.
async fn lock_queues(tx: &mut PgTx<'_>, order: &ClaimOrder) -> Result<Vec<ClaimQuota>> {
    const SQL: &str = "SELECT q.endpoint_id FROM endpoint_queues q
           JOIN unnest($1::uuid[], $2::uuid[]) AS due (account_id, endpoint_id)
             ON q.account_id = due.account_id AND q.endpoint_id = due.endpoint_id
         WHERE q.next_due_at <= $3 FOR UPDATE OF q SKIP LOCKED";
    let locked: Vec<EndpointId> = sqlx::query_scalar(SQL)
        .bind(column(&order.endpoints, |quota| quota.account))
        .bind(column(&order.endpoints, |quota| quota.endpoint))
        .bind(order.now)
        .fetch_all(&mut **tx)
        .await?;
    let locked: HashSet<_> = locked.into_iter().collect();
    Ok(order.endpoints.iter().filter(|quota| locked.contains(&quota.endpoint)).copied().collect())
}

async fn claim_rows(tx: &mut PgTx<'_>, order: &ClaimOrder, quotas: &[ClaimQuota]) -> Result<Vec<ClaimedRow>> {
    Ok(sqlx::query_as(CLAIM)
        .bind(column(quotas, |quota| quota.account))
        .bind(column(quotas, |quota| quota.endpoint))
        .bind(column(quotas, |quota| quota.deliveries_max))
        .bind(order.now)
        .bind(order.until)
        .bind(order.lease.0)
        .bind(column(quotas, |quota| quota.bytes_max))
        .fetch_all(&mut **tx)
        .await?)
}

async fn hold_unreadable(tx: &mut PgTx<'_>, row: &UnreadableRow) -> Result<()> {
    sqlx::query(HOLD_UNREADABLE).bind(row.id.uuid()).bind(row.account).execute(&mut **tx).await?;
    Ok(())
}

/// Moves the queues of the endpoints on. Returns the next due times, where something is pending.
async fn advance_queues(
    tx: &mut PgTx<'_>,
    quotas: &[ClaimQuota],
    claimed_from: &HashSet<EndpointId>,
    now: Timestamp,
) -> Result<HashMap<EndpointId, Timestamp>> {
    let left: Vec<(EndpointId, Timestamp)> = sqlx::query_as(ADVANCE_QUEUES)
        .bind(column(quotas, |quota| quota.account))
        .bind(column(quotas, |quota| quota.endpoint))
        .bind(column(quotas, |quota| due_again(claimed_from.contains(&quota.endpoint), now)))
        .fetch_all(&mut **tx)
        .await?;
    Ok(left.into_iter().collect())
}
