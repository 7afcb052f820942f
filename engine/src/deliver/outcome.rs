//! The outcomes of attempts, and the rows that they change.

use std::{collections::HashMap, sync::Arc};

use signet_model::{
    AccountId, DeliveryId, EndpointId, Timestamp,
    delivery::{Attempt, State},
    endpoint::DisabledReason,
    event::EventType,
    retry::Schedule,
};

use super::{
    Address, Context,
    endpoint_cache::Snapshot,
    lanes::LaneSlot,
    verdict::{Verdict, judge},
};
use crate::queue::{Batch, Counted, HealthRow, Lease, NewAttempt, OutcomeRow, StatisticsRow, Tally};

/// A leased delivery whose attempt has ended, or was not made.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) delivery: DeliveryId,
    pub(crate) event_type: EventType,
    pub(crate) is_test: bool,
    /// Holds the lease, which a claim can have renewed.
    pub(crate) slot: LaneSlot,
    /// Attempts before this one.
    pub(crate) attempts: i32,
    /// Failed attempts of this round before this one.
    pub(crate) failures: i32,
    pub(crate) result: CompletionResult,
}

/// The end of a leased delivery.
#[derive(Debug)]
pub(crate) enum CompletionResult {
    Attempted(Arc<Attempt>),
    /// No attempt was made, for a reason on this side; the delivery is due at this instant.
    Returned(Timestamp),
}

impl Completion {
    /// Returns the newest lease of the delivery.
    pub(super) fn lease(&self) -> Lease {
        self.slot.leased().map_or(Lease(0), |leased| leased.lease)
    }

    pub(super) fn attempt(&self) -> Option<&Attempt> {
        match &self.result {
            CompletionResult::Attempted(attempt) => Some(attempt),
            CompletionResult::Returned(_) => None,
        }
    }

    pub(super) fn ended_at(&self) -> Timestamp {
        match &self.result {
            CompletionResult::Attempted(attempt) => attempt.ended_at(),
            CompletionResult::Returned(at) => *at,
        }
    }
}

/// A completion and the verdict on it.
pub(crate) struct Decided {
    pub(super) completion: Completion,
    pub(super) verdict: Verdict,
    /// Failures of this round, this attempt included.
    failures: i32,
    /// The receiver asked to be left alone until then.
    pub(crate) rest: Option<Timestamp>,
}

impl Decided {
    pub(crate) fn new(context: &Context, completion: Completion) -> Self {
        let Some(attempt) = completion.attempt() else {
            let failures = completion.failures;
            return Self { completion, verdict: Verdict::Returned, failures, rest: None };
        };
        let failed = !attempt.outcome().is_success();
        let failures = completion.failures.saturating_add(i32::from(failed));
        let jitter = if failed { context.random.fraction() } else { 0.0 };
        let verdict = judge(attempt, completion.is_test, failures, &context.settings.schedule, jitter);
        let verdict = retry_in_outage(context, verdict, attempt).unwrap_or(verdict);
        // A test changes nothing in its endpoint's state, and a disabled endpoint does not rest.
        let rest = if matches!(verdict, Verdict::Retry(_)) { attempt.rests_until() } else { None };
        Self { completion, verdict, failures, rest }
    }

    /// Tells whether the state of the endpoint decides about the delivery, or is about to
    /// change. A success changes no endpoint.
    pub(super) const fn depends_on_endpoints(&self) -> bool {
        matches!(self.verdict, Verdict::Retry(_) | Verdict::Disable(_) | Verdict::Returned)
    }

    /// Tells whether the delivery has just used half of its attempts, and goes on.
    pub(super) fn is_half_way(&self, schedule: &Schedule) -> bool {
        let attempts = schedule.delays().len() + 1;
        matches!(self.verdict, Verdict::Retry(_))
            && !self.completion.is_test
            && usize::try_from(self.failures).is_ok_and(|failures| failures == attempts.div_ceil(2))
    }

    /// Tells whether the delivery has one attempt left, which decides about its endpoint.
    pub(super) fn is_before_last(&self, schedule: &Schedule) -> bool {
        matches!(self.verdict, Verdict::Retry(_))
            && !self.completion.is_test
            && usize::try_from(self.failures).is_ok_and(|failures| failures == schedule.delays().len())
    }

    /// Frees its slot: the writer takes the outcome.
    pub(crate) fn vacate(&mut self) {
        self.completion.slot.vacate();
    }

    /// Tells whether it disables its endpoint.
    pub(super) const fn disables(&self) -> bool {
        matches!(self.verdict, Verdict::Disable(_))
    }
}

