//! The statement of a batch: one trip to the server, with an array of values for each column.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use sqlx::{AssertSqlSafe, Postgres, postgres::PgArguments};

use crate::queue::{
    Batch,
    postgres::pending_from::QueueRow,
    record::{Column, Record, Value},
    records::{DeliveryRow, EventRow, HealthRow, KeyRow, NewAttempt, OutcomeRow, Revision, StatisticsRow},
};

/// A part of a statement, with `{rows}` for a table of its rows.
#[derive(Clone)]
struct Clause {
    name: &'static str,
    sql: String,
    /// The types of the columns.
    types: Vec<&'static str>,
}

impl Clause {
    fn new<R: Record>(name: &'static str, sql: &str) -> Self {
        let types = R::COLUMNS.iter().map(|column| column.1.type_name()).collect();
        Self { name, sql: sql.replace("{columns}", &R::names()), types }
    }

    fn insert<R: Record>(name: &'static str, on_conflict: &str) -> Self {
        let sql = format!(
            "INSERT INTO {} ({{columns}}) SELECT * FROM {{rows}} AS given ({{columns}}) {on_conflict}",
            R::TABLE
        );
        Self::new::<R>(name, sql.trim_end())
    }

    /// Puts the array parameters from number `first` on into the statement.
    fn with_parameters(&self, first: usize) -> String {
        let arrays: Vec<_> = (first..).zip(&self.types).map(|(number, kind)| format!("${number}::{kind}[]")).collect();
        self.sql.replace("{rows}", &format!("unnest({})", arrays.join(", ")))
    }
}

/// Writes events.
static WRITE_EVENTS: LazyLock<Arc<str>> = LazyLock::new(|| statement(&[lock_revisions()], &new_events()));

/// Writes events with idempotency keys among them.
static WRITE_KEYED_EVENTS: LazyLock<Arc<str>> =
    LazyLock::new(|| statement(&[lock_revisions(), insert_keys()], &new_events()));

/// Writes outcomes.
static WRITE_OUTCOMES: LazyLock<Arc<str>> =
    LazyLock::new(|| statement(&[lock_revisions(), finish_deliveries()], &with_outcomes(vec![pull_forward()])));

/// Writes events and outcomes.
pub(in crate::queue) static WRITE_BOTH: LazyLock<Arc<str>> =
    LazyLock::new(|| statement(&[lock_revisions(), finish_deliveries()], &with_outcomes(new_events())));

/// Writes events with idempotency keys among them, and outcomes.
static WRITE_KEYED_BOTH: LazyLock<Arc<str>> =
    LazyLock::new(|| statement(&[lock_revisions(), insert_keys(), finish_deliveries()], &with_outcomes(new_events())));

/// Stores idempotency keys, and returns the events whose key was new.
pub(super) static INSERT_KEYS: LazyLock<Arc<str>> = LazyLock::new(|| insert_keys().with_parameters(1).into());

/// The statement that writes a batch. It fails with [`STALE`] if one of the batch's assumptions is
/// wrong, so that nothing is written.
fn writing(batch: &Batch) -> &'static Arc<str> {
    match (batch.has_events(), batch.has_outcomes(), batch.has_keys()) {
        (true, true, true) => &WRITE_KEYED_BOTH,
        (true, true, false) => &WRITE_BOTH,
        (false, true, _) => &WRITE_OUTCOMES,
        (_, false, true) => &WRITE_KEYED_EVENTS,
        (_, false, false) => &WRITE_EVENTS,
    }
}

