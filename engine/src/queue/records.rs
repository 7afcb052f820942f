//! The rows that the hot path writes.

mod attempts;
mod statistics;

use std::sync::Arc;

use signet_model::{AccountId, DeliveryId, EndpointId, EventId, Timestamp, delivery::State, event::EventType};

pub(crate) use attempts::{NewAttempt, duration, failure_of, status_of};
pub(crate) use statistics::{Counted, HOUR, StatisticsRow, Tally};

use super::{
    Lease,
    record::{Column, Record, Value},
};

/// An account, and the revision that it must have.
pub(crate) type Revision = (AccountId, i64);

impl Record for Revision {
    const TABLE: &'static str = "accounts";
    const COLUMNS: &'static [Column<Self>] = &[
        Column("id", Value::Uuid(|(account, _)| Some(account.uuid()))),
        Column("revision", Value::BigInt(|(_, revision)| Some(*revision))),
    ];
}

/// An event to be stored.
#[derive(Debug)]
pub(crate) struct EventRow {
    pub(crate) id: EventId,
    pub(crate) account: AccountId,
    pub(crate) event_type: EventType,
    /// The exact bytes to deliver.
    pub(crate) body: Arc<str>,
    pub(crate) task_id: Option<Arc<str>>,
    pub(crate) occurred_at: Timestamp,
    pub(crate) accepted_at: Timestamp,
    /// The number of its deliveries.
    pub(crate) fanout: i32,
    pub(crate) is_test: bool,
    /// The text of its trace context.
    pub(crate) trace: Option<String>,
}

impl Record for EventRow {
    const TABLE: &'static str = "events";
    const COLUMNS: &'static [Column<Self>] = &[
        Column("id", Value::Uuid(|row| Some(row.id.uuid()))),
        Column("account_id", Value::Uuid(|row| Some(row.account.uuid()))),
        Column("event_type", Value::Text(|row| Some(row.event_type.as_str()))),
        Column("body", Value::Text(|row| Some(&row.body))),
        Column("task_id", Value::Text(|row| row.task_id.as_deref())),
        Column("occurred_at", Value::Instant(|row| Some(row.occurred_at))),
        Column("accepted_at", Value::Instant(|row| Some(row.accepted_at))),
        Column("fanout", Value::Int(|row| Some(row.fanout))),
        Column("is_test", Value::Bool(|row| Some(row.is_test))),
        Column("trace_context", Value::Text(|row| row.trace.as_deref())),
    ];
}

/// A delivery to be stored: pending with `due_at`, or held without.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryRow {
    pub(crate) id: DeliveryId,
    pub(crate) account: AccountId,
    pub(crate) event: EventId,
    pub(crate) endpoint: EndpointId,
    pub(crate) event_type: EventType,
    pub(crate) is_test: bool,
    pub(crate) due_at: Option<Timestamp>,
    /// The instant at which claims look for it: later than `due_at` if its endpoint rests or
    /// is throttled.
    pub(crate) look_at: Option<Timestamp>,
    /// The lease of the process that stores and attempts it.
    pub(crate) lease: Option<Lease>,
    pub(crate) created_at: Timestamp,
}

impl DeliveryRow {
    const fn state(&self) -> State {
        if self.due_at.is_some() { State::Pending } else { State::Held }
    }
}

impl Record for DeliveryRow {
    const TABLE: &'static str = "deliveries";
    const COLUMNS: &'static [Column<Self>] = &[
        Column("id", Value::Uuid(|row| Some(row.id.uuid()))),
        Column("account_id", Value::Uuid(|row| Some(row.account.uuid()))),
        Column("event_id", Value::Uuid(|row| Some(row.event.uuid()))),
        Column("endpoint_id", Value::Uuid(|row| Some(row.endpoint.uuid()))),
        Column("event_type", Value::Text(|row| Some(row.event_type.as_str()))),
        Column("is_test", Value::Bool(|row| Some(row.is_test))),
        Column("state", Value::Text(|row| Some(row.state().as_str()))),
        Column("due_at", Value::Instant(|row| row.due_at)),
        Column("lease", Value::BigInt(|row| row.lease.map(|lease| lease.0))),
        Column("created_at", Value::Instant(|row| Some(row.created_at))),
    ];
}

/// An idempotency key to be stored, with the answer to its request.
#[derive(Debug, Clone)]
pub(crate) struct KeyRow {
    pub(crate) account: AccountId,
    pub(crate) key: String,
    /// SHA-256 of the request.
    pub(crate) request_hash: [u8; 32],
    pub(crate) event: EventId,
    /// The number of deliveries of the event.
    pub(crate) fanout: i32,
    pub(crate) created_at: Timestamp,
}

impl Record for KeyRow {
    const TABLE: &'static str = "idempotency_keys";
    const COLUMNS: &'static [Column<Self>] = &[
        Column("account_id", Value::Uuid(|row| Some(row.account.uuid()))),
        Column("key", Value::Text(|row| Some(&row.key))),
        Column("request_hash", Value::Bytes(|row| Some(&row.request_hash))),
        Column("event_id", Value::Uuid(|row| Some(row.event.uuid()))),
        Column("fanout", Value::Int(|row| Some(row.fanout))),
        Column("created_at", Value::Instant(|row| Some(row.created_at))),
    ];
}

