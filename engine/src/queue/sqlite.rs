//! The hot path on SQLite: rows travel as row values, in statements for 64, 32,
//! 16 … 1 rows, so that every statement stays prepared.

use std::sync::{Arc, LazyLock};

use futures_util::{TryStreamExt, stream::BoxStream};
use signet_model::{AccountId, DeliveryId, EndpointId, EventId, Timestamp};
use sqlx::{
    Arguments, AssertSqlSafe, Either, Encode, Executor, FromRow, Row, Sqlite, Transaction, Type,
    sqlite::{SqliteArguments, SqliteQueryResult, SqliteRow},
};

use super::{
    Lock,
    batch::{Kind, Part},
    changed_health,
    rows::{AttemptRow, Claim, Claimed, DeliveryRow, EventRow, FinishRow, HealthRow, KeyRow, Lease, Touch},
};
use crate::store::Result;

type Connection<'c> = Transaction<'c, Sqlite>;

/// Statements are prepared for up to two to this power rows.
const LARGEST_POWER: u32 = 6;
/// The most rows of one sort in one statement.
const MOST_ROWS: usize = 1 << LARGEST_POWER;

/// A statement with `{rows}` for row values of so many columns.
struct Statement {
    sql: &'static str,
    columns: usize,
}

/// Statements that are one trip to the thread that SQLite runs in, written out for
/// each number of rows that is a power of two. A batch takes the next larger
/// one, and rows of NULL fill it up, which the statements skip: a trip costs
/// more than a few empty rows.
struct Batched([Arc<str>; LARGEST_POWER as usize + 1]);

impl Batched {
    fn new(statements: &[Statement]) -> Self {
        Self(std::array::from_fn(|power| {
            let written = |one: &Statement| one.sql.replace("{rows}", &row_values(1 << power, one.columns));
            statements.iter().map(written).collect::<Vec<_>>().join(";\n").into()
        }))
    }

    /// The statements for so many rows, a power of two.
    fn sql(&self, rows: usize) -> AssertSqlSafe<Arc<str>> {
        // Made of constants and placeholders alone.
        AssertSqlSafe(Arc::clone(&self.0[rows.ilog2() as usize]))
    }
}

/// The parameters of statements, one after the other.
#[derive(Default)]
struct Parameters(SqliteArguments);

impl Parameters {
    fn add<'t>(&mut self, value: impl Encode<'t, Sqlite> + Type<Sqlite>) -> Result<()> {
        Ok(self.0.add(value).map_err(sqlx::Error::Encode)?)
    }

    /// Adds rows, and rows of NULL up to `len`.
    fn add_rows<R>(
        &mut self,
        statement: &Statement,
        rows: &[R],
        len: usize,
        add: impl Fn(&mut Self, &R) -> Result<()>,
    ) -> Result<()> {
        for row in rows {
            add(self, row)?;
        }
        for _ in 0..(len - rows.len()) * statement.columns {
            self.add(None::<i64>)?;
        }
        Ok(())
    }
}

/// Adds the columns of a row.
macro_rules! add {
    ($to:expr, $($column:expr),+ $(,)?) => {{
        $($to.add($column)?;)+
        Ok(())
    }};
}

fn row_values(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    vec![row; rows].join(",")
}

