//! What one transaction writes of the hot path.

use signet_model::{AccountId, EndpointId, Timestamp};

use super::rows::{AttemptRow, DeliveryRow, EventRow, FinishRow, HealthRow, Touch};

/// Rows that are written together, so that a commit, and each trip to the
/// database, is shared by as many of them as there are.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    /// Accounts that nobody may change meanwhile, and the revisions that they are
    /// taken to have.
    pub accounts: Vec<(AccountId, i64)>,
    /// Accepted events.
    pub events: Vec<EventRow<'a>>,
    /// Their deliveries.
    pub deliveries: Vec<DeliveryRow>,
    /// Outcomes, each of which assumes that its lease still holds.
    pub finishes: Vec<FinishRow>,
    /// The attempts that they come from.
    pub attempts: Vec<AttemptRow>,
    /// What they say about their endpoints, in the order of their ids.
    pub health: Vec<HealthRow>,
}

/// Rows as they fit into one trip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'b, 'a> {
    pub(super) accounts: &'b [(AccountId, i64)],
    pub(super) events: &'b [EventRow<'a>],
    pub(super) deliveries: &'b [DeliveryRow],
    pub(super) finishes: &'b [FinishRow],
    pub(super) attempts: &'b [AttemptRow],
    pub(super) health: &'b [HealthRow],
    pub(super) touches: &'b [Touch],
}

/// What a part has rows of, and so which statements it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Events,
    Outcomes,
    Both,
}

impl<'a> Batch<'a> {
    /// The earliest instant at which each endpoint has something due, in the order
    /// of their ids.
    pub(super) fn touches(&self) -> Vec<Touch> {
        let new = self.deliveries.iter().map(|row| (row.account, row.endpoint, row.due_at));
        let retried = self.finishes.iter().map(|row| (row.account, row.endpoint, row.due_at));
        let mut due: Vec<(AccountId, EndpointId, Timestamp)> =
            new.chain(retried).filter_map(|(account, endpoint, due_at)| Some((account, endpoint, due_at?))).collect();
        due.sort_unstable();
        due.dedup_by_key(|&mut (account, endpoint, _)| (account, endpoint));
        due.into_iter().map(|(account, endpoint, due_at)| Touch { account, endpoint, due_at }).collect()
    }

    /// Everything as one part.
    pub(super) fn whole<'b>(&'b self, touches: &'b [Touch]) -> Part<'b, 'a> {
        let Self { accounts, events, deliveries, finishes, attempts, health } = self;
        Part { accounts, events, deliveries, finishes, attempts, health, touches }
    }
}

impl<'b, 'a> Part<'b, 'a> {
    /// Cut into pieces of at most so many rows of each sort.
    pub(super) fn pieces(self, most: usize) -> impl Iterator<Item = Part<'b, 'a>> {
        (0..self.longest().div_ceil(most)).map(move |number| self.slice(number * most, most))
    }

    /// The number of rows of the sort with the most.
    pub(super) fn longest(&self) -> usize {
        let Self { accounts, events, deliveries, finishes, attempts, health, touches } = self;
        let owners = [accounts.len(), health.len(), touches.len()];
        let owned = [events.len(), deliveries.len(), finishes.len(), attempts.len()];
        owners.into_iter().chain(owned).max().unwrap_or_default()
    }

    pub(super) fn kind(&self) -> Kind {
        let events = !(self.events.is_empty() && self.deliveries.is_empty());
        let outcomes = !(self.finishes.is_empty() && self.attempts.is_empty() && self.health.is_empty());
        match (events, outcomes) {
            (true, true) => Kind::Both,
            (_, false) => Kind::Events,
            (false, true) => Kind::Outcomes,
        }
    }

    fn slice(&self, start: usize, most: usize) -> Self {
        fn cut<T>(rows: &[T], start: usize, most: usize) -> &[T] {
            &rows[start.min(rows.len())..(start + most).min(rows.len())]
        }
        Self {
            accounts: cut(self.accounts, start, most),
            events: cut(self.events, start, most),
            deliveries: cut(self.deliveries, start, most),
            finishes: cut(self.finishes, start, most),
            attempts: cut(self.attempts, start, most),
            health: cut(self.health, start, most),
            touches: cut(self.touches, start, most),
        }
    }
}
