//! What a batch does, row by row: a statement for each row, and its parameters. Both
//! ways to reach SQLite run these.

use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId, Timestamp,
    delivery::{Failure, State},
    event::EventType,
};
use uuid::Uuid;

use crate::queue::{
    batch::Batch,
    changed_health,
    records::{DeliveryRow, EventRow, HealthRow, KeyRow, Lease, NewAttempt, OutcomeRow, QueueEntry},
};

/// Answers with a row if an account (`?1`) has this revision (`?2`).
pub(in crate::queue) const HAS_REVISION: &str = "SELECT 1 FROM accounts WHERE id = ?1 AND revision = ?2";

/// The statements of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::queue) enum Statement {
    InsertKey,
    Finish,
    InsertAttempt,
    UpdateHealth,
    InsertEvent,
    InsertDelivery,
    PullForward,
}

impl Statement {
    pub(in crate::queue) const ALL: [Self; 7] = [
        Self::InsertKey,
        Self::Finish,
        Self::InsertAttempt,
        Self::UpdateHealth,
        Self::InsertEvent,
        Self::InsertDelivery,
        Self::PullForward,
    ];

    pub(in crate::queue) const fn sql(self) -> &'static str {
        match self {
            Self::InsertKey => {
                "INSERT INTO idempotency_keys (account_id, key, request_hash, event_id, fanout, created_at)
                 VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
            }
            Self::Finish => {
                "UPDATE deliveries SET state = ?3, due_at = ?4, lease = NULL, attempts = ?5, failures = ?6, completed_at = ?7
                 WHERE id = ?1 AND lease = ?2"
            }
            Self::InsertAttempt => {
                "INSERT INTO attempts (account_id, delivery_id, number, started_at, duration_us, first_byte_us,
                   request_headers, status, response_headers, response_body, body_truncated, failure, failure_detail)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            }
            Self::UpdateHealth => concat!(
                "INSERT INTO endpoint_health
                   (account_id, endpoint_id, last_success_at, last_failure_at, consecutive_failures)
                 VALUES (?, ?, ?, ?, ?) ",
                changed_health!()
            ),
            Self::InsertEvent => {
                "INSERT INTO events
                   (id, account_id, event_type, body, task_id, occurred_at, accepted_at, fanout, is_test)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            }
            Self::InsertDelivery => {
                "INSERT INTO deliveries
                   (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, lease, created_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            }
            Self::PullForward => {
                "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at) VALUES (?, ?, ?)
                 ON CONFLICT (account_id, endpoint_id) DO UPDATE SET next_due_at = excluded.next_due_at
                 WHERE excluded.next_due_at < endpoint_queues.next_due_at"
            }
        }
    }

    /// The name that the log has for it when it fails.
    pub(in crate::queue) const fn name(self) -> &'static str {
        match self {
            Self::InsertKey => "insert idempotency key",
            Self::Finish => "finish delivery",
            Self::InsertAttempt => "insert attempt",
            Self::UpdateHealth => "update endpoint health",
            Self::InsertEvent => "insert event",
            Self::InsertDelivery => "insert delivery",
            Self::PullForward => "pull endpoint queue forward",
        }
    }

    /// Whether a batch goes by something that is not so if this changes nothing: a
    /// key that is new, a lease that still holds.
    pub(in crate::queue) const fn must_change(self) -> bool {
        matches!(self, Self::InsertKey | Self::Finish)
    }
}

