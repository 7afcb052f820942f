//! The rows that pages read: a day of statistics and the health of each webhook, deliveries that wait
//! for those that fail, held ones of those that failures have disabled, and many rows of a neighbour.

use signet_engine::db::DatabaseUrl;
use signet_model::{AccountId, Timestamp};

/// An hour in microseconds.
const HOUR: i64 = 3_600_000_000;
/// The hours of statistics of each webhook of an account that is ill, and of one that is well.
const HOURS: i64 = 24;
/// Deliveries that wait for each webhook of the ill account that fails, and held ones of each that is
/// disabled.
const WAITING: i64 = 200;
const HELD: i64 = 1_500;

/// The accounts.
pub struct Accounts {
    /// One of 100 webhooks fails, and one is disabled.
    pub well: AccountId,
    /// Every other webhook fails, and one of 400 is disabled.
    pub ill: AccountId,
    /// Has rows of statistics of 1,000 event types.
    pub neighbour: AccountId,
}

/// What differs between the databases.
struct Dialect {
    /// An id that is written in hexadecimal.
    id: fn(&str) -> String,
    /// An instant in microseconds, an expression.
    at: fn(&str) -> String,
    /// Numbers from 0 to below one.
    numbers: fn(i64) -> String,
    random_id: &'static str,
    analyze: &'static str,
}

const ON_SQLITE: Dialect = Dialect {
    id: |id| format!("x'{id}'"),
    at: str::to_owned,
    numbers: |count| {
        format!(
            "(WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count}) SELECT i FROM n) AS n"
        )
    },
    random_id: "randomblob(16)",
    analyze: "ANALYZE",
};
const ON_POSTGRES: Dialect = Dialect {
    id: |id| format!("CAST('{id}' AS UUID)"),
    at: |micros| format!("TIMESTAMPTZ 'epoch' + ({micros}) * INTERVAL '1 microsecond'"),
    numbers: |count| format!("generate_series(0, {count} - 1) AS n (i)"),
    random_id: "gen_random_uuid()",
    // As autovacuum would after so many rows.
    analyze: "VACUUM ANALYZE",
};

/// Stores the rows.
pub async fn store(url: &DatabaseUrl, accounts: &Accounts, now: Timestamp, neighbours: i64) -> anyhow::Result<()> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await?;
            for statement in ON_SQLITE.statements(accounts, now, neighbours) {
                sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await?;
            }
            pool.close().await;
        }
        DatabaseUrl::Postgres(url) => {
            let pool = sqlx::PgPool::connect(url).await?;
            for statement in ON_POSTGRES.statements(accounts, now, neighbours) {
                sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await?;
            }
            pool.close().await;
        }
    }
    Ok(())
}

impl Dialect {
    fn statements(&self, accounts: &Accounts, now: Timestamp, neighbours: i64) -> Vec<String> {
        let hex = |account: AccountId| (self.id)(&account.uuid().simple().to_string());
        let mut statements = vec![self.of_neighbour(&hex(accounts.neighbour), now, neighbours)];
        statements.extend(self.of_account(&hex(accounts.well), now, [100, 100]));
        statements.extend(self.of_account(&hex(accounts.ill), now, [2, 400]));
        statements.extend(self.of_ill(&hex(accounts.ill), now));
        statements.push(self.analyze.to_owned());
        statements
    }

    /// An instant so many microseconds (an expression) after the hour or the present.
    fn after(&self, instant: Timestamp, micros: &str) -> String {
        (self.at)(&format!("{} + {micros}", instant.unix_micros()))
    }

    fn of_neighbour(&self, account: &str, now: Timestamp, rows: i64) -> String {
        let old = self.after(hour_of(now), &format!("(i / 1000) * -{HOUR}"));
        let numbers = (self.numbers)(rows);
        format!(
            "INSERT INTO statistics SELECT {account}, {old}, {account}, 'type.' || (i % 1000), {COUNTS} FROM {numbers}"
        )
    }

    /// Statistics, hour by hour as they come in, and health; one of so many webhooks fails, and one of so many is disabled.
    fn of_account(&self, account: &str, now: Timestamp, [failing, disabled]: [u32; 2]) -> [String; 3] {
        let ago = self.after(hour_of(now), &format!("i * -{HOUR}"));
        let instant = self.after(now, "0");
        let hours = (self.numbers)(HOURS);
        [
            format!(
                "INSERT INTO statistics SELECT account_id, {ago}, id, 'task.completed', {COUNTS}
                 FROM endpoints CROSS JOIN {hours} WHERE account_id = {account} ORDER BY i DESC, id"
            ),
            format!(
                "INSERT INTO endpoint_health (endpoint_id, account_id, last_success_at, last_failure_at, consecutive_failures)
                 SELECT id, account_id, {instant}, {instant}, CASE {NUMBERED} % {failing} WHEN 0 THEN 1 ELSE 0 END
                 FROM endpoints WHERE account_id = {account}"
            ),
            format!(
                "UPDATE endpoints SET disabled_at = {instant}, disabled_reason = 'gone' WHERE id IN
                   (SELECT id FROM (SELECT id, {NUMBERED} AS number FROM endpoints WHERE account_id = {account}) AS numbered
                     WHERE number % {disabled} = 1)"
            ),
        ]
    }

    /// Deliveries of the newest webhooks that fail or are disabled, due in the far future.
    fn of_ill(&self, account: &str, now: Timestamp) -> [String; 3] {
        let id = self.random_id;
        let (instant, later) = (self.after(now, "0"), self.after(now, &format!("{HOUR} * 24 + i * 1000000")));
        let deliveries = |state: &str, due: &str, failures: &str, number: i64, is_of: &str| {
            let numbers = (self.numbers)(number);
            format!(
                "INSERT INTO deliveries (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, attempts,
                   failures, created_at)
                 SELECT {id}, account_id, {id}, endpoints.id, 'task.completed', FALSE, '{state}', {due}, {failures}, {failures},
                   {instant} FROM endpoints CROSS JOIN {numbers} WHERE account_id = {account} AND {is_of}"
            )
        };
        [
            deliveries("pending", &later, "i % 5", WAITING, "disabled_at IS NULL"),
            deliveries("held", "NULL", "0", HELD, "disabled_at IS NOT NULL"),
            format!(
                "INSERT INTO attempts (delivery_id, number, account_id, started_at, duration_us, request_headers, status,
                   response_headers, response_body, body_truncated)
                 SELECT id, attempts, account_id, {instant}, 120000, '[]', 503, '[]', 'busy', FALSE
                 FROM deliveries WHERE account_id = {account} AND attempts > 0"
            ),
        ]
    }
}

/// The counters of a row of statistics.
const COUNTS: &str = "1, 0, 0, 10, 90, 20, 5, 1, 0, 0, 0, 0, 0, 0";
/// The webhooks of an account in the order of their ids, numbered from 1.
const NUMBERED: &str = "row_number() OVER (ORDER BY id)";

fn hour_of(instant: Timestamp) -> Timestamp {
    Timestamp::from_unix_micros(instant.unix_micros() / HOUR * HOUR)
}