/// Binds the rows of a batch to the parameters of its [statement](writing), and the number of
/// rows of each assumption.
pub(super) fn bind_batch<'q>(batch: &'q Batch, queues: &'q [QueueRow]) -> Query<'q, (bool,)> {
    let mut query = bind(sqlx::query_as(AssertSqlSafe(Arc::clone(writing(batch)))), &batch.accounts);
    let mut assumed = vec![batch.accounts.len()];
    if batch.has_keys() {
        query = bind(query, &batch.keys);
        assumed.push(batch.keys.len());
    }
    if batch.has_outcomes() {
        query = bind(bind(query, &batch.outcomes), &batch.attempts);
        query = bind(bind(query, &batch.health), &batch.statistics);
        assumed.push(batch.outcomes.len());
    }
    if batch.has_events() || !batch.has_outcomes() {
        query = bind(bind(query, &batch.events), &batch.deliveries);
    }
    query = bind(query, queues);
    assumed.into_iter().fold(query, |query, count| query.bind(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// The code (`SQLSTATE`) with which the statement of a batch fails whose assumptions are wrong. The
/// migration that makes `signet_stale` names it too.
pub(super) const STALE: &str = "SG001";

/// Joins clauses to one statement. Each of the `assumed` ones returns a row for each row that is
/// given to it, or else the batch is stale; `written` ones are done with them.
///
/// A statement that fails is rolled back by itself: one trip is a whole transaction.
fn statement(assumed: &[Clause], written: &[Clause]) -> Arc<str> {
    let mut parameters = 0;
    let mut with_parameters = |clause: &Clause| {
        let first = parameters + 1;
        parameters += clause.types.len();
        format!("{} AS ({})", clause.name, clause.with_parameters(first))
    };
    let with: Vec<_> = assumed.iter().chain(written).map(&mut with_parameters).collect();
    let counts = assumed.iter().zip(parameters + 1..);
    let holds = counts.map(|(clause, number)| format!("(SELECT count(*) FROM {}) = ${number}::bigint", clause.name));
    let hold = holds.collect::<Vec<_>>().join(" AND ");
    format!("WITH {}\nSELECT CASE WHEN {hold} THEN TRUE ELSE signet_stale() END", with.join(",\n")).into()
}

/// Events, their deliveries, and the queues of these.
fn new_events() -> Vec<Clause> {
    vec![insert_events(), insert_deliveries(), pull_forward()]
}

/// What is written with outcomes, and then the others.
fn with_outcomes(others: Vec<Clause>) -> Vec<Clause> {
    [vec![insert_attempts(), update_health(), update_statistics()], others].concat()
}

/// Ids of the accounts that have the assumed revision. They are locked against changes of
/// their endpoints; an account that another transaction has locked counts as changed.
fn lock_revisions() -> Clause {
    Clause::new::<Revision>(
        "revisions",
        "SELECT accounts.id FROM accounts JOIN {rows} AS known ({columns})
           ON accounts.id = known.id AND accounts.revision = known.revision
         FOR SHARE OF accounts SKIP LOCKED",
    )
}

/// Idempotency keys, of which each must be new. Returns the events whose key is.
fn insert_keys() -> Clause {
    Clause::insert::<KeyRow>("keys", "ON CONFLICT DO NOTHING RETURNING event_id")
}

fn finish_deliveries() -> Clause {
    Clause::new::<OutcomeRow>(
        "deliveries_finished",
        "UPDATE deliveries SET state = outcome.state, due_at = outcome.due_at, lease = NULL,
           attempts = outcome.attempts, failures = outcome.failures, completed_at = outcome.completed_at
         FROM {rows} AS outcome ({columns})
         WHERE deliveries.account_id = outcome.account_id AND deliveries.id = outcome.id
           AND deliveries.lease = outcome.lease
         RETURNING deliveries.id",
    )
}

/// The number of an attempt whose lease is lost may exist. That is no error: the transaction
/// will be rolled back.
fn insert_attempts() -> Clause {
    Clause::insert::<NewAttempt>("attempts_inserted", "ON CONFLICT DO NOTHING")
}

fn update_health() -> Clause {
    Clause::insert::<HealthRow>("health", &HealthRow::on_conflict("interval '5 seconds'"))
}

fn update_statistics() -> Clause {
    Clause::insert::<StatisticsRow>("statistics_added", StatisticsRow::on_conflict())
}

fn insert_events() -> Clause {
    Clause::insert::<EventRow>("events_inserted", "")
}

fn insert_deliveries() -> Clause {
    Clause::insert::<DeliveryRow>("deliveries_inserted", "")
}

/// In the order of endpoints, so that no two transactions wait for each other.
fn pull_forward() -> Clause {
    let on_conflict = format!("ORDER BY account_id, endpoint_id {}", QueueRow::ON_CONFLICT);
    Clause::insert::<QueueRow>("queues", &on_conflict)
}

/// A statement of the hot path with its parameters, and the columns that it returns.
pub(super) type Query<'q, T> = sqlx::query::QueryAs<'q, Postgres, T, PgArguments>;

/// Binds one array for each column.
pub(super) fn bind<'q, T, R: Record>(query: Query<'q, T>, rows: &'q [R]) -> Query<'q, T> {
    R::COLUMNS.iter().fold(query, |query, Column(_, value)| match value {
        Value::Uuid(of) => query.bind(column(rows, of)),
        Value::Text(of) => query.bind(column(rows, |row| of(row).map(without_nul))),
        Value::Bytes(of) => query.bind(column(rows, of)),
        Value::Int(of) => query.bind(column(rows, of)),
        Value::BigInt(of) => query.bind(column(rows, of)),
        Value::Bool(of) => query.bind(column(rows, of)),
        Value::Instant(of) => query.bind(column(rows, of)),
    })
}

/// Returns one column of the rows.
pub(super) fn column<'r, R, T>(rows: &'r [R], of: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// PostgreSQL's text has no NUL; the texts of producers and receivers may have one.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

impl<R> Value<R> {
    const fn type_name(&self) -> &'static str {
        match self {
            Self::Uuid(_) => "uuid",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytea",
            Self::Int(_) => "int",
            Self::BigInt(_) => "bigint",
            Self::Bool(_) => "bool",
            Self::Instant(_) => "timestamptz",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_that_run_are_in_the_repository() {
        insta::with_settings!({ snapshot_path => ".", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("write_events", &**WRITE_EVENTS);
            insta::assert_snapshot!("write_keyed_both", &**WRITE_KEYED_BOTH);
            insta::assert_snapshot!("write_outcomes", &**WRITE_OUTCOMES);
            insta::assert_snapshot!("write_both", &**WRITE_BOTH);
            insta::assert_snapshot!("insert_keys", &**INSERT_KEYS);
        });
    }
}
