//! The hot path on PostgreSQL: rows travel as one array a column.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};

use signet_model::{AccountId, DeliveryId, EndpointId, EventId, Timestamp};
use sqlx::{AssertSqlSafe, Postgres, Transaction, postgres::PgArguments};

use super::{
    ADVANCE_QUEUE, Batch, HOLD_UNREADABLE, Lock, REMOVE_QUEUE, Write, changed_health,
    records::{
        Claim, ClaimOrder, ClaimQuota, ClaimedRow, DeliveryRow, EventRow, HealthRow, KeyRow, Lease, NewAttempt,
        OutcomeRow, QueueEntry, UnreadableRow, due_again,
    },
};
use crate::db::Result;

pub(super) mod accounts;

type PgTx<'c> = Transaction<'c, Postgres>;
type Query<'q> = sqlx::query::QueryAs<'q, Postgres, (i64, i64), PgArguments>;

/// One column of the rows.
fn column<'r, R, T>(rows: &'r [R], of: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// A part of a statement, with `{rows}` for a table of so many columns of these types.
struct Clause {
    name: &'static str,
    sql: &'static str,
    columns: &'static [&'static str],
}

/// One statement of several clauses, which is one trip to the server. It answers
/// how many accounts are as they were known, and how many deliveries were finished.
fn statement(clauses: &[&Clause]) -> Arc<str> {
    let mut number = 0;
    let mut parameter = |kind: &&str| {
        number += 1;
        format!("${number}::{kind}[]")
    };
    let mut written = |clause: &&Clause| {
        let columns: Vec<_> = clause.columns.iter().map(&mut parameter).collect();
        let rows = format!("unnest({})", columns.join(", "));
        format!("{} AS ({})", clause.name, clause.sql.replace("{rows}", &rows))
    };
    let with = clauses.iter().map(&mut written).collect::<Vec<_>>().join(",\n");
    let finished = if clauses.iter().any(|clause| clause.name == FINISH_DELIVERIES.name) {
        "(SELECT count(*) FROM deliveries_finished)"
    } else {
        "0::bigint"
    };
    format!("WITH {with}\nSELECT (SELECT count(*) FROM revisions), {finished}").into()
}

/// Writes events and outcomes.
pub(super) static WRITE_BOTH: LazyLock<Arc<str>> = LazyLock::new(|| {
    statement(&[
        &LOCK_REVISIONS,
        &FINISH_DELIVERIES,
        &INSERT_ATTEMPTS,
        &UPDATE_HEALTH,
        &INSERT_EVENTS,
        &INSERT_DELIVERIES,
        &PULL_FORWARD,
    ])
});

/// Writes a batch.
pub(super) async fn write(tx: &mut PgTx<'_>, batch: &Batch, queue_entries: &[QueueEntry]) -> Result<Write> {
    static WRITE_EVENTS: LazyLock<Arc<str>> =
        LazyLock::new(|| statement(&[&LOCK_REVISIONS, &INSERT_EVENTS, &INSERT_DELIVERIES, &PULL_FORWARD]));
    static WRITE_OUTCOMES: LazyLock<Arc<str>> = LazyLock::new(|| {
        statement(&[&LOCK_REVISIONS, &FINISH_DELIVERIES, &INSERT_ATTEMPTS, &UPDATE_HEALTH, &PULL_FORWARD])
    });
    if !batch.keys.is_empty() && insert_keys(tx, &batch.keys).await?.len() < batch.keys.len() {
        return Ok(Write::Stale);
    }
    // Made of constants alone.
    let query = |sql: &Arc<str>| bind_accounts(sqlx::query_as(AssertSqlSafe(Arc::clone(sql))), &batch.accounts);
    let query = match (batch.has_events(), batch.has_outcomes()) {
        (true, true) => bind_events(bind_outcomes(query(&WRITE_BOTH), batch), batch),
        (_, false) => bind_events(query(&WRITE_EVENTS), batch),
        (false, true) => bind_outcomes(query(&WRITE_OUTCOMES), batch),
    };
    let (accounts, outcomes) = bind_queue_entries(query, queue_entries).fetch_one(&mut **tx).await?;
    let all = |count: i64, expected: usize| usize::try_from(count).is_ok_and(|count| count == expected);
    Ok(Write::committed_if(all(accounts, batch.accounts.len()) && all(outcomes, batch.outcomes.len())))
}