/// Writes a batch; returns whether what it assumes is so. If not, the transaction is
/// to be rolled back.
///
/// Several statements go in one text, which sqlx splits and gives the parameters
/// one after the other. Its documentation would rather have one statement in a
/// text, since only SQLite can do this; sent one by one, they would do the same
/// in more trips.
pub(super) async fn write(tx: &mut Connection<'_>, whole: Part<'_, '_>) -> Result<bool> {
    static EVENTS: LazyLock<Batched> = LazyLock::new(|| Batched::new(&[LOOK, INSERT_EVENTS, INSERT_DELIVERIES, TOUCH]));
    static OUTCOMES: LazyLock<Batched> =
        LazyLock::new(|| Batched::new(&[LOOK, FINISH, INSERT_ATTEMPTS, UPDATE_HEALTH, TOUCH]));
    static BOTH: LazyLock<Batched> = LazyLock::new(|| {
        Batched::new(&[LOOK, FINISH, INSERT_ATTEMPTS, UPDATE_HEALTH, INSERT_EVENTS, INSERT_DELIVERIES, TOUCH])
    });
    for part in whole.pieces(MOST_ROWS) {
        let len = part.longest().next_power_of_two();
        let (events, outcomes) = (part.kind() != Kind::Outcomes, part.kind() != Kind::Events);
        let mut parameters = Parameters::default();
        parameters.add_rows(&LOOK, part.accounts, len, |to, row| add!(to, row.0, row.1))?;
        if outcomes {
            parameters.add_rows(&FINISH, part.finishes, len, add_finish)?;
            parameters.add_rows(&INSERT_ATTEMPTS, part.attempts, len, add_attempt)?;
            parameters.add_rows(&UPDATE_HEALTH, part.health, len, add_health)?;
        }
        if events {
            parameters.add_rows(&INSERT_EVENTS, part.events, len, add_event)?;
            parameters.add_rows(&INSERT_DELIVERIES, part.deliveries, len, add_delivery)?;
        }
        parameters.add_rows(&TOUCH, part.touches, len, add_touch)?;
        let sql = match part.kind() {
            Kind::Events => EVENTS.sql(len),
            Kind::Outcomes => OUTCOMES.sql(len),
            Kind::Both => BOTH.sql(len),
        };
        let mut results = (&mut **tx).fetch_many(sqlx::query_with(sql, parameters.0));
        if next_count(&mut results).await? < part.accounts.len() {
            return Ok(false);
        }
        if outcomes && next_affected(&mut results).await? < part.finishes.len() {
            return Ok(false);
        }
        while results.try_next().await?.is_some() {}
    }
    Ok(true)
}

type Results<'a> = BoxStream<'a, sqlx::Result<Either<SqliteQueryResult, SqliteRow>>>;

/// What the next statement counts.
async fn next_count(results: &mut Results<'_>) -> Result<usize> {
    let mut count = 0_i64;
    while let Some(Either::Right(row)) = results.try_next().await? {
        count = row.try_get(0)?;
    }
    Ok(usize::try_from(count).unwrap_or_default())
}

/// How many rows the next statement changes.
async fn next_affected(results: &mut Results<'_>) -> Result<usize> {
    let result = results.try_next().await?.and_then(Either::left);
    Ok(result.map_or(0, |result| usize::try_from(result.rows_affected()).unwrap_or(usize::MAX)))
}

/// Runs a statement for each piece of the rows, and returns what they answer.
async fn fetch_all<R, T>(
    tx: &mut Connection<'_>,
    batched: &Batched,
    statement: &Statement,
    rows: &[R],
    add: impl Fn(&mut Parameters, &R) -> Result<()>,
) -> Result<Vec<T>>
where
    T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
{
    let mut found = Vec::with_capacity(rows.len());
    for rows in rows.chunks(MOST_ROWS) {
        let len = rows.len().next_power_of_two();
        let mut parameters = Parameters::default();
        parameters.add_rows(statement, rows, len, &add)?;
        found.extend(sqlx::query_as_with(batched.sql(len), parameters.0).fetch_all(&mut **tx).await?);
    }
    Ok(found)
}

/// Which of these deliveries are still leased as these outcomes assume.
pub(super) async fn still_leased(tx: &mut Connection<'_>, rows: &[FinishRow]) -> Result<Vec<DeliveryId>> {
    const STATEMENT: Statement = Statement {
        columns: 2,
        sql: "SELECT deliveries.id FROM (VALUES {rows}) AS outcome
             JOIN deliveries ON deliveries.id = outcome.column1 AND deliveries.lease = outcome.column2",
    };
    static SQL: LazyLock<Batched> = LazyLock::new(|| Batched::new(&[STATEMENT]));
    let leased = fetch_all(tx, &SQL, &STATEMENT, rows, |to, row| add!(to, row.delivery, row.lease)).await?;
    Ok(leased.into_iter().map(|(id,)| id).collect())
}

