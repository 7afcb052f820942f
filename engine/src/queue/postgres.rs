//! The hot path on PostgreSQL: rows travel as one array a column.

use signet_model::{AccountId, DeliveryId, EndpointId, EventId, Timestamp};
use sqlx::{Postgres, Transaction};

use super::{
    Lock, changed_health,
    rows::{AttemptRow, Claim, Claimed, DeliveryRow, EventRow, FinishRow, HealthRow, KeyRow, Lease, Touch},
};
use crate::store::Result;

type Connection = Transaction<'static, Postgres>;

/// One column of the rows.
fn column<'r, R, T>(rows: &'r [R], of: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

pub(super) async fn lock_accounts(
    tx: &mut Connection,
    accounts: &[AccountId],
    lock: Lock,
) -> Result<Vec<(AccountId, i64)>> {
    // In the order of ids, so that no two transactions wait for each other.
    const SHARE: &str = "SELECT id, revision FROM accounts WHERE id = ANY($1) ORDER BY id FOR SHARE";
    const CHANGE: &str = "SELECT id, revision FROM accounts WHERE id = ANY($1) ORDER BY id FOR UPDATE";
    let sql = match lock {
        Lock::Share => SHARE,
        Lock::Change => CHANGE,
    };
    Ok(sqlx::query_as(sql).bind(accounts).fetch_all(&mut **tx).await?)
}

pub(super) async fn insert_keys(tx: &mut Connection, keys: &[KeyRow]) -> Result<Vec<EventId>> {
    const SQL: &str = "INSERT INTO idempotency_keys (account_id, key, request_hash, event_id, fanout, created_at)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::uuid[], $5::int[], $6::timestamptz[])
         ON CONFLICT DO NOTHING RETURNING event_id";
    Ok(sqlx::query_scalar(SQL)
        .bind(column(keys, |row| row.account))
        .bind(column(keys, |row| row.key.as_str()))
        .bind(column(keys, |row| row.request_hash.as_slice()))
        .bind(column(keys, |row| row.event))
        .bind(column(keys, |row| row.fanout))
        .bind(column(keys, |row| row.created_at))
        .fetch_all(&mut **tx)
        .await?)
}

pub(super) async fn insert_events(tx: &mut Connection, events: &[EventRow<'_>]) -> Result<()> {
    const SQL: &str = "INSERT INTO events (id, account_id, event_type, body, task_id, occurred_at, accepted_at, fanout, is_test)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
           $8::int[], $9::bool[])";
    sqlx::query(SQL)
        .bind(column(events, |row| row.id))
        .bind(column(events, |row| row.account))
        .bind(column(events, |row| row.event_type.as_str()))
        .bind(column(events, |row| row.body))
        .bind(column(events, |row| row.task_id.map(without_nul)))
        .bind(column(events, |row| row.occurred_at))
        .bind(column(events, |row| row.accepted_at))
        .bind(column(events, |row| row.fanout))
        .bind(column(events, |row| row.is_test))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn insert_deliveries(tx: &mut Connection, rows: &[DeliveryRow]) -> Result<()> {
    const SQL: &str = "INSERT INTO deliveries (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, lease, created_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bool[], $7::text[],
           $8::timestamptz[], $9::bigint[], $10::timestamptz[])";
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(SQL)
        .bind(column(rows, |row| row.id))
        .bind(column(rows, |row| row.account))
        .bind(column(rows, |row| row.event))
        .bind(column(rows, |row| row.endpoint))
        .bind(column(rows, |row| row.event_type.as_str()))
        .bind(column(rows, |row| row.is_test))
        .bind(column(rows, |row| row.state().as_str()))
        .bind(column(rows, |row| row.due_at))
        .bind(column(rows, |row| row.lease.map(|lease| lease.0)))
        .bind(column(rows, |row| row.created_at))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn touch(tx: &mut Connection, touches: &[Touch]) -> Result<()> {
    // ON CONFLICT locks the row even where it changes nothing, so that a claim
    // under way in another process is waited for and its later instant replaced.
    const SQL: &str = "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at)
         SELECT account_id, endpoint_id, min(due_at)
           FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS t (account_id, endpoint_id, due_at)
           GROUP BY account_id, endpoint_id ORDER BY account_id, endpoint_id
         ON CONFLICT (account_id, endpoint_id) DO UPDATE SET next_due_at = excluded.next_due_at
         WHERE excluded.next_due_at < endpoint_queues.next_due_at";
    sqlx::query(SQL)
        .bind(column(touches, |row| row.account))
        .bind(column(touches, |row| row.endpoint))
        .bind(column(touches, |row| row.due_at))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) const DUE_ENDPOINTS: &str = "SELECT account_id, endpoint_id FROM endpoint_queues
     WHERE next_due_at <= $1 AND endpoint_id <> ALL($2) ORDER BY next_due_at LIMIT $3";

pub(super) async fn due_endpoints(
    tx: &mut Connection,
    now: Timestamp,
    skip: &[EndpointId],
    limit: i64,
) -> Result<Vec<(AccountId, EndpointId)>> {
    Ok(sqlx::query_as(DUE_ENDPOINTS).bind(now).bind(skip).bind(limit).fetch_all(&mut **tx).await?)
}

pub(super) async fn lock_endpoints(
    tx: &mut Connection,
    due: Vec<(AccountId, EndpointId)>,
    now: Timestamp,
) -> Result<Vec<(AccountId, EndpointId)>> {
    const SQL: &str = "SELECT q.account_id, q.endpoint_id FROM endpoint_queues q
           JOIN unnest($1::uuid[], $2::uuid[]) AS due (account_id, endpoint_id)
             ON q.account_id = due.account_id AND q.endpoint_id = due.endpoint_id
         WHERE q.next_due_at <= $3 FOR UPDATE OF q SKIP LOCKED";
    Ok(sqlx::query_as(SQL)
        .bind(column(&due, |place| place.0))
        .bind(column(&due, |place| place.1))
        .bind(now)
        .fetch_all(&mut **tx)
        .await?)
}

pub(super) async fn next_due(conn: &mut sqlx::PgConnection, skip: &[EndpointId]) -> Result<Option<Timestamp>> {
    const SQL: &str =
        "SELECT next_due_at FROM endpoint_queues WHERE endpoint_id <> ALL($1) ORDER BY next_due_at LIMIT 1";
    Ok(sqlx::query_scalar(SQL).bind(skip).fetch_optional(conn).await?)
}

/// Claims.
///
/// The locked row of `endpoint_queues` keeps other claims away; SKIP LOCKED
/// is for a finish or a hold that touches the same delivery at this moment.
pub(super) const CLAIM: &str = "WITH due AS (
       SELECT d.account_id, d.id
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS c (account_id, endpoint_id, how_many)
         CROSS JOIN LATERAL (
           SELECT account_id, id FROM deliveries
            WHERE account_id = c.account_id AND endpoint_id = c.endpoint_id AND state = 'pending' AND due_at <= $4
            ORDER BY due_at LIMIT c.how_many FOR UPDATE SKIP LOCKED) d)
     UPDATE deliveries SET due_at = $5, lease = $6 FROM due
      WHERE deliveries.account_id = due.account_id AND deliveries.id = due.id
     RETURNING deliveries.id, deliveries.account_id, event_id, endpoint_id, event_type, is_test, attempts, failures,
       (SELECT body FROM events WHERE events.account_id = deliveries.account_id AND events.id = deliveries.event_id) AS body";