/// The outcome of a leased delivery.
#[derive(Debug, Clone)]
pub(crate) struct OutcomeRow {
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) delivery: DeliveryId,
    /// The lease under which it was attempted.
    pub(crate) lease: Lease,
    pub(crate) state: State,
    /// The instant of the next attempt, if it is pending.
    pub(crate) due_at: Option<Timestamp>,
    /// The instant at which claims look for it: later than `due_at` if its endpoint rests.
    pub(crate) look_at: Option<Timestamp>,
    /// Attempts made, this one included.
    pub(crate) attempts: i32,
    /// Failed attempts of this round.
    pub(crate) failures: i32,
    /// The instant at which it ended, unless it is pending or held.
    pub(crate) completed_at: Option<Timestamp>,
}

impl Record for OutcomeRow {
    const TABLE: &'static str = "deliveries";
    const COLUMNS: &'static [Column<Self>] = &[
        Column("account_id", Value::Uuid(|row| Some(row.account.uuid()))),
        Column("id", Value::Uuid(|row| Some(row.delivery.uuid()))),
        Column("lease", Value::BigInt(|row| Some(row.lease.0))),
        Column("state", Value::Text(|row| Some(row.state.as_str()))),
        Column("due_at", Value::Instant(|row| row.due_at)),
        Column("attempts", Value::Int(|row| Some(row.attempts))),
        Column("failures", Value::Int(|row| Some(row.failures))),
        Column("completed_at", Value::Instant(|row| row.completed_at)),
    ];
}

/// The outcomes of one endpoint in a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HealthRow {
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) last_success_at: Option<Timestamp>,
    pub(crate) last_failure_at: Option<Timestamp>,
    /// Failures after the last success in the batch.
    pub(crate) failures: i32,
}

impl HealthRow {
    /// Adds a row to an endpoint's health that is stored already. A success changes nothing that
    /// comes soon (`soon`, in the words of a database) after another one: an endpoint that is well
    /// would have a new version of its row in each commit.
    pub(super) fn on_conflict(soon: &str) -> String {
        format!(
            "ON CONFLICT (account_id, endpoint_id) DO UPDATE SET
       last_success_at = COALESCE(excluded.last_success_at, endpoint_health.last_success_at),
       last_failure_at = COALESCE(excluded.last_failure_at, endpoint_health.last_failure_at),
       consecutive_failures = excluded.consecutive_failures
         + CASE WHEN excluded.last_success_at IS NULL THEN endpoint_health.consecutive_failures ELSE 0 END
     WHERE endpoint_health.last_success_at IS NULL OR endpoint_health.consecutive_failures > 0
       OR excluded.last_failure_at IS NOT NULL OR excluded.last_success_at
         NOT BETWEEN endpoint_health.last_success_at AND endpoint_health.last_success_at + {soon}"
        )
    }
}

impl Record for HealthRow {
    const TABLE: &'static str = "endpoint_health";
    const COLUMNS: &'static [Column<Self>] = &[
        Column("account_id", Value::Uuid(|row| Some(row.account.uuid()))),
        Column("endpoint_id", Value::Uuid(|row| Some(row.endpoint.uuid()))),
        Column("last_success_at", Value::Instant(|row| row.last_success_at)),
        Column("last_failure_at", Value::Instant(|row| row.last_failure_at)),
        Column("consecutive_failures", Value::Int(|row| Some(row.failures))),
    ];
}

/// The queue of an endpoint, and an instant by which a claim has to look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueEntry {
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) look_at: Timestamp,
    /// The earliest instant at which a delivery is due that the transaction makes pending: earlier
    /// than `look_at` if the endpoint rests or is throttled.
    pub(crate) due_at: Timestamp,
}

impl QueueEntry {
    /// A claim has to look at an endpoint as soon as a delivery is due there.
    pub(crate) const fn new((account, endpoint): (AccountId, EndpointId), due_at: Timestamp) -> Self {
        Self { account, endpoint, look_at: due_at, due_at }
    }

    /// Pulls an endpoint's queue forward that is stored already.
    pub(super) const ON_CONFLICT: &'static str =
        "ON CONFLICT (account_id, endpoint_id) DO UPDATE SET next_due_at = excluded.next_due_at
     WHERE excluded.next_due_at < endpoint_queues.next_due_at";
}

impl Record for QueueEntry {
    const TABLE: &'static str = "endpoint_queues";
    const COLUMNS: &'static [Column<Self>] = &[
        Column("account_id", Value::Uuid(|row| Some(row.account.uuid()))),
        Column("endpoint_id", Value::Uuid(|row| Some(row.endpoint.uuid()))),
        Column("next_due_at", Value::Instant(|row| Some(row.look_at))),
    ];
}
