//! A long backlog, or a long history, made by a few statements.

use signet_engine::{db::Database, testing::TestDatabase};
use signet_model::{AccountId, EndpointId, delivery::State};
use uuid::Uuid;

/// An hour before the clocks of the tests begin.
const BEFORE: i64 = 1_774_699_200 - 3_600;

/// The words of one database.
struct Dialect {
    /// The numbers `n` up to `{count}`.
    numbers: &'static str,
    /// The id that is these 32 digits.
    id: fn(digits: &str) -> String,
    /// The digits of an id of the instant [`BEFORE`], numbered by `n`.
    numbered: fn() -> String,
    /// The instant [`BEFORE`].
    before: fn() -> String,
}

const SQLITE: Dialect = Dialect {
    numbers: "(WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {count})
               SELECT n FROM counted) AS numbers",
    id: |digits| format!("unhex({digits})"),
    numbered: || format!("printf('%012x%020x', {BEFORE} * 1000, n)"),
    before: || format!("{BEFORE} * 1000000"),
};

const POSTGRES: Dialect = Dialect {
    numbers: "generate_series(1, {count}) AS n",
    id: |digits| format!("CAST({digits} AS UUID)"),
    numbered: || format!("lpad(to_hex(CAST({BEFORE} AS BIGINT) * 1000), 12, '0') || lpad(to_hex(n), 20, '0')"),
    before: || format!("to_timestamp({BEFORE})"),
};

/// Gives an endpoint that has no deliveries so many in this state.
pub async fn fill(database: &TestDatabase, (account, endpoint): (AccountId, EndpointId), count: u32, state: State) {
    let dialect = match &database.db {
        Database::Sqlite(_) => SQLITE,
        Database::Postgres(_) => POSTGRES,
    };
    let of = |id: Uuid| (dialect.id)(&format!("'{}'", id.simple()));
    let (account, endpoint, id) = (of(account.uuid()), of(endpoint.uuid()), (dialect.id)(&(dialect.numbered)()));
    let (before, numbers) = ((dialect.before)(), dialect.numbers.replace("{count}", &count.to_string()));
    let due = if state == State::Pending { &before } else { "NULL" };
    let completed = if matches!(state, State::Pending | State::Held) { "NULL" } else { &before };
    let name = state.as_str();
    let attempts = u8::from(matches!(state, State::Failed | State::Delivered));
    let failures = u8::from(state == State::Failed);
    let mut sql = format!(
        "INSERT INTO events (id, account_id, event_type, body, task_id, occurred_at, accepted_at, fanout, is_test)
         SELECT {id}, {account}, 'task.completed', '{BODY}', 'backlog', {before}, {before}, 1, FALSE FROM {numbers};
         INSERT INTO deliveries (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, attempts,
           failures, created_at, completed_at)
         SELECT {id}, {account}, {id}, {endpoint}, 'task.completed', FALSE, '{name}', {due}, {attempts}, {failures},
           {before}, {completed} FROM {numbers};"
    );
    if attempts > 0 {
        let status = if state == State::Failed { 500 } else { 200 };
        sql += format!(
            "INSERT INTO attempts (delivery_id, number, account_id, started_at, duration_us, request_headers, status,
               response_headers, body_truncated)
             SELECT {id}, 1, {account}, {before}, 1000, '[]', {status}, '[]', FALSE FROM {numbers};"
        )
        .as_str();
    }
    if state == State::Pending {
        sql += format!(
            "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at) VALUES ({account}, {endpoint}, {before})
             ON CONFLICT DO NOTHING;"
        )
        .as_str();
    }
    database.run(&sql).await;
    database.run("ANALYZE").await;
}

const BODY: &str = r#"{"event":"task.completed","taskId":"backlog","status":"ready","solution":{},"timestamp":"2026-03-28T11:00:00Z"}"#;
