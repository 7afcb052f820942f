//! Claiming on PostgreSQL, beside other processes that claim.

use std::collections::{HashMap, HashSet};

use signet_model::{AccountId, EndpointId, Timestamp};

use super::{PgTx, column, throttles::Schedules};
use crate::{
    db::{Result, Sql},
    queue::{
        ADVANCE_QUEUE, Claim, ClaimOrder, ClaimQuota, HOLD_UNREADABLE, REMOVE_QUEUE, Revision,
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
       SELECT due.account_id, due.id, due.bytes, events.body,
              row_number() OVER (ORDER BY place, due_at, due.id) AS number,
              sum(octet_length(events.body)) OVER (PARTITION BY place ORDER BY due_at, due.id) AS total
         FROM due LEFT JOIN events ON events.account_id = due.account_id AND events.id = due.event_id)
     UPDATE deliveries SET due_at = $5, lease = $6 FROM sized
      WHERE deliveries.account_id = sized.account_id AND deliveries.id = sized.id
        AND (COALESCE(total, 0) <= sized.bytes OR number = 1)
     RETURNING deliveries.id, deliveries.account_id, endpoint_id, event_type, is_test, attempts, failures, body";

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
    for quota in &quotas {
        let due_again = due_again(claimed_from.contains(&quota.endpoint), order.now);
        let next_due_at = advance_queue(tx, quota, due_again).await?;
        batch.advanced(quota.endpoint, next_due_at, order.now);
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

/// Moves the endpoint's queue on to the next due time, which it returns, or removes it.
async fn advance_queue(tx: &mut PgTx<'_>, quota: &ClaimQuota, due_again: Timestamp) -> Result<Option<Timestamp>> {
    let removed = sqlx::query(REMOVE_QUEUE).bind(quota.account).bind(quota.endpoint).execute(&mut **tx).await?;
    if removed.rows_affected() > 0 {
        return Ok(None);
    }
    Ok(sqlx::query_scalar(ADVANCE_QUEUE)
        .bind(quota.account)
        .bind(quota.endpoint)
        .bind(due_again)
        .fetch_optional(&mut **tx)
        .await?)
}
