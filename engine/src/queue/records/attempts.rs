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
    /// See [`written`].
    phases: Option<String>,
}

impl NewAttempt {
    pub(crate) fn new(account: AccountId, delivery: DeliveryId, attempt: Arc<Attempt>) -> Self {
        let request_headers = json(&attempt.request_headers);
        let response_headers = attempt.response.as_ref().map(|response| json(&response.headers));
        let phases = written(attempt.phases);
        Self { account, delivery, attempt, request_headers, response_headers, phases }
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
        Column("phases", Value::Text(|row| row.phases.as_deref())),
    ];
}

/// A stored attempt; a column that cannot be read is shown as empty.
#[derive(sqlx_macros::FromRow)]
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
    phases: Option<Lossy>,
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
            phases: row.phases.map_or(Phases::NONE, |text| read(&text.0)),
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

/// Returns the steps that made a connection as one column: look-up, connect, TLS, in microseconds,
/// with commas between them. Nearly all attempts have none and write NULL, so that each statement
/// has one parameter for them instead of three.
fn written(phases: Phases) -> Option<String> {
    let step = |span: Option<Duration>| span.map(|span| span.as_micros().to_string()).unwrap_or_default();
    (phases != Phases::NONE).then(|| [step(phases.lookup), step(phases.connect), step(phases.tls)].join(","))
}

/// Returns stored steps; one that cannot be read is left out.
fn read(text: &str) -> Phases {
    let mut steps = text.split(',').map(|step| step.parse().ok().map(Duration::from_micros));
    let mut next = || steps.next().flatten();
    Phases { lookup: next(), connect: next(), tls: next() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_a_connection_are_stored_in_one_column() {
        let micros = |micros| Some(Duration::from_micros(micros));
        let phases = Phases { lookup: None, connect: micros(340), tls: micros(5_600) };
        assert_eq!(written(phases).as_deref(), Some(",340,5600"));
        assert_eq!(read(",340,5600"), phases);
        assert_eq!(written(Phases::NONE), None);
        assert_eq!(read("12,?"), Phases { lookup: micros(12), ..Phases::NONE });
        assert_eq!(read(""), Phases::NONE);
    }
}