/// One row of a batch.
#[derive(Debug, Clone, Copy)]
pub(in crate::queue) enum Row<'b> {
    Key(&'b KeyRow),
    Finish(&'b OutcomeRow),
    Attempt(&'b NewAttempt),
    Health(&'b HealthRow),
    Event(&'b EventRow),
    Delivery(&'b DeliveryRow),
    QueueEntry(&'b QueueEntry),
}

/// The rows of a batch. What can turn out not to be so comes first.
pub(in crate::queue) fn rows<'b>(batch: &'b Batch, queue_entries: &'b [QueueEntry]) -> impl Iterator<Item = Row<'b>> {
    let assumed = batch.keys.iter().map(Row::Key).chain(batch.outcomes.iter().map(Row::Finish));
    let outcomes = batch.attempts.iter().map(Row::Attempt).chain(batch.health.iter().map(Row::Health));
    let events = batch.events.iter().map(Row::Event).chain(batch.deliveries.iter().map(Row::Delivery));
    assumed.chain(outcomes).chain(events).chain(queue_entries.iter().map(Row::QueueEntry))
}

/// Sets the columns of a row, in the order of its statement.
macro_rules! columns {
    ($to:expr, $($column:expr),+ $(,)?) => {
        $to.extend([$(Value::from($column)),+])
    };
}

impl<'b> Row<'b> {
    pub(in crate::queue) const fn statement(self) -> Statement {
        match self {
            Self::Key(_) => Statement::InsertKey,
            Self::Finish(_) => Statement::Finish,
            Self::Attempt(_) => Statement::InsertAttempt,
            Self::Health(_) => Statement::UpdateHealth,
            Self::Event(_) => Statement::InsertEvent,
            Self::Delivery(_) => Statement::InsertDelivery,
            Self::QueueEntry(_) => Statement::PullForward,
        }
    }

    /// Adds the parameters of its statement.
    pub(in crate::queue) fn columns(self, to: &mut Vec<Value<'b>>) {
        match self {
            Self::Key(row) => columns!(
                to,
                row.account,
                row.key.as_str(),
                row.request_hash.as_slice(),
                row.event,
                row.fanout,
                row.created_at
            ),
            Self::Finish(row) => columns!(
                to,
                row.delivery,
                row.lease,
                row.state,
                row.due_at,
                row.attempts,
                row.failures,
                row.completed_at
            ),
            Self::Attempt(row) => columns!(
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
            ),
            Self::Health(row) => {
                columns!(to, row.account, row.endpoint, row.last_success_at, row.last_failure_at, row.failures);
            }
            Self::Event(row) => columns!(
                to,
                row.id,
                row.account,
                row.event_type,
                &*row.body,
                row.task_id.as_deref(),
                row.occurred_at,
                row.accepted_at,
                row.fanout,
                row.is_test
            ),
            Self::Delivery(row) => columns!(
                to,
                row.id,
                row.account,
                row.event,
                row.endpoint,
                row.event_type,
                row.is_test,
                row.state(),
                row.due_at,
                row.lease,
                row.created_at
            ),
            Self::QueueEntry(row) => columns!(to, row.account, row.endpoint, row.due_at),
        }
    }
}

/// A parameter, as SQLite keeps it.
#[derive(Debug, Clone, Copy)]
pub(in crate::queue) enum Value<'b> {
    Null,
    Integer(i64),
    Text(&'b str),
    Blob(&'b [u8]),
    Id(Uuid),
}

impl<T: Into<Self>> From<Option<T>> for Value<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// How each type is kept, as in `signet_model::sql`.
macro_rules! kept_as {
    ($($type:ty = |$value:ident| $kept:expr;)*) => {$(
        impl<'b> From<$type> for Value<'b> {
            fn from($value: $type) -> Self {
                $kept
            }
        }
    )*};
}

kept_as! {
    i64 = |number| Self::Integer(number);
    i32 = |number| Self::Integer(number.into());
    bool = |truth| Self::Integer(truth.into());
    &'b str = |text| Self::Text(text);
    &'b [u8] = |bytes| Self::Blob(bytes);
    Timestamp = |at| Self::Integer(at.unix_micros());
    Lease = |lease| Self::Integer(lease.0);
    State = |state| Self::Text(state.as_str());
    Failure = |failure| Self::Text(failure.as_str());
    EventType = |kind| Self::Text(kind.as_str());
    AccountId = |id| Self::Id(id.uuid());
    EndpointId = |id| Self::Id(id.uuid());
    EventId = |id| Self::Id(id.uuid());
    DeliveryId = |id| Self::Id(id.uuid());
}
