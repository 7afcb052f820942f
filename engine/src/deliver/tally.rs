//! What a commit adds to the metrics: counted from its rows before it is written, and recorded
//! once it is done, so that a commit that is rolled back leaves no trace. Tests are left out.

use signet_model::delivery::{Attempt, State};

use super::{endpoint_cache::Snapshot, ingest::IngestError, outcome::Decided};
use crate::{
    metrics::{
        self, Room,
        labels::{AttemptEnd, HeldReason, Label, Phase, RefusedEvent},
    },
    queue::Batch,
};

/// The counts of one commit.
pub(super) struct CommitTally {
    room: &'static Room,
    /// Events and outcomes, tests included: the size of the commit.
    events: u32,
    outcomes: u32,
    accepted: u64,
    created: u64,
    delivered: u64,
    failed: u64,
    retried: u64,
    /// By reason.
    held: [u64; HeldReason::ALL.len()],
}

impl CommitTally {
    /// Counts what a batch is about to store. `None` if nothing records.
    pub(super) fn of(batch: &Batch, outcomes: &[&Decided], snapshot: &Snapshot) -> Option<Self> {
        let room = metrics::room()?;
        let size = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
        let mut tally = Self {
            room,
            events: size(batch.events.len()),
            outcomes: size(batch.outcomes.len()),
            accepted: batch.events.iter().filter(|event| !event.is_test).count() as u64,
            created: 0,
            delivered: 0,
            failed: 0,
            retried: 0,
            held: [0; HeldReason::ALL.len()],
        };
        let reason = |account, endpoint| snapshot.endpoint(account, endpoint).map(|view| view.held_reason());
        for row in batch.deliveries.iter().filter(|row| !row.is_test) {
            tally.created += 1;
            if row.due_at.is_none() {
                tally.hold(reason(row.account, row.endpoint));
            }
        }
        // The rows are in the order of the outcomes.
        for (row, one) in batch.outcomes.iter().zip(outcomes).filter(|(_, one)| !one.completion.is_test) {
            match row.state {
                State::Delivered => tally.delivered += 1,
                State::Failed => tally.failed += 1,
                State::Held => tally.hold(reason(row.account, row.endpoint)),
                State::Pending => tally.retried += u64::from(one.completion.attempt().is_some()),
                State::Discarded => {}
            }
        }
        Some(tally)
    }

    fn hold(&mut self, reason: Option<HeldReason>) {
        self.held[reason.unwrap_or(HeldReason::Other).index()] += 1;
    }

    /// Records the counts, and the attempts of these outcomes, after their commit.
    pub(super) fn record(&self, outcomes: &[&Decided]) {
        let room = self.room;
        room.commit_events.record(self.events);
        room.commit_outcomes.record(self.outcomes);
        for (counter, count) in [
            (&room.events_accepted, self.accepted),
            (&room.deliveries_created, self.created),
            (&room.deliveries_delivered, self.delivered),
            (&room.deliveries_failed, self.failed),
            (&room.deliveries_retried, self.retried),
        ] {
            counter.increment(count);
        }
        for (&reason, &count) in HeldReason::ALL.iter().zip(&self.held).filter(|(_, count)| **count > 0) {
            room.deliveries_held.of(reason).increment(count);
        }
        for one in outcomes.iter().filter(|one| !one.completion.is_test) {
            if let Some(attempt) = one.completion.attempt() {
                record_attempt(room, one, attempt);
            }
        }
    }
}

fn record_attempt(room: &Room, one: &Decided, attempt: &Attempt) {
    let end = AttemptEnd::of(attempt);
    room.attempts.of(end).increment(1);
    // The id of a delivery is as old as the acceptance of its event.
    let accepted_at = one.completion.delivery.created_at();
    if one.completion.attempts == 0 {
        room.first_attempt_delay.record(attempt.started_at.since(accepted_at));
    }
    if end == AttemptEnd::Success {
        room.delivery_delay.record(attempt.ended_at().since(accepted_at));
    }
    let phases = [
        (Phase::Lookup, attempt.phases.lookup),
        (Phase::Connect, attempt.phases.connect),
        (Phase::Tls, attempt.phases.tls),
        (Phase::FirstByte, attempt.first_byte),
        (Phase::Total, Some(attempt.duration)),
    ];
    for (phase, time) in phases {
        if let Some(time) = time {
            room.attempt_duration.of(phase).record(time);
        }
    }
}

/// Deliveries were held for a reason, by a transaction that is done.
pub(super) fn held(reason: HeldReason, count: u64) {
    if let Some(room) = metrics::room() {
        room.deliveries_held.of(reason).increment(count);
    }
}

/// An event was not accepted.
pub(super) fn refused(error: IngestError) {
    let Some(room) = metrics::room() else { return };
    let reason = match error {
        IngestError::Overloaded => RefusedEvent::Overloaded,
        IngestError::Store => RefusedEvent::Store,
        IngestError::Stopping => RefusedEvent::Stopping,
        IngestError::UnknownAccount | IngestError::Suspended => RefusedEvent::Account,
        IngestError::KeyReused | IngestError::AnswerUnreadable => RefusedEvent::IdempotencyKey,
        // A test is no event of a producer.
        IngestError::TestsUnderWay(_) => return,
    };
    room.events_refused.of(reason).increment(1);
}
