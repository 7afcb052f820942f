//! Attempts, as they are written and read.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use signet_model::{
    AccountId, DeliveryId, Timestamp,
    delivery::{Attempt, Failure, Phases, Response},
    sql::{Lossy, Stored},
};

use crate::{
    db::{Conn, Result},
    queue::record::{Column, Record, Value},
    retry_after::wait,
};

/// An attempt to be stored.
#[derive(Debug)]
pub(crate) struct NewAttempt {
    account: AccountId,
    delivery: DeliveryId,
    attempt: Arc<Attempt>,
    /// JSON, an array of pairs.
    request_headers: String,
    response_headers: Option<String>,
}

impl NewAttempt {
    pub(crate) fn new(account: AccountId, delivery: DeliveryId, attempt: Arc<Attempt>) -> Self {
        let request_headers = json(&attempt.request_headers);
        let response_headers = attempt.response.as_ref().map(|response| json(&response.headers));
        Self { account, delivery, attempt, request_headers, response_headers }
    }

    fn response(&self) -> Option<&Response> {
        self.attempt.response.as_ref()
    }
}

impl Record for NewAttempt {
    const TABLE: &'static str = "attempts";
    const COLUMNS: &'static [Column<Self>] = &[
        Column("account_id", Value::Uuid(|row| Some(row.account.uuid()))),
        Column("delivery_id", Value::Uuid(|row| Some(row.delivery.uuid()))),
        Column("number", Value::Int(|row| Some(i32::try_from(row.attempt.number).unwrap_or(i32::MAX)))),
        Column("started_at", Value::Instant(|row| Some(row.attempt.started_at))),
        Column("duration_us", Value::BigInt(|row| Some(micros(row.attempt.duration)))),
        Column("first_byte_us", Value::BigInt(|row| row.attempt.first_byte.map(micros))),
        Column("request_headers", Value::Text(|row| Some(&row.request_headers))),
        Column("status", Value::Int(|row| row.response().map(|response| response.status.into()))),
        Column("response_headers", Value::Text(|row| row.response_headers.as_deref())),
        Column("response_body", Value::Text(|row| row.response().map(|response| response.body.as_str()))),
        Column("body_truncated", Value::Bool(|row| Some(row.response().is_some_and(|it| it.body_truncated)))),
        Column("failure", Value::Text(|row| row.attempt.failure.map(Failure::as_str))),
        Column("failure_detail", Value::Text(|row| row.attempt.failure_detail.as_deref())),
        Column("lookup_us", Value::Int(|row| row.attempt.phases.lookup.map(small_micros))),
        Column("connect_us", Value::Int(|row| row.attempt.phases.connect.map(small_micros))),
        Column("tls_us", Value::Int(|row| row.attempt.phases.tls.map(small_micros))),
    ];
}

/// A stored attempt; a column that cannot be read is shown as empty.
#[derive(sqlx::FromRow)]
struct StoredAttempt {
    number: Stored<i32>,
    started_at: Timestamp,
    duration_us: i64,
    first_byte_us: Option<i64>,
    request_headers: Lossy,
    status: Option<Stored<i32>>,
    response_headers: Option<Lossy>,
    response_body: Option<Lossy>,
    body_truncated: bool,
    failure: Option<Stored<Failure>>,
    failure_detail: Option<Lossy>,
    lookup_us: Option<Stored<i32>>,
    connect_us: Option<Stored<i32>>,
    tls_us: Option<Stored<i32>>,
}

impl From<StoredAttempt> for Attempt {
    fn from(row: StoredAttempt) -> Self {
        let response = row.status.map(|status| Response {
            status: status_of(status),
            headers: row.response_headers.map(|text| parse(&text.0)).unwrap_or_default(),
            body: row.response_body.unwrap_or_default().0,
            body_truncated: row.body_truncated,
        });
        let took = duration(row.duration_us);
        let retry_after = response.as_ref().and_then(|response| {
            let asked = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
            wait(&asked?.1, row.started_at + took)
        });
        Self {
            number: row.number.ok().unwrap_or(i32::MAX).unsigned_abs(),
            started_at: row.started_at,
            duration: took,
            first_byte: row.first_byte_us.map(duration),
            phases: Phases { lookup: phase(row.lookup_us), connect: phase(row.connect_us), tls: phase(row.tls_us) },
            request_headers: parse(&row.request_headers.0),
            response,
            failure: row.failure.map(failure_of),
            failure_detail: row.failure_detail.map(String::from),
            retry_after,
        }
    }
}

/// Reads the attempts at a delivery (`$1`, `$2`).
static READ: LazyLock<String> = LazyLock::new(|| {
    let columns = NewAttempt::names();
    format!("SELECT {columns} FROM attempts WHERE account_id = $1 AND delivery_id = $2 ORDER BY number")
});

impl Conn {
    /// Reads the attempts at a delivery, oldest first.
    pub(crate) async fn attempts(&mut self, account: AccountId, delivery: DeliveryId) -> Result<Vec<Attempt>> {
        let rows: Vec<StoredAttempt> = self.query(READ.as_str()).bind(account).bind(delivery).fetch_all().await?;
        Ok(rows.into_iter().map(Attempt::from).collect())
    }
}

/// Pairs of texts always have a JSON form.
fn json(headers: &[impl Serialize]) -> String {
    serde_json::to_string(headers).unwrap_or_else(|_| "[]".to_owned())
}

fn parse<T: DeserializeOwned>(json: &str) -> Vec<T> {
    serde_json::from_str(json).unwrap_or_default()
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// A step of an attempt: its budget keeps it below half an hour.
fn small_micros(span: Duration) -> i32 {
    i32::try_from(span.as_micros()).unwrap_or(i32::MAX)
}

/// Returns a stored step.
fn phase(micros: Option<Stored<i32>>) -> Option<Duration> {
    micros?.ok().map(|micros| Duration::from_micros(micros.unsigned_abs().into()))
}

/// Returns a stored duration.
pub(crate) fn duration(micros: i64) -> Duration {
    Duration::from_micros(micros.unsigned_abs())
}

/// Returns a stored status; 0 if it cannot be read.
pub(crate) fn status_of(stored: Stored<i32>) -> u16 {
    stored.ok().and_then(|status| u16::try_from(status).ok()).unwrap_or_default()
}

/// Returns a stored failure.
pub(crate) fn failure_of(stored: Stored<Failure>) -> Failure {
    stored.ok().unwrap_or(Failure::Unknown)
}
