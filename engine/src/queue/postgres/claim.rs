//! Claiming on PostgreSQL, beside other processes that claim.

use std::collections::{HashMap, HashSet};

use signet_model::{AccountId, EndpointId, Timestamp};

use super::{
    column,
    throttles::{NextTurns, Schedules},
};
use crate::{
    db::{PgTx, Result, Sql},
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
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $7::bigint[], $8::timestamptz[])
              WITH ORDINALITY AS c (account_id, endpoint_id, how_many, bytes, pending_from, place)
         CROSS JOIN LATERAL (
           SELECT account_id, id, event_id, due_at FROM deliveries
            WHERE account_id = c.account_id AND endpoint_id = c.endpoint_id AND state = 'pending'
              AND due_at >= COALESCE(c.pending_from, '-infinity') AND due_at <= $4
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

/// After a claim at an instant (`$6`): moves the queues of endpoints (`$1`, `$2`) on, and removes
/// those at which nothing is pending. Overdue deliveries count as due at an instant of each endpoint
/// (`$3`), the present if some were claimed; nothing was pending before another one (`$4`); a
/// throttle keeps claims away until a third one (`$5`), and what comes in meanwhile is due from the
/// present on. Returns the queues that are left, with their next due times.
///
/// While a snapshot is held, each change of a row reads all versions that it has had, and what
/// follows the present are the ends of the leases of finished deliveries. So the queue of a busy
/// endpoint from which some were claimed stays (`$7`) as it is for two seconds, due, and counts as
/// due again half a second later; the first claim that finds nothing there looks for the next due
/// time.
pub(in crate::queue) const ADVANCE_QUEUES: &str = "WITH first AS MATERIALIZED (
       SELECT c.*,
              CASE WHEN c.stays
                THEN (SELECT min(due_at) FROM deliveries
                       WHERE account_id = c.account_id AND endpoint_id = c.endpoint_id AND state = 'pending'
                         AND due_at >= COALESCE(c.pending_from, '-infinity') AND due_at <= $6)
                ELSE (SELECT min(due_at) FROM deliveries
                       WHERE account_id = c.account_id AND endpoint_id = c.endpoint_id AND state = 'pending'
                         AND due_at >= COALESCE(c.pending_from, '-infinity'))
              END AS due_at
         FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $7::bool[])
              AS c (account_id, endpoint_id, due_again, pending_from, throttled_until, stays)),
     next AS (
       SELECT account_id, endpoint_id, due_again, throttled_until, stays,
              stays OR due_at IS NOT NULL AS is_left,
              greatest(COALESCE(due_at, $6 + interval '0.5 s'), due_again) AS next_due_at,
              CASE WHEN stays OR throttled_until IS NOT NULL THEN least(due_at, $6) ELSE due_at END AS pending_from
         FROM first),
     removed AS (DELETE FROM endpoint_queues q USING next
       WHERE q.account_id = next.account_id AND q.endpoint_id = next.endpoint_id AND NOT is_left),
     moved AS (UPDATE endpoint_queues q SET pending_from = next.pending_from, next_due_at = greatest(
           q.next_due_at, CASE WHEN stays THEN due_again ELSE next.next_due_at END, throttled_until)
         FROM next
       WHERE q.account_id = next.account_id AND q.endpoint_id = next.endpoint_id AND is_left
         AND (q.pending_from IS NULL OR throttled_until IS NOT NULL OR q.next_due_at < due_again - interval '2 s'
           OR (NOT stays AND next.next_due_at > $6)))
     SELECT endpoint_id, next_due_at FROM next WHERE is_left";

/// Locks the queues of endpoints (`$1`, `$2`) that are due at an instant (`$3`).
pub(in crate::queue) const LOCK_QUEUES: &str = "SELECT q.endpoint_id, q.pending_from
     FROM unnest($1::uuid[], $2::uuid[]) AS due (account_id, endpoint_id) CROSS JOIN LATERAL
       (SELECT endpoint_id, pending_from FROM endpoint_queues
         WHERE account_id = due.account_id AND endpoint_id = due.endpoint_id AND next_due_at <= $3
           FOR UPDATE SKIP LOCKED) AS q";

