//! Deliveries: the log, one with all of its attempts, and sending one again.

mod log;

use std::time::Duration;

use const_format::formatcp;
use serde::de::DeserializeOwned;
use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId, Timestamp,
    delivery::{Attempt, Failure, Outcome, Response, State},
    event::EventType,
    sql::{Lossy, Stored},
};

use super::EFFECTIVE_STATE;
use crate::{
    Engine, Unusable, UnusableDelivery,
    db::{Error, Pool, Result},
    deliver::{
        Audience, Incoming,
        ingest::{IngestError, NewEvent},
    },
    queue::{Lock, QueueEntry},
};

#[cfg(test)]
pub(super) use log::{COUNT_PENDING, LAST_SEARCHED, UNFILTERED};
pub use log::{Log, PENDING_SEARCHED, Rest, SEARCHED};

/// How often to look for an outcome that another process may record.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How long a test may take beside its attempt, to be stored and recorded.
const TEST_MARGIN: Duration = Duration::from_secs(2);

/// One line of the log.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id, the receiver's `webhook-id`.
    pub id: DeliveryId,
    /// What it delivers.
    pub event: EventId,
    /// To where.
    pub endpoint: EndpointId,
    /// The type of the event.
    pub event_type: EventType,
    /// Whether a person sent it as a test.
    pub is_test: bool,
    /// Where it stands.
    pub state: State,
    /// When the next attempt is due, while it is pending. While an attempt is
    /// under way this is when its lease ends.
    pub due_at: Option<Timestamp>,
    /// Whether an attempt is under way.
    pub in_flight: bool,
    /// Attempts made.
    pub attempts: u32,
    /// How the last attempt ended.
    pub last_outcome: Option<Outcome>,
    /// How long the last attempt took.
    pub last_duration: Option<Duration>,
    /// When the event was accepted.
    pub created_at: Timestamp,
    /// When it was delivered, given up or discarded.
    pub completed_at: Option<Timestamp>,
}

/// One delivery with everything that was sent and came back.
#[derive(Debug, Clone)]
pub struct DeliveryDetail {
    /// The line of the log.
    pub delivery: Delivery,
    /// The body that is sent; `None` once retention removed it.
    pub body: Option<String>,
    /// When the event happened.
    pub occurred_at: Timestamp,
    /// The attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// Which deliveries of an endpoint to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those of this type.
    pub event_type: Option<EventType>,
    /// Only those of events before this one: the cursor of the next page.
    pub before: Option<EventId>,
}

/// Why a delivery cannot be sent again.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// It is waiting or being attempted already.
    #[error("This delivery is already waiting to be sent.")]
    Pending,
    /// The endpoint is disabled.
    #[error("This webhook is disabled. Re-enable it first.")]
    Disabled,
    /// What had waited for the endpoint before it was enabled is still being held.
    #[error("This webhook was just re-enabled, and its held deliveries are still being sorted. Try again in a minute.")]
    Settling,
    /// The body was removed by retention.
    #[error("The body of this event is no longer stored, so it cannot be sent again.")]
    BodyGone,
    /// The store failed, or there is no such delivery.
    #[error(transparent)]
    Store(#[from] super::Error),
}

/// Why no test event was sent.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// It was not taken in.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The endpoint cannot be used.
    #[error("This webhook cannot be used: {0}.")]
    Unusable(Unusable),
    /// The store failed, or there is no such endpoint.
    #[error(transparent)]
    Store(#[from] super::Error),
}

/// Deliveries `d`, with the columns of [`Row`].
const DELIVERIES: &str = formatcp!(
    "SELECT d.id, d.event_id, d.endpoint_id, d.event_type, d.is_test, {EFFECTIVE_STATE} AS state, d.due_at,
       d.lease IS NOT NULL AS in_flight, d.attempts, d.created_at, d.completed_at, a.status, a.failure, a.duration_us
     FROM deliveries d LEFT JOIN endpoints e ON e.account_id = d.account_id AND e.id = d.endpoint_id
       LEFT JOIN attempts a ON a.account_id = d.account_id AND a.delivery_id = d.id AND a.number = d.attempts"
);