pub(super) async fn claim(
    tx: &mut Connection,
    claims: &[Claim],
    now: Timestamp,
    until: Timestamp,
    lease: Lease,
) -> Result<Vec<Claimed>> {
    Ok(sqlx::query_as(CLAIM)
        .bind(column(claims, |from| from.account))
        .bind(column(claims, |from| from.endpoint))
        .bind(column(claims, |from| from.limit))
        .bind(now)
        .bind(until)
        .bind(lease.0)
        .fetch_all(&mut **tx)
        .await?)
}

pub(super) async fn finish(tx: &mut Connection, rows: &[FinishRow]) -> Result<Vec<DeliveryId>> {
    const SQL: &str = "UPDATE deliveries SET state = outcome.state, due_at = outcome.due_at, lease = NULL,
           attempts = outcome.attempts, failures = outcome.failures, completed_at = outcome.completed_at
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[], $6::int[], $7::int[], $8::timestamptz[])
           AS outcome (account_id, id, lease, state, due_at, attempts, failures, completed_at)
         WHERE deliveries.account_id = outcome.account_id AND deliveries.id = outcome.id AND deliveries.lease = outcome.lease
         RETURNING deliveries.id";
    Ok(sqlx::query_scalar(SQL)
        .bind(column(rows, |row| row.account))
        .bind(column(rows, |row| row.delivery))
        .bind(column(rows, |row| row.lease.0))
        .bind(column(rows, |row| row.state.as_str()))
        .bind(column(rows, |row| row.due_at))
        .bind(column(rows, |row| row.attempts))
        .bind(column(rows, |row| row.failures))
        .bind(column(rows, |row| row.completed_at))
        .fetch_all(&mut **tx)
        .await?)
}

pub(super) async fn insert_attempts(tx: &mut Connection, rows: &[AttemptRow]) -> Result<()> {
    const SQL: &str = "INSERT INTO attempts (account_id, delivery_id, number, started_at, duration_us, first_byte_us, request_headers,
           status, response_headers, response_body, body_truncated, failure, failure_detail)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::text[],
           $8::int[], $9::text[], $10::text[], $11::bool[], $12::text[], $13::text[])";
    sqlx::query(SQL)
        .bind(column(rows, |row| row.account))
        .bind(column(rows, |row| row.delivery))
        .bind(column(rows, |row| row.number))
        .bind(column(rows, |row| row.started_at))
        .bind(column(rows, |row| row.duration_us))
        .bind(column(rows, |row| row.first_byte_us))
        .bind(column(rows, |row| row.request_headers.as_str()))
        .bind(column(rows, |row| row.status))
        .bind(column(rows, |row| row.response_headers.as_deref()))
        .bind(column(rows, |row| row.response_body.as_deref().map(without_nul)))
        .bind(column(rows, |row| row.body_truncated))
        .bind(column(rows, |row| row.failure))
        .bind(column(rows, |row| row.failure_detail.as_deref().map(without_nul)))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn update_health(tx: &mut Connection, rows: &[HealthRow]) -> Result<()> {
    const SQL: &str = concat!(
        "INSERT INTO endpoint_health (account_id, endpoint_id, last_success_at, last_failure_at, consecutive_failures)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::int[]) ",
        changed_health!()
    );
    sqlx::query(SQL)
        .bind(column(rows, |row| row.account))
        .bind(column(rows, |row| row.endpoint))
        .bind(column(rows, |row| row.last_success_at))
        .bind(column(rows, |row| row.last_failure_at))
        .bind(column(rows, |row| row.failures))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// PostgreSQL's text has no NUL; what a producer or a receiver sends may.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