/// Claims by an order. Accounts are locked before the queues of their endpoints: every
/// transaction locks in this order, so that no two wait for each other.
pub(super) async fn claim(tx: &mut PgTx<'_>, order: &ClaimOrder) -> Result<Claim> {
    let Accounts::Current { locked_elsewhere } = lock_accounts(tx, &order.accounts).await? else {
        return Ok(Claim::Stale);
    };
    let (mut quotas, pending_from) = lock_queues(tx, order, &locked_elsewhere).await?;
    let schedules = Schedules::limit(tx, &mut quotas, order.now).await?;
    let rows = claim_rows(tx, order, &quotas, &pending_from).await?;
    let claimed_from: HashSet<_> = rows.iter().map(|row| row.endpoint_id).collect();
    let busy = quotas.iter().filter(|quota| quota.is_busy).map(|quota| quota.endpoint);
    let staying: HashSet<_> = busy.filter(|endpoint| claimed_from.contains(endpoint)).collect();
    let deliveries = rows.into_iter().map(ClaimedRow::read).collect();
    let mut batch = ClaimedBatch { deliveries, ..ClaimedBatch::default() };
    for unreadable in batch.deliveries.iter().filter_map(|delivery| delivery.as_ref().err()) {
        hold_unreadable(tx, unreadable).await?;
    }
    let turns = schedules.after(&batch, order.now);
    let advance = Advance {
        quotas: &quotas,
        pending_from: &pending_from,
        claimed_from: &claimed_from,
        staying: &staying,
        turns: &turns,
    };
    let next_due_at = advance_queues(tx, &advance, order.now).await?;
    for quota in &quotas {
        batch.advanced(quota.endpoint, next_due_at.get(&quota.endpoint).copied(), order.now);
    }
    let is_emptied = |one: &EndpointId| !batch.still_due.contains(one) && turns.look_at(*one).is_none();
    batch.emptied = staying.iter().filter(|one| is_emptied(one)).copied().collect();
    turns.store(tx, &mut batch).await?;
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
    let query = sqlx::query_as(sql.postgres).bind(accounts).persistent(tx.keeps_statements);
    Ok(query.fetch_all(&mut **tx).await?)
}

/// Locks the queues of the endpoints, and leaves out those that another process has locked, or
/// has just claimed from, and those of locked accounts. Returns beside each the instant before
/// which nothing is pending, if that is known.
async fn lock_queues(
    tx: &mut PgTx<'_>,
    order: &ClaimOrder,
    locked_elsewhere: &[AccountId],
) -> Result<(Vec<ClaimQuota>, Vec<Option<Timestamp>>)> {
    let locked: Vec<(EndpointId, Option<Timestamp>)> = sqlx::query_as(LOCK_QUEUES)
        .bind(column(&order.endpoints, |quota| quota.account))
        .bind(column(&order.endpoints, |quota| quota.endpoint))
        .bind(order.now)
        .persistent(tx.keeps_statements)
        .fetch_all(&mut **tx)
        .await?;
    let locked: HashMap<_, _> = locked.into_iter().collect();
    let free = order.endpoints.iter().filter(|quota| !locked_elsewhere.contains(&quota.account));
    Ok(free.filter_map(|quota| Some((*quota, *locked.get(&quota.endpoint)?))).unzip())
}

async fn claim_rows(
    tx: &mut PgTx<'_>,
    order: &ClaimOrder,
    quotas: &[ClaimQuota],
    pending_from: &[Option<Timestamp>],
) -> Result<Vec<ClaimedRow>> {
    Ok(sqlx::query_as(CLAIM)
        .bind(column(quotas, |quota| quota.account))
        .bind(column(quotas, |quota| quota.endpoint))
        .bind(column(quotas, |quota| quota.deliveries_max))
        .bind(order.now)
        .bind(order.until)
        .bind(order.lease.0)
        .bind(column(quotas, |quota| quota.bytes_max))
        .bind(pending_from)
        .persistent(tx.keeps_statements)
        .fetch_all(&mut **tx)
        .await?)
}

async fn hold_unreadable(tx: &mut PgTx<'_>, row: &UnreadableRow) -> Result<()> {
    let query = sqlx::query(HOLD_UNREADABLE).bind(row.id.uuid()).bind(row.account);
    query.persistent(tx.keeps_statements).execute(&mut **tx).await?;
    Ok(())
}

/// The queues to be moved on, and what the claim knows of them.
struct Advance<'a> {
    quotas: &'a [ClaimQuota],
    /// The instant before which nothing was pending, for each quota.
    pending_from: &'a [Option<Timestamp>],
    claimed_from: &'a HashSet<EndpointId>,
    /// The busy endpoints among these, whose queues stay due.
    staying: &'a HashSet<EndpointId>,
    turns: &'a NextTurns,
}

/// Moves the queues of the endpoints on. Returns the next due times, where something is pending.
async fn advance_queues(
    tx: &mut PgTx<'_>,
    Advance { quotas, pending_from, claimed_from, staying, turns }: &Advance<'_>,
    now: Timestamp,
) -> Result<HashMap<EndpointId, Timestamp>> {
    let left: Vec<(EndpointId, Timestamp)> = sqlx::query_as(ADVANCE_QUEUES)
        .bind(column(quotas, |quota| quota.account))
        .bind(column(quotas, |quota| quota.endpoint))
        .bind(column(quotas, |quota| due_again(claimed_from.contains(&quota.endpoint), now)))
        .bind(pending_from)
        .bind(column(quotas, |quota| turns.look_at(quota.endpoint)))
        .bind(now)
        .bind(column(quotas, |quota| staying.contains(&quota.endpoint)))
        .persistent(tx.keeps_statements)
        .fetch_all(&mut **tx)
        .await?;
    Ok(left.into_iter().collect())
}