#[derive(sqlx::FromRow)]
struct Row {
    id: Stored<DeliveryId>,
    event_id: Stored<EventId>,
    endpoint_id: Stored<EndpointId>,
    event_type: Stored<EventType>,
    is_test: bool,
    state: Stored<State>,
    due_at: Option<Timestamp>,
    in_flight: bool,
    attempts: Stored<i32>,
    created_at: Timestamp,
    completed_at: Option<Timestamp>,
    status: Option<Stored<i32>>,
    failure: Option<Stored<Failure>>,
    duration_us: Option<i64>,
}

impl Row {
    /// The delivery, or why it cannot be used; `None` if its id is none, since no page
    /// could name it.
    fn read(self) -> Option<Result<Delivery, UnusableDelivery>> {
        let (id, event) = (self.id.0.clone().ok()?, self.event_id.0.clone().ok());
        Some(self.parse(id).map_err(|reason| UnusableDelivery { id, event, reason }))
    }

    fn parse(self, id: DeliveryId) -> Result<Delivery, Unusable> {
        let last_outcome = match (self.failure.map(failure_of), self.status) {
            (Some(failure), _) => Some(Outcome::Failed(failure)),
            (None, status) => status.map(|status| Outcome::Answered(status_of(status))),
        };
        let state = Unusable::column("state", self.state)?;
        Ok(Delivery {
            id,
            event: Unusable::column("event_id", self.event_id)?,
            endpoint: Unusable::column("endpoint_id", self.endpoint_id)?,
            event_type: Unusable::column("event_type", self.event_type)?,
            is_test: self.is_test,
            state,
            due_at: self.due_at.filter(|_| state == State::Pending),
            in_flight: self.in_flight,
            attempts: Unusable::column("attempts", self.attempts)?.unsigned_abs(),
            last_outcome,
            last_duration: self.duration_us.map(micros),
            created_at: self.created_at,
            completed_at: self.completed_at,
        })
    }
}

/// An attempt; a column that cannot be read is shown as empty.
#[derive(sqlx::FromRow)]
struct AttemptRow {
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
}

impl From<AttemptRow> for Attempt {
    fn from(row: AttemptRow) -> Self {
        let response = row.status.map(|status| Response {
            status: status_of(status),
            headers: row.response_headers.map(|text| headers(&text.0)).unwrap_or_default(),
            body: row.response_body.unwrap_or_default().0,
            body_truncated: row.body_truncated,
        });
        Self {
            number: row.number.ok().unwrap_or(i32::MAX).unsigned_abs(),
            started_at: row.started_at,
            duration: micros(row.duration_us),
            first_byte: row.first_byte_us.map(micros),
            request_headers: headers(&row.request_headers.0),
            response,
            failure: row.failure.map(failure_of),
            failure_detail: row.failure_detail.map(String::from),
            retry_after: None,
        }
    }
}

fn status_of(stored: Stored<i32>) -> u16 {
    stored.ok().and_then(|status| u16::try_from(status).ok()).unwrap_or_default()
}

fn failure_of(stored: Stored<Failure>) -> Failure {
    stored.ok().unwrap_or(Failure::Unknown)
}

fn micros(stored: i64) -> Duration {
    Duration::from_micros(stored.unsigned_abs())
}

/// Stored by this engine as JSON.
fn headers<T: DeserializeOwned>(stored: &str) -> Vec<T> {
    serde_json::from_str(stored).unwrap_or_default()
}

impl Engine {
    /// One delivery of the account. Fails with [`Error::UnusableDelivery`] if its row
    /// cannot be used.
    pub async fn delivery(&self, account: AccountId, id: DeliveryId) -> Result<Option<DeliveryDetail>> {
        const DELIVERY: &str = formatcp!("{DELIVERIES} WHERE d.account_id = $1 AND d.id = $2");
        const EVENT: &str = "SELECT body, occurred_at FROM events WHERE account_id = $1 AND id = $2";
        const ATTEMPTS: &str = "SELECT number, started_at, duration_us, first_byte_us, request_headers, status,
             response_headers, response_body, body_truncated, failure, failure_detail
             FROM attempts WHERE account_id = $1 AND delivery_id = $2 ORDER BY number";
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(DELIVERY).bind(account).bind(id).fetch_optional().await?;
        let Some(delivery) = row.and_then(Row::read).transpose().map_err(Box::new)? else { return Ok(None) };
        let event: Option<(Option<Lossy>, Timestamp)> =
            conn.query(EVENT).bind(account).bind(delivery.event).fetch_optional().await?;
        // Retention can take it away between the two statements.
        let Some((body, occurred_at)) = event else { return Ok(None) };
        let attempts: Vec<AttemptRow> = conn.query(ATTEMPTS).bind(account).bind(id).fetch_all().await?;
        let attempts = attempts.into_iter().map(Attempt::from).collect();
        Ok(Some(DeliveryDetail { delivery, body: body.map(String::from), occurred_at, attempts }))
    }

