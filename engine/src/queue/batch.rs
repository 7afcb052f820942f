//! What one transaction writes of the hot path.

use signet_model::{AccountId, EndpointId, Timestamp};

use super::records::{DeliveryRow, EventRow, HealthRow, KeyRow, NewAttempt, OutcomeRow, QueueEntry};
use crate::fault;

/// Rows that are written together, so that a commit, and each trip to the
/// database, is shared by as many of them as there are.
#[derive(Debug, Default)]
pub struct Batch {
    /// Accounts that nobody may change meanwhile, and the revisions that they are
    /// taken to have.
    pub accounts: Vec<(AccountId, i64)>,
    /// Idempotency keys, each of which is taken to be new.
    pub keys: Vec<KeyRow>,
    /// Accepted events.
    pub events: Vec<EventRow>,
    /// Their deliveries.
    pub deliveries: Vec<DeliveryRow>,
    /// Outcomes, each of which assumes that its lease still holds.
    pub outcomes: Vec<OutcomeRow>,
    /// The attempts that they come from.
    pub attempts: Vec<NewAttempt>,
    /// What they say about their endpoints, in the order of their ids.
    pub health: Vec<HealthRow>,
}

impl Batch {
    /// The earliest instant at which each endpoint has something due, in the order
    /// of their ids.
    pub(super) fn queue_entries(&self) -> Vec<QueueEntry> {
        let new = self.deliveries.iter().map(|row| (row.account, row.endpoint, row.due_at));
        let retried = self.outcomes.iter().map(|row| (row.account, row.endpoint, row.due_at));
        let mut due: Vec<(AccountId, EndpointId, Timestamp)> =
            new.chain(retried).filter_map(|(account, endpoint, due_at)| Some((account, endpoint, due_at?))).collect();
        due.sort_unstable();
        due.dedup_by_key(|&mut (account, endpoint, _)| (account, endpoint));
        due.into_iter().map(|(account, endpoint, due_at)| QueueEntry { account, endpoint, due_at }).collect()
    }

    /// Whether something is stored as due, for anybody to claim it.
    pub fn leaves_something_due(&self) -> bool {
        self.deliveries.iter().any(|row| row.due_at.is_some() && row.lease.is_none())
    }

    /// Whether something is tried again later.
    pub fn has_retries(&self) -> bool {
        self.outcomes.iter().any(|row| row.due_at.is_some())
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub(super) fn has_outcomes(&self) -> bool {
        !self.outcomes.is_empty()
    }

    /// What this batch passes, as tests name it, before and after its commit.
    pub(crate) fn fault_points(&self) -> FaultPoints {
        FaultPoints { events: self.has_events(), outcomes: self.has_outcomes() }
    }
}

/// Where a test can make the process die beside a commit.
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