fn bind_events<'q>(query: Query<'q>, batch: &'q Batch) -> Query<'q> {
    bind_deliveries(bind_event_rows(query, &batch.events), &batch.deliveries)
}

fn bind_outcomes<'q>(query: Query<'q>, batch: &'q Batch) -> Query<'q> {
    bind_health(bind_attempts(bind_outcome_rows(query, &batch.outcomes), &batch.attempts), &batch.health)
}

/// Which of these outcomes still have the lease that they assume. They keep it
/// until the transaction ends.
pub(super) async fn still_leased(tx: &mut PgTx<'_>, rows: &[OutcomeRow]) -> Result<Vec<(DeliveryId, Lease)>> {
    const SQL: &str = "SELECT deliveries.id, deliveries.lease FROM deliveries
           JOIN unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS outcome (account_id, id, lease)
             ON deliveries.account_id = outcome.account_id AND deliveries.id = outcome.id AND deliveries.lease = outcome.lease
         ORDER BY deliveries.id FOR UPDATE OF deliveries";
    Ok(sqlx::query_as(SQL)
        .bind(column(rows, |row| row.account))
        .bind(column(rows, |row| row.delivery))
        .bind(column(rows, |row| row.lease.0))
        .fetch_all(&mut **tx)
        .await?)
}

