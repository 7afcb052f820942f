//! Deliveries as they are stored.

use const_format::formatcp;
use signet_model::{
    DeliveryId, EndpointId, EventId, Timestamp,
    delivery::{Failure, Outcome, State},
    event::EventType,
    sql::Stored,
};

use super::{Delivery, Position};
use crate::{
    Unusable, UnusableDelivery,
    queue::{duration, failure_of, status_of},
    service::{EFFECTIVE_STATE, restores::RESTORED_AT},
};

/// Deliveries `d`, with the columns of [`Row`].
pub(super) const DELIVERIES: &str = formatcp!(
    "SELECT d.id, d.event_id, d.endpoint_id, d.event_type, d.is_test, {EFFECTIVE_STATE} AS state,
       CASE WHEN d.lease IS NULL AND e.resting_until > d.due_at THEN e.resting_until ELSE d.due_at END AS due_at,
       d.lease IS NOT NULL AS in_flight, d.attempts, d.created_at, d.completed_at, a.status, a.failure, a.duration_us,
       {RESTORED_AT} AS restored_at
     FROM deliveries d LEFT JOIN endpoints e ON e.account_id = d.account_id AND e.id = d.endpoint_id
       LEFT JOIN attempts a ON a.account_id = d.account_id AND a.delivery_id = d.id AND a.number = d.attempts"
);

/// The end of an attempt, by its columns.
pub(crate) fn outcome_of(failure: Option<Stored<Failure>>, status: Option<Stored<i32>>) -> Option<Outcome> {
    match (failure.map(failure_of), status) {
        (Some(failure), _) => Some(Outcome::Failed(failure)),
        (None, status) => status.map(|status| Outcome::Answered(status_of(status))),
    }
}

#[derive(sqlx_macros::FromRow)]
pub(crate) struct Row {
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
    restored_at: Option<Timestamp>,
}

impl Row {
    /// Its id, if that is one.
    fn id(&self) -> Option<DeliveryId> {
        self.id.0.as_ref().ok().copied()
    }

    /// Its place in the log, if that can be told.
    pub(crate) fn position(&self) -> Option<Position> {
        let (event, endpoint) = (self.event_id.0.as_ref().ok()?, self.endpoint_id.0.as_ref().ok()?);
        Some(Position { event: *event, endpoint: *endpoint })
    }

    /// Its id and its state, if it is one that is sent again: tests are not, nor is what waits.
    pub(crate) fn sendable(&self) -> Option<(DeliveryId, State)> {
        let (id, state) = (self.id()?, *self.state.0.as_ref().ok()?);
        (!self.is_test && state != State::Pending).then_some((id, state))
    }

    /// The delivery, or the reason for which it cannot be used; `None` if its id is none,
    /// since no page could name it.
    pub(super) fn read(self) -> Option<Result<Delivery, UnusableDelivery>> {
        let (id, event) = (self.id.0.clone().ok()?, self.event_id.0.clone().ok());
        Some(self.parse(id).map_err(|reason| UnusableDelivery { id, event, reason }))
    }

    fn parse(self, id: DeliveryId) -> Result<Delivery, Unusable> {
        let last_outcome = outcome_of(self.failure, self.status);
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
            last_duration: self.duration_us.map(duration),
            created_at: self.created_at,
            completed_at: self.completed_at,
            restored_at: self.restored_at,
        })
    }
}
