//! The place in an endpoint's pending deliveries from which a claim reads.
//!
//! PostgreSQL keeps the old version of a changed row, and its entry in each index, until no
//! snapshot can see it any more. Claimed and finished deliveries leave such entries at the
//! beginning of `deliveries_due`, which a claim would pass over one by one: for as long as
//! somebody holds a snapshot, each claim would cost more than the one before.
//! `endpoint_queues.pending_from` is the instant before which nothing is pending, so that a claim
//! begins behind them.
//!
//! It is kept as `next_due_at` is: a transaction that makes a delivery pending makes sure that it
//! is not later ([`QueueRow`]), and who holds the row locked moves it on.

use const_format::formatcp;

use crate::queue::{
    QueueEntry,
    record::{Column, Record, Value},
};

/// An endpoint's queue as a transaction pulls it forward.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueueRow(pub(super) QueueEntry);

impl QueueRow {
    /// Pulls an endpoint's queue forward that is stored already. The conflict locks the row even
    /// if it changes nothing, so that the entry waits for the claim of another process and
    /// replaces its later instants. What is not known stays so.
    pub(in crate::queue) const ON_CONFLICT: &'static str = "ON CONFLICT (account_id, endpoint_id) DO UPDATE SET
       next_due_at = least(excluded.next_due_at, endpoint_queues.next_due_at),
       pending_from = CASE WHEN excluded.pending_from < endpoint_queues.pending_from THEN excluded.pending_from
                           ELSE endpoint_queues.pending_from END
     WHERE excluded.next_due_at < endpoint_queues.next_due_at OR excluded.pending_from < endpoint_queues.pending_from";
}

impl Record for QueueRow {
    const TABLE: &'static str = QueueEntry::TABLE;
    const COLUMNS: &'static [Column<Self>] = &[
        Column("account_id", Value::Uuid(|row| Some(row.0.account.uuid()))),
        Column("endpoint_id", Value::Uuid(|row| Some(row.0.endpoint.uuid()))),
        Column("next_due_at", Value::Instant(|row| Some(row.0.look_at))),
        Column("pending_from", Value::Instant(|row| Some(row.0.due_at))),
    ];
}

/// Pulls the queue of an endpoint (`$1`, `$2`) forward: claims look at it by an instant (`$3`), and
/// a delivery is due at another one (`$4`).
pub(in crate::queue) const PULL_FORWARD: &str = formatcp!(
    "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at, pending_from) VALUES ($1, $2, $3, $4) {}",
    QueueRow::ON_CONFLICT
);

/// The earliest due time of what is pending at the endpoint of a row of `endpoint_queues`.
const FIRST_DUE: &str = "(SELECT min(due_at) FROM deliveries WHERE account_id = $1 AND endpoint_id = $2
       AND state = 'pending' AND due_at >= COALESCE(endpoint_queues.pending_from, '-infinity'))";

/// Removes the queue of an endpoint (`$1`, `$2`) without pending deliveries. The caller has locked
/// it.
pub(in crate::queue) const REMOVE_QUEUE: &str =
    formatcp!("DELETE FROM endpoint_queues WHERE account_id = $1 AND endpoint_id = $2 AND {FIRST_DUE} IS NULL");

/// Moves the queue of an endpoint (`$1`, `$2`) on to its next due time, at the earliest to an
/// instant (`$3`). The caller has locked it.
pub(in crate::queue) const ADVANCE_QUEUE: &str = formatcp!(
    "UPDATE endpoint_queues SET next_due_at = greatest({FIRST_DUE}, $3), pending_from = COALESCE({FIRST_DUE}, pending_from)
     WHERE account_id = $1 AND endpoint_id = $2"
);

/// Moves the queue of an endpoint (`$1`, `$2`) behind the others that are due (`$3`). The caller has
/// locked it, and changed the first of its deliveries.
pub(in crate::queue) const MOVE_QUEUE_BACK: &str = formatcp!(
    "UPDATE endpoint_queues SET next_due_at = $3, pending_from = COALESCE({FIRST_DUE}, pending_from)
     WHERE account_id = $1 AND endpoint_id = $2"
);

/// Leaves out what is not pending any more at an endpoint (`$1`, `$2`).
pub(crate) const BEHIND_FINISHED: &str = "AND due_at >= COALESCE(
       (SELECT pending_from FROM endpoint_queues WHERE account_id = $1 AND endpoint_id = $2), '-infinity')";