/// Repeats the last retry instead of disabling an endpoint while most endpoints fail alike:
/// that is hardly their fault.
fn retry_in_outage(context: &Context, verdict: Verdict, attempt: &Attempt) -> Option<Verdict> {
    let (Verdict::Disable(DisabledReason::RetriesExhausted), Some(failure)) = (verdict, attempt.failure) else {
        return None;
    };
    let delays = context.settings.schedule.delays();
    let longest = *delays.iter().max()?;
    let round = delays.iter().sum();
    context.lanes.suspends_disabling(failure, round).then(|| Verdict::Retry(attempt.ended_at() + longest))
}

/// Adds the rows that these outcomes change.
pub(super) fn add_outcomes(batch: &mut Batch, outcomes: &[&Decided], snapshot: &Snapshot) {
    batch.outcomes = outcomes.iter().map(|one| outcome_row(one, snapshot)).collect();
    batch.attempts = outcomes.iter().filter_map(|one| new_attempt(&one.completion)).collect();
    batch.health = health(outcomes);
    batch.statistics = statistics(outcomes);
}

pub(super) fn outcome_row(one: &Decided, snapshot: &Snapshot) -> OutcomeRow {
    let completion = &one.completion;
    let (state, due_at) = match one.verdict {
        Verdict::Delivered => (State::Delivered, None),
        Verdict::TestFailed | Verdict::Disable(_) => (State::Failed, None),
        Verdict::Retry(due_at) => undelivered_state(snapshot, completion, due_at),
        Verdict::Returned => undelivered_state(snapshot, completion, completion.ended_at()),
    };
    let open = matches!(state, State::Pending | State::Held);
    let rest = due_at.and_then(|due_at| {
        snapshot.endpoint(completion.account, completion.endpoint)?.rests_until(due_at).filter(|_| !completion.is_test)
    });
    OutcomeRow {
        account: completion.account,
        endpoint: completion.endpoint,
        delivery: completion.delivery,
        lease: completion.lease(),
        state,
        due_at,
        look_at: rest.or(due_at),
        attempts: completion.attempts.saturating_add(i32::from(completion.attempt().is_some())),
        failures: one.failures,
        completed_at: (!open).then(|| completion.ended_at()),
    }
}

/// Returns the state of a delivery that is yet to arrive, as its endpoint is now.
fn undelivered_state(snapshot: &Snapshot, completion: &Completion, due_at: Timestamp) -> (State, Option<Timestamp>) {
    match snapshot.endpoint(completion.account, completion.endpoint) {
        Some(endpoint) if endpoint.disabled && !completion.is_test => (State::Held, None),
        // A person waits for a test at the page: it does not wait until its endpoint is usable.
        Some(endpoint) if endpoint.target.is_err() => (State::Discarded, None),
        Some(_) => (State::Pending, Some(due_at)),
        None => (State::Discarded, None),
    }
}

fn new_attempt(completion: &Completion) -> Option<NewAttempt> {
    let CompletionResult::Attempted(attempt) = &completion.result else { return None };
    Some(NewAttempt::new(completion.account, completion.delivery, Arc::clone(attempt)))
}

/// Counts the attempts. Tests are not counted.
fn statistics(outcomes: &[&Decided]) -> Vec<StatisticsRow> {
    let mut tally = Tally::default();
    for one in outcomes.iter().filter(|one| !one.completion.is_test) {
        let counted = match one.verdict {
            Verdict::Delivered => Counted::Delivered,
            Verdict::Retry(_) | Verdict::TestFailed | Verdict::Returned => Counted::FailedAttempt,
            Verdict::Disable(_) => Counted::FailedDelivery,
        };
        let Completion { account, endpoint, event_type, .. } = &one.completion;
        if let Some(attempt) = one.completion.attempt() {
            tally.add((*account, *endpoint), event_type, attempt, counted);
        }
    }
    tally.into_rows()
}

fn health(outcomes: &[&Decided]) -> Vec<HealthRow> {
    let mut rows: HashMap<Address, HealthRow> = HashMap::new();
    for one in outcomes.iter().filter(|one| !one.completion.is_test && one.completion.attempt().is_some()) {
        let Completion { account, endpoint, .. } = one.completion;
        let ended_at = one.completion.ended_at();
        let row = rows.entry((account, endpoint)).or_insert(HealthRow {
            account,
            endpoint,
            last_success_at: None,
            last_failure_at: None,
            failures: 0,
        });
        if one.verdict == Verdict::Delivered {
            row.last_success_at = row.last_success_at.max(Some(ended_at));
            row.failures = 0;
        } else {
            row.last_failure_at = row.last_failure_at.max(Some(ended_at));
            row.failures += 1;
        }
    }
    let mut rows: Vec<_> = rows.into_values().collect();
    // Every process locks in this order, so that no two wait for each other.
    rows.sort_unstable_by_key(|row| (row.account, row.endpoint));
    rows
}