    /// Sends a delivery again, with the same `webhook-id` and a new round of retries.
    pub async fn resend(&self, account: AccountId, id: DeliveryId) -> Result<(), ResendError> {
        const SQL: &str =
            "UPDATE deliveries SET state = 'pending', due_at = $3, lease = NULL, failures = 0, completed_at = NULL
             WHERE account_id = $1 AND id = $2 AND state <> 'pending' AND EXISTS
               (SELECT 1 FROM events WHERE account_id = $1 AND id = deliveries.event_id AND body IS NOT NULL)";
        let detail = self.delivery(account, id).await?.ok_or(Error::NotFound)?;
        if detail.body.is_none() {
            return Err(ResendError::BodyGone);
        }
        let Delivery { endpoint, is_test, .. } = detail.delivery;
        let mut tx = self.0.db.begin().await?;
        // What was closed opens again: retention, which shares the lock, must not
        // be taking its body away at this moment.
        let snapshot = self.0.endpoint_cache.load_locked(&mut tx, &[account], Lock::Exclusive).await?;
        let view = snapshot.endpoint(account, endpoint).ok_or(Error::NotFound)?;
        if view.disabled && !is_test {
            return Err(ResendError::Disabled);
        }
        if view.enabling && !is_test {
            return Err(ResendError::Settling);
        }
        let now = self.0.clock.now();
        let changed = tx.query(SQL).bind(account).bind(id).bind(now).execute().await?;
        if changed == 0 {
            return Err(ResendError::Pending);
        }
        tx.pull_forward(QueueEntry { account, endpoint, due_at: now }).await?;
        tx.notify().await?;
        tx.commit().await?;
        self.wake();
        Ok(())
    }

    /// Sends a test event to one endpoint, on the way that every event goes,
    /// but with one attempt only, and even while the endpoint is disabled.
    pub async fn send_test(
        &self,
        account: AccountId,
        endpoint: EndpointId,
        kind: EventType,
    ) -> Result<DeliveryId, TestError> {
        let found = self.endpoint(account, endpoint).await?.ok_or(Error::NotFound)?;
        if let Some(reason) = found.unusable {
            return Err(TestError::Unusable(reason));
        }
        let now = self.0.clock.now();
        let delivery = DeliveryId::new(now, self.0.random.bytes());
        let event = NewEvent { account, body: kind.sample(now), idempotency: None };
        let incoming = Incoming { event, audience: Audience::Test(endpoint, delivery) };
        let answers = self.0.enqueue(vec![incoming]).await?;
        answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(delivery)
    }

    /// Waits until a test's attempt has ended, for a little longer than the attempt may
    /// take, and returns the delivery as it is then.
    pub async fn await_test(&self, account: AccountId, id: DeliveryId) -> Result<Option<DeliveryDetail>> {
        self.await_attempt(account, id, self.0.settings.budget + TEST_MARGIN).await
    }

    /// Waits until a delivery's attempt has ended, for at most `limit`, and
    /// returns the delivery as it is then.
    pub async fn await_attempt(
        &self,
        account: AccountId,
        id: DeliveryId,
        limit: Duration,
    ) -> Result<Option<DeliveryDetail>> {
        let deadline = tokio::time::Instant::now() + limit;
        let waiter = self.0.outcome_watchers.watch(id);
        loop {
            let recorded = waiter.recorded();
            let detail = self.delivery(account, id).await?;
            let over = tokio::time::Instant::now() >= deadline;
            if over || detail.as_ref().is_none_or(|detail| !detail.attempts.is_empty() && !detail.delivery.in_flight) {
                return Ok(detail);
            }
            // Another process may be the one that records it: look again at times.
            let next = deadline.min(tokio::time::Instant::now() + LOOK_AGAIN);
            let _ = tokio::time::timeout_at(next, recorded).await;
        }
    }
}
