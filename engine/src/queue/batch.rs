//! The rows of one transaction on the hot path.

use signet_model::{AccountId, EndpointId, Timestamp};

use super::records::{
    DeliveryRow, EventRow, HealthRow, KeyRow, NewAttempt, OutcomeRow, QueueEntry, Revision, StatisticsRow,
};
use crate::fault;

/// Rows that are written together, so that they share a commit and each trip to the database.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The accounts that no other transaction may change meanwhile.
    pub(crate) accounts: Vec<Revision>,
    /// Idempotency keys, each of which must be new.
    pub(crate) keys: Vec<KeyRow>,
    pub(crate) events: Vec<EventRow>,
    pub(crate) deliveries: Vec<DeliveryRow>,
    /// Outcomes, each of whose leases must still hold.
    pub(crate) outcomes: Vec<OutcomeRow>,
    pub(crate) attempts: Vec<NewAttempt>,
    /// In the order of endpoints.
    pub(crate) health: Vec<HealthRow>,
    /// In the order of their keys.
    pub(crate) statistics: Vec<StatisticsRow>,
}

impl Batch {
    /// Returns the earliest instants of each endpoint, in the order of endpoints.
    pub(super) fn queue_entries(&self) -> Vec<QueueEntry> {
        let new = self.deliveries.iter().map(|row| (row.account, row.endpoint, row.look_at, row.due_at));
        let retried = self.outcomes.iter().map(|row| (row.account, row.endpoint, row.look_at, row.due_at));
        let mut entries: Vec<_> = new.chain(retried).filter_map(queue_entry).collect();
        entries.sort_unstable_by_key(|entry| (entry.account, entry.endpoint));
        entries.dedup_by(|next, first| {
            let is_same = (next.account, next.endpoint) == (first.account, first.endpoint);
            if is_same {
                first.look_at = first.look_at.min(next.look_at);
                first.due_at = first.due_at.min(next.due_at);
            }
            is_same
        });
        entries
    }

    /// Tells whether it stores deliveries that any process may claim at once.
    pub(crate) fn leaves_due_deliveries(&self) -> bool {
        self.deliveries.iter().any(|row| row.due_at.is_some() && row.look_at == row.due_at && row.lease.is_none())
    }

    /// Tells whether a delivery is attempted again later.
    pub(crate) fn has_retries(&self) -> bool {
        self.outcomes.iter().any(|row| row.due_at.is_some())
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    pub(super) fn has_outcomes(&self) -> bool {
        !self.outcomes.is_empty()
    }

    /// Returns the fault points beside the commit of this batch.
    pub(crate) fn fault_points(&self) -> FaultPoints {
        FaultPoints { events: self.has_events(), outcomes: self.has_outcomes() }
    }
}

/// Returns the queue entry of a delivery, if it is pending.
fn queue_entry(
    (account, endpoint, look_at, due_at): (AccountId, EndpointId, Option<Timestamp>, Option<Timestamp>),
) -> Option<QueueEntry> {
    let look_at = look_at?;
    Some(QueueEntry { account, endpoint, look_at, due_at: due_at.unwrap_or(look_at) })
}

/// The points beside a commit at which a test can make the process die.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FaultPoints {
    events: bool,
    outcomes: bool,
}

impl FaultPoints {
    pub(crate) fn before_commit(self) {
        self.pass("before_commit", "before_record");
    }

    pub(crate) fn after_commit(self) {
        self.pass("after_commit", "after_record");
    }

    fn pass(self, events: &'static str, outcomes: &'static str) {
        if self.events {
            fault::point(events);
        }
        if self.outcomes {
            fault::point(outcomes);
        }
    }
}