pub(super) async fn insert_keys(tx: &mut PgTx<'_>, keys: &[KeyRow]) -> Result<Vec<EventId>> {
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

/// Without waiting: an account that another transaction has locked counts as changed.
const LOCK_REVISIONS: Clause = Clause {
    name: "revisions",
    sql: "SELECT accounts.id FROM accounts JOIN {rows} AS known (id, revision)
           ON accounts.id = known.id AND accounts.revision = known.revision
         FOR SHARE OF accounts SKIP LOCKED",
    columns: &["uuid", "bigint"],
};

fn bind_accounts<'q>(query: Query<'q>, rows: &'q [(AccountId, i64)]) -> Query<'q> {
    query.bind(column(rows, |row| row.0)).bind(column(rows, |row| row.1))
}

const INSERT_EVENTS: Clause = Clause {
    name: "events_inserted",
    sql: "INSERT INTO events (id, account_id, event_type, body, task_id, occurred_at, accepted_at, fanout, is_test)
         SELECT * FROM {rows}",
    columns: &["uuid", "uuid", "text", "text", "text", "timestamptz", "timestamptz", "int", "bool"],
};

fn bind_event_rows<'q>(query: Query<'q>, rows: &'q [EventRow]) -> Query<'q> {
    query
        .bind(column(rows, |row| row.id))
        .bind(column(rows, |row| row.account))
        .bind(column(rows, |row| row.event_type.as_str()))
        .bind(column(rows, |row| &*row.body))
        .bind(column(rows, |row| row.task_id.as_deref().map(without_nul)))
        .bind(column(rows, |row| row.occurred_at))
        .bind(column(rows, |row| row.accepted_at))
        .bind(column(rows, |row| row.fanout))
        .bind(column(rows, |row| row.is_test))
}

const INSERT_DELIVERIES: Clause = Clause {
    name: "deliveries_inserted",
    sql: "INSERT INTO deliveries (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, lease, created_at)
         SELECT * FROM {rows}",
    columns: &["uuid", "uuid", "uuid", "uuid", "text", "bool", "text", "timestamptz", "bigint", "timestamptz"],
};

fn bind_deliveries<'q>(query: Query<'q>, rows: &'q [DeliveryRow]) -> Query<'q> {
    query
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
}

/// ON CONFLICT locks the row even where it changes nothing, so that a claim under
/// way in another process is waited for and its later instant replaced.
const PULL_FORWARD: Clause = Clause {
    name: "queues",
    sql: "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at)
         SELECT * FROM {rows} AS entry (account_id, endpoint_id, due_at) ORDER BY account_id, endpoint_id
         ON CONFLICT (account_id, endpoint_id) DO UPDATE SET next_due_at = excluded.next_due_at
         WHERE excluded.next_due_at < endpoint_queues.next_due_at",
    columns: &["uuid", "uuid", "timestamptz"],
};

fn bind_queue_entries<'q>(query: Query<'q>, rows: &'q [QueueEntry]) -> Query<'q> {
    query
        .bind(column(rows, |row| row.account))
        .bind(column(rows, |row| row.endpoint))
        .bind(column(rows, |row| row.due_at))
}

/// Takes hold of the queues of these endpoints, and leaves out those that another
/// process has, or has just claimed from.
async fn lock_endpoints(tx: &mut PgTx<'_>, order: &ClaimOrder) -> Result<Vec<ClaimQuota>> {
    const SQL: &str = "SELECT q.endpoint_id FROM endpoint_queues q
           JOIN unnest($1::uuid[], $2::uuid[]) AS due (account_id, endpoint_id)
             ON q.account_id = due.account_id AND q.endpoint_id = due.endpoint_id
         WHERE q.next_due_at <= $3 FOR UPDATE OF q SKIP LOCKED";
    let locked: Vec<EndpointId> = sqlx::query_scalar(SQL)
        .bind(column(&order.endpoints, |due| due.account))
        .bind(column(&order.endpoints, |due| due.endpoint))
        .bind(order.now)
        .fetch_all(&mut **tx)
        .await?;
    Ok(order.endpoints.iter().filter(|due| locked.contains(&due.endpoint)).copied().collect())
}

/// Claims.
///
/// The locked row of `endpoint_queues` keeps other claims away; SKIP LOCKED
/// is for a finish or a hold that changes the same delivery at this moment. The rows
/// that are due are at most as many as may be claimed: `sized` sorts no more.
pub(super) const CLAIM: &str = "WITH due AS (
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

/// Claims what is ordered. Accounts are locked before the queues of their endpoints:
/// everybody locks in this order, so that no two wait for each other.
pub(super) async fn claim(tx: &mut PgTx<'_>, order: &ClaimOrder) -> Result<Option<Claim>> {
    let Some(busy) = busy_accounts(tx, &order.accounts).await? else { return Ok(None) };
    let mut locked = lock_endpoints(tx, order).await?;
    locked.retain(|due| !busy.contains(&due.account));
    let rows: Vec<ClaimedRow> = sqlx::query_as(CLAIM)
        .bind(column(&locked, |due| due.account))
        .bind(column(&locked, |due| due.endpoint))
        .bind(column(&locked, |due| due.most))
        .bind(order.now)
        .bind(order.until)
        .bind(order.lease.0)
        .bind(column(&locked, |due| due.bytes))
        .fetch_all(&mut **tx)
        .await?;
    let served: HashSet<_> = rows.iter().map(|row| row.endpoint_id).collect();
    let mut claim = Claim { claimed: rows.into_iter().map(ClaimedRow::read).collect(), ..Claim::default() };
    for unreadable in claim.claimed.iter().filter_map(|claim| claim.as_ref().err()) {
        hold_unreadable(tx, unreadable).await?;
    }
    for due in &locked {
        let next_due_at = advance(tx, due, due_again(served.contains(&due.endpoint), order.now)).await?;
        claim.advanced(due.endpoint, next_due_at, order.now);
    }
    Ok(Some(claim))
}

async fn hold_unreadable(tx: &mut PgTx<'_>, unreadable: &UnreadableRow) -> Result<()> {
    let id = unreadable.id.uuid();
    sqlx::query(HOLD_UNREADABLE).bind(id).bind(unreadable.account_id).execute(&mut **tx).await?;
    Ok(())
}

/// Locks accounts that have these revisions, as far as no other transaction has them
/// locked, and returns the rest. `None` if one has another revision.
async fn busy_accounts(tx: &mut PgTx<'_>, known: &[(AccountId, i64)]) -> Result<Option<Vec<AccountId>>> {
    let ids = column(known, |account| account.0);
    let free: HashMap<_, _> = accounts::lock_free_accounts(tx, &ids, Lock::Shared).await?.into_iter().collect();
    let mut busy = Vec::new();
    for (account, revision) in known {
        match free.get(account) {
            Some(found) if found == revision => {}
            Some(_) => return Ok(None),
            None => busy.push(*account),
        }
    }
    let exist = busy.is_empty() || accounts::revisions(tx, &busy).await?.len() == busy.len();
    Ok(exist.then_some(busy))
}

/// Moves the endpoint's queue on, or removes it; returns when something is next due.
async fn advance(tx: &mut PgTx<'_>, due: &ClaimQuota, due_again: Timestamp) -> Result<Option<Timestamp>> {
    let removed = sqlx::query(REMOVE_QUEUE).bind(due.account).bind(due.endpoint).execute(&mut **tx).await?;
    if removed.rows_affected() > 0 {
        return Ok(None);
    }
    Ok(sqlx::query_scalar(ADVANCE_QUEUE)
        .bind(due.account)
        .bind(due.endpoint)
        .bind(due_again)
        .fetch_optional(&mut **tx)
        .await?)
}

const FINISH_DELIVERIES: Clause = Clause {
    name: "deliveries_finished",
    sql: "UPDATE deliveries SET state = outcome.state, due_at = outcome.due_at, lease = NULL,
           attempts = outcome.attempts, failures = outcome.failures, completed_at = outcome.completed_at
         FROM {rows} AS outcome (account_id, id, lease, state, due_at, attempts, failures, completed_at)
         WHERE deliveries.account_id = outcome.account_id AND deliveries.id = outcome.id AND deliveries.lease = outcome.lease
         RETURNING deliveries.id",
    columns: &["uuid", "uuid", "bigint", "text", "timestamptz", "int", "int", "timestamptz"],
};

fn bind_outcome_rows<'q>(query: Query<'q>, rows: &'q [OutcomeRow]) -> Query<'q> {
    query
        .bind(column(rows, |row| row.account))
        .bind(column(rows, |row| row.delivery))
        .bind(column(rows, |row| row.lease.0))
        .bind(column(rows, |row| row.state.as_str()))
        .bind(column(rows, |row| row.due_at))
        .bind(column(rows, |row| row.attempts))
        .bind(column(rows, |row| row.failures))
        .bind(column(rows, |row| row.completed_at))
}

/// The number of an attempt whose lease is lost may be taken. That is no error: the
/// transaction will be rolled back.
const INSERT_ATTEMPTS: Clause = Clause {
    name: "attempts_inserted",
    sql:
        "INSERT INTO attempts (account_id, delivery_id, number, started_at, duration_us, first_byte_us, request_headers,
           status, response_headers, response_body, body_truncated, failure, failure_detail)
         SELECT * FROM {rows} ON CONFLICT DO NOTHING",
    columns: &[
        "uuid",
        "uuid",
        "int",
        "timestamptz",
        "bigint",
        "bigint",
        "text",
        "int",
        "text",
        "text",
        "bool",
        "text",
        "text",
    ],
};

fn bind_attempts<'q>(query: Query<'q>, rows: &'q [NewAttempt]) -> Query<'q> {
    query
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
}

const UPDATE_HEALTH: Clause = Clause {
    name: "health",
    sql: concat!(
        "INSERT INTO endpoint_health (account_id, endpoint_id, last_success_at, last_failure_at, consecutive_failures)
         SELECT * FROM {rows} ",
        changed_health!()
    ),
    columns: &["uuid", "uuid", "timestamptz", "timestamptz", "int"],
};

fn bind_health<'q>(query: Query<'q>, rows: &'q [HealthRow]) -> Query<'q> {
    query
        .bind(column(rows, |row| row.account))
        .bind(column(rows, |row| row.endpoint))
        .bind(column(rows, |row| row.last_success_at))
        .bind(column(rows, |row| row.last_failure_at))
        .bind(column(rows, |row| row.failures))
}

/// PostgreSQL's text has no NUL; what a producer or a receiver sends may.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