pub(super) async fn lock_accounts(
    tx: &mut Connection<'_>,
    accounts: &[AccountId],
    _: Lock,
) -> Result<Vec<(AccountId, i64)>> {
    const STATEMENT: Statement =
        Statement { columns: 1, sql: "SELECT id, revision FROM accounts WHERE id IN (VALUES {rows})" };
    static SQL: LazyLock<Batched> = LazyLock::new(|| Batched::new(&[STATEMENT]));
    fetch_all(tx, &SQL, &STATEMENT, accounts, |to, id| to.add(*id)).await
}

pub(super) async fn insert_keys(tx: &mut Connection<'_>, keys: &[KeyRow]) -> Result<Vec<EventId>> {
    const STATEMENT: Statement = Statement {
        columns: 6,
        sql: "INSERT INTO idempotency_keys (account_id, key, request_hash, event_id, fanout, created_at)
             SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL ON CONFLICT DO NOTHING RETURNING event_id",
    };
    static SQL: LazyLock<Batched> = LazyLock::new(|| Batched::new(&[STATEMENT]));
    let inserted = fetch_all(tx, &SQL, &STATEMENT, keys, |to, row| {
        add!(to, row.account, row.key.as_str(), row.request_hash.as_slice(), row.event, row.fanout, row.created_at)
    });
    Ok(inserted.await?.into_iter().map(|(id,)| id).collect())
}

const LOOK: Statement = Statement {
    columns: 2,
    sql: "SELECT count(*) FROM (VALUES {rows}) AS known
             JOIN accounts ON accounts.id = known.column1 AND accounts.revision = known.column2",
};

const INSERT_EVENTS: Statement = Statement {
    columns: 9,
    sql: "INSERT INTO events (id, account_id, event_type, body, task_id, occurred_at, accepted_at, fanout, is_test)
             SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL",
};

fn add_event(to: &mut Parameters, row: &EventRow<'_>) -> Result<()> {
    add!(
        to,
        row.id,
        row.account,
        row.event_type.as_str(),
        row.body,
        row.task_id,
        row.occurred_at,
        row.accepted_at,
        row.fanout,
        row.is_test
    )
}

const INSERT_DELIVERIES: Statement = Statement {
    columns: 10,
    sql: "INSERT INTO deliveries (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, lease, created_at)
             SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL",
};

fn add_delivery(to: &mut Parameters, row: &DeliveryRow) -> Result<()> {
    add!(
        to,
        row.id,
        row.account,
        row.event,
        row.endpoint,
        row.event_type.as_str(),
        row.is_test,
        row.state().as_str(),
        row.due_at,
        row.lease,
        row.created_at
    )
}

const TOUCH: Statement = Statement {
    columns: 3,
    sql: "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at)
             SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL
             ON CONFLICT (account_id, endpoint_id) DO UPDATE SET next_due_at = excluded.next_due_at
             WHERE excluded.next_due_at < endpoint_queues.next_due_at",
};

fn add_touch(to: &mut Parameters, row: &Touch) -> Result<()> {
    add!(to, row.account, row.endpoint, row.due_at)
}

/// A statement with `{skip}` for the endpoints that are to be left out, which
/// are few, since each of them has as many attempts under way as it may.
fn skipping(sql: &str, skip: &[EndpointId]) -> AssertSqlSafe<String> {
    let list = vec!["?"; skip.len()].join(",");
    // Made of constants and placeholders alone.
    AssertSqlSafe(sql.replace("{skip}", &list))
}

pub(super) const DUE_ENDPOINTS: &str = "SELECT account_id, endpoint_id FROM endpoint_queues
     WHERE next_due_at <= ? AND endpoint_id NOT IN ({skip}) ORDER BY next_due_at LIMIT ?";

