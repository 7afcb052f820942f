//! What came of attempts, and what it changes.

use std::{collections::HashMap, time::Duration};

use serde::Serialize;
use signet_model::{
    AccountId, DeliveryId, EndpointId, Timestamp,
    delivery::{Attempt, State},
    endpoint::DisabledReason,
};

use super::{
    Address, Place,
    endpoint_cache::Views,
    verdict::{Verdict, judge},
};
use crate::{
    engine::Parts,
    queue::{AttemptRow, Batch, FinishRow, HealthRow, Lease},
};

/// A delivery whose turn is over.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) delivery: DeliveryId,
    pub(crate) is_test: bool,
    /// With the lease, which a claim can have renewed.
    pub(crate) place: Place,
    /// Attempts before this turn.
    pub(crate) attempts: i32,
    /// Those of this round that failed.
    pub(crate) failures: i32,
    pub(crate) turn: Turn,
}

/// What came of a delivery's turn.
#[derive(Debug)]
pub(crate) enum Turn {
    Attempted(Attempt),
    /// There was no attempt, for a reason that lies not with the receiver, at this instant.
    GivenBack(Timestamp),
}

impl Finished {
    /// The newest lease of the delivery.
    pub(super) fn lease(&self) -> Lease {
        self.place.leased().map_or(Lease(0), |leased| leased.lease)
    }

    fn attempt(&self) -> Option<&Attempt> {
        match &self.turn {
            Turn::Attempted(attempt) => Some(attempt),
            Turn::GivenBack(_) => None,
        }
    }

    pub(super) fn ended_at(&self) -> Timestamp {
        match &self.turn {
            Turn::Attempted(attempt) => attempt.ended_at(),
            Turn::GivenBack(at) => *at,
        }
    }
}

/// An outcome and what it means.
pub(crate) struct Judged {
    pub(super) finished: Finished,
    pub(super) verdict: Verdict,
    /// Failures of this round, this attempt included.
    failures: i32,
}

impl Judged {
    pub(crate) fn new(engine: &Parts, finished: Finished) -> Self {
        let Some(attempt) = finished.attempt() else {
            let failures = finished.failures;
            return Self { finished, verdict: Verdict::GivenBack, failures };
        };
        let failed = !attempt.outcome().is_success();
        let failures = finished.failures.saturating_add(i32::from(failed));
        let jitter = if failed { engine.random.fraction() } else { 0.0 };
        let verdict = judge(attempt, finished.is_test, failures, &engine.settings.schedule, jitter);
        let rested = rest(engine, verdict, attempt);
        Self { finished, verdict: rested.unwrap_or(verdict), failures }
    }

    /// Whether its account's endpoints decide what becomes of the delivery, or
    /// one of them is about to be disabled. Successes change no endpoint.
    pub(super) const fn concerns_endpoints(&self) -> bool {
        matches!(self.verdict, Verdict::Retry(_) | Verdict::GivenUp(_) | Verdict::GivenBack)
    }

    /// Gives its place back: the writer takes it.
    pub(crate) fn vacate(&mut self) {
        self.finished.place.vacate();
    }

    /// Whether it disables its endpoint.
    pub(super) const fn disables(&self) -> bool {
        matches!(self.verdict, Verdict::GivenUp(_))
    }
}

/// What is decided instead of disabling an endpoint while most of them fail alike: that is
/// hardly their fault, and the last retry is repeated.
fn rest(engine: &Parts, verdict: Verdict, attempt: &Attempt) -> Option<Verdict> {
    let (Verdict::GivenUp(DisabledReason::RetriesExhausted), Some(failure)) = (verdict, attempt.failure) else {
        return None;
    };
    let delays = engine.settings.schedule.delays();
    let longest = *delays.iter().max()?;
    let round = delays.iter().sum();
    engine.lanes.disabling_rests(failure, round).then(|| Verdict::Retry(attempt.ended_at() + longest))
}

/// Adds what these outcomes change.
pub(super) fn add_outcomes(batch: &mut Batch, outcomes: &[&Judged], views: &Views) {
    batch.finishes = outcomes.iter().map(|one| finish_row(one, views)).collect();
    batch.attempts = outcomes.iter().filter_map(|one| attempt_row(&one.finished)).collect();
    batch.health = health(outcomes);
}

pub(super) fn finish_row(one: &Judged, views: &Views) -> FinishRow {
    let finished = &one.finished;
    let (state, due_at) = match one.verdict {
        Verdict::Delivered => (State::Delivered, None),
        Verdict::TestFailed | Verdict::GivenUp(_) => (State::Failed, None),
        Verdict::Retry(due_at) => open_as(views, finished, due_at),
        Verdict::GivenBack => open_as(views, finished, finished.ended_at()),
    };
    let open = matches!(state, State::Pending | State::Held);
    FinishRow {
        account: finished.account,
        endpoint: finished.endpoint,
        delivery: finished.delivery,
        lease: finished.lease(),
        state,
        due_at,
        attempts: finished.attempts.saturating_add(i32::from(finished.attempt().is_some())),
        failures: one.failures,
        completed_at: (!open).then(|| finished.ended_at()),
    }
}

/// What becomes of a delivery that is yet to arrive, as its endpoint is now.
fn open_as(views: &Views, finished: &Finished, due_at: Timestamp) -> (State, Option<Timestamp>) {
    match views.endpoint(finished.account, finished.endpoint) {
        Some(endpoint) if endpoint.disabled && !finished.is_test => (State::Held, None),
        // A test is for a person at the page now: it does not wait for the endpoint to be usable again.
        Some(endpoint) if endpoint.target.is_err() => (State::Discarded, None),
        Some(_) => (State::Pending, Some(due_at)),
        None => (State::Discarded, None),
    }
}

fn attempt_row(finished: &Finished) -> Option<AttemptRow> {
    let attempt = finished.attempt()?;
    let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    let response = attempt.response.as_ref();
    Some(AttemptRow {
        account: finished.account,
        delivery: finished.delivery,
        number: number(attempt),
        started_at: attempt.started_at,
        duration_us: micros(attempt.duration),
        first_byte_us: attempt.first_byte.map(micros),
        request_headers: json(&attempt.request_headers),
        status: response.map(|response| response.status.into()),
        response_headers: response.map(|response| json(&response.headers)),
        response_body: response.map(|response| response.body.clone()),
        body_truncated: response.is_some_and(|response| response.body_truncated),
        failure: attempt.failure,
        failure_detail: attempt.failure_detail.clone(),
    })
}

/// Pairs of strings always have a JSON form.
fn json(headers: &[impl Serialize]) -> String {
    serde_json::to_string(headers).unwrap_or_else(|_| "[]".to_owned())
}

fn number(attempt: &Attempt) -> i32 {
    i32::try_from(attempt.number).unwrap_or(i32::MAX)
}

fn health(outcomes: &[&Judged]) -> Vec<HealthRow> {
    let mut rows: HashMap<Address, HealthRow> = HashMap::new();
    for one in outcomes.iter().filter(|one| !one.finished.is_test && one.finished.attempt().is_some()) {
        let Finished { account, endpoint, .. } = one.finished;
        let ended_at = one.finished.ended_at();
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
    // In one order everywhere, so that no two processes wait for each other.
    rows.sort_unstable_by_key(|row| (row.account, row.endpoint));
    rows
}
