//! The statement of a batch: one trip to the server, with an array of values for each column.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use sqlx::{Postgres, postgres::PgArguments};

use crate::queue::{
    postgres::pending_from::QueueRow,
    record::{Column, Record, Value},
    records::{DeliveryRow, EventRow, HealthRow, KeyRow, NewAttempt, OutcomeRow, Revision, StatisticsRow},
};

/// A part of a statement, with `{rows}` for a table of its rows.
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
pub(super) static WRITE_EVENTS: LazyLock<Arc<str>> =
    LazyLock::new(|| statement(&[lock_revisions(), insert_events(), insert_deliveries(), pull_forward()]));

/// Writes outcomes.
pub(super) static WRITE_OUTCOMES: LazyLock<Arc<str>> = LazyLock::new(|| {
    statement(&[
        lock_revisions(),
        finish_deliveries(),
        insert_attempts(),
        update_health(),
        update_statistics(),
        pull_forward(),
    ])
});

/// Writes events and outcomes.
pub(in crate::queue) static WRITE_BOTH: LazyLock<Arc<str>> = LazyLock::new(|| {
    statement(&[
        lock_revisions(),
        finish_deliveries(),
        insert_attempts(),
        update_health(),
        update_statistics(),
        insert_events(),
        insert_deliveries(),
        pull_forward(),
    ])
});

/// Stores idempotency keys, and returns the events whose key was new.
pub(super) static INSERT_KEYS: LazyLock<Arc<str>> = LazyLock::new(|| {
    let clause = Clause::insert::<KeyRow>("keys", "ON CONFLICT DO NOTHING RETURNING event_id");
    clause.with_parameters(1).into()
});

/// Joins clauses to one statement. It returns the number of accounts that have the assumed
/// revision, and the number of deliveries that had the assumed lease.
fn statement(clauses: &[Clause]) -> Arc<str> {
    let mut parameters = 0;
    let mut written = |clause: &Clause| {
        let first = parameters + 1;
        parameters += clause.types.len();
        format!("{} AS ({})", clause.name, clause.with_parameters(first))
    };
    let with = clauses.iter().map(&mut written).collect::<Vec<_>>().join(",\n");
    let finishes = clauses.iter().any(|clause| clause.name == "deliveries_finished");
    let leased = if finishes { "(SELECT count(*) FROM deliveries_finished)" } else { "0::bigint" };
    format!("WITH {with}\nSELECT (SELECT count(*) FROM revisions), {leased}").into()
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
            insta::assert_snapshot!("write_outcomes", &**WRITE_OUTCOMES);
            insta::assert_snapshot!("write_both", &**WRITE_BOTH);
            insta::assert_snapshot!("insert_keys", &**INSERT_KEYS);
        });
    }
}