pub(super) async fn due_endpoints(
    tx: &mut Connection<'_>,
    now: Timestamp,
    skip: &[EndpointId],
    limit: i64,
) -> Result<Vec<(AccountId, EndpointId)>> {
    let query = sqlx::query_as(skipping(DUE_ENDPOINTS, skip)).persistent(skip.is_empty()).bind(now);
    let query = skip.iter().fold(query, |query, id| query.bind(*id));
    Ok(query.bind(limit).fetch_all(&mut **tx).await?)
}

pub(super) async fn next_due(conn: &mut sqlx::SqliteConnection, skip: &[EndpointId]) -> Result<Option<Timestamp>> {
    const SQL: &str =
        "SELECT next_due_at FROM endpoint_queues WHERE endpoint_id NOT IN ({skip}) ORDER BY next_due_at LIMIT 1";
    let query = sqlx::query_scalar(skipping(SQL, skip)).persistent(skip.is_empty());
    let query = skip.iter().fold(query, |query, id| query.bind(*id));
    Ok(query.fetch_optional(conn).await?)
}

pub(super) const CLAIM: &str = "UPDATE deliveries SET due_at = $1, lease = $2 WHERE id IN
       (SELECT id FROM deliveries WHERE account_id = $3 AND endpoint_id = $4 AND state = 'pending' AND due_at <= $5
         ORDER BY due_at LIMIT $6)
     RETURNING id, event_type, is_test, attempts, failures,
       (SELECT body FROM events WHERE events.id = deliveries.event_id) AS body";

pub(super) async fn claim(
    tx: &mut Connection<'_>,
    claims: &[Claim],
    now: Timestamp,
    until: Timestamp,
    lease: Lease,
) -> Result<Vec<Claimed>> {
    let mut claimed = Vec::new();
    for from in claims {
        let rows = sqlx::query_as(CLAIM)
            .bind(until)
            .bind(lease)
            .bind(from.account)
            .bind(from.endpoint)
            .bind(now)
            .bind(from.limit)
            .fetch_all(&mut **tx)
            .await?;
        claimed.extend(rows.into_iter().map(|(id, event_type, is_test, attempts, failures, body)| Claimed {
            id,
            account_id: from.account,
            endpoint_id: from.endpoint,
            event_type,
            is_test,
            attempts,
            failures,
            body,
        }));
    }
    Ok(claimed)
}

const FINISH: Statement = Statement {
    columns: 7,
    sql: "WITH outcome (id, lease, state, due_at, attempts, failures, completed_at) AS (VALUES {rows})
             UPDATE deliveries SET state = outcome.state, due_at = outcome.due_at, lease = NULL,
               attempts = outcome.attempts, failures = outcome.failures, completed_at = outcome.completed_at
             FROM outcome WHERE deliveries.id = outcome.id AND deliveries.lease = outcome.lease",
};

fn add_finish(to: &mut Parameters, row: &FinishRow) -> Result<()> {
    add!(to, row.delivery, row.lease, row.state.as_str(), row.due_at, row.attempts, row.failures, row.completed_at)
}

const INSERT_ATTEMPTS: Statement = Statement {
    columns: 13,
    sql:
        "INSERT INTO attempts (account_id, delivery_id, number, started_at, duration_us, first_byte_us, request_headers,
               status, response_headers, response_body, body_truncated, failure, failure_detail)
             SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL",
};

fn add_attempt(to: &mut Parameters, row: &AttemptRow) -> Result<()> {
    add!(
        to,
        row.account,
        row.delivery,
        row.number,
        row.started_at,
        row.duration_us,
        row.first_byte_us,
        row.request_headers.as_str(),
        row.status,
        row.response_headers.as_deref(),
        row.response_body.as_deref(),
        row.body_truncated,
        row.failure,
        row.failure_detail.as_deref()
    )
}

const UPDATE_HEALTH: Statement = Statement {
    columns: 5,
    sql: concat!(
        "INSERT INTO endpoint_health (account_id, endpoint_id, last_success_at, last_failure_at, consecutive_failures)
                 SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL ",
        changed_health!()
    ),
};

fn add_health(to: &mut Parameters, row: &HealthRow) -> Result<()> {
    add!(to, row.account, row.endpoint, row.last_success_at, row.last_failure_at, row.failures)
}
