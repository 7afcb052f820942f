//! Writes outcomes: attempts, deliveries and endpoint health, one transaction a batch.

use std::{collections::HashMap, sync::Arc, time::Duration};

use signet_model::{
    AccountId, DeliveryId, EndpointId, Timestamp,
    delivery::{Attempt, State},
    endpoint::DisabledReason,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Address,
    directory::Views,
    distinct,
    verdict::{Verdict, judge},
};
use crate::{
    engine::Parts,
    fault,
    queue::{AttemptRow, FinishRow, HealthRow, Lease, Lock, Touch, Tx},
    store::Result,
};

/// The most outcomes in one transaction.
const BATCH: usize = 256;
/// How long outcomes wait for others to share their commit. Nothing waits for
/// them meanwhile: the delivery has been made and its place is free.
const GATHER: Duration = Duration::from_millis(5);
/// How long to wait before a batch that could not be written is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// An attempt that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) delivery: DeliveryId,
    pub(crate) is_test: bool,
    pub(crate) lease: Lease,
    /// Failures of this round before this attempt.
    pub(crate) failures: i32,
    pub(crate) attempt: Attempt,
}

/// Records outcomes; once told that no more will come, records the rest.
pub(crate) async fn record(engine: Arc<Parts>, mut finished: mpsc::Receiver<Finished>, stop: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let count = tokio::select! {
            biased;
            () = stop.cancelled(), if !finished.is_closed() => {
                finished.close();
                continue;
            }
            count = finished.recv_many(&mut batch, BATCH) => count,
        };
        if count == 0 {
            return;
        }
        if !stop.is_cancelled() {
            tokio::time::sleep(GATHER).await;
            gather(&mut finished, &mut batch);
        }
        record_surely(&engine, &batch).await;
        batch.clear();
    }
}

/// Takes what has come in the meantime, as far as it fits.
fn gather(finished: &mut mpsc::Receiver<Finished>, batch: &mut Vec<Finished>) {
    while batch.len() < BATCH
        && let Ok(next) = finished.try_recv()
    {
        batch.push(next);
    }
}

/// A database that is away for a while must not lose an outcome: it would be
/// attempted again for nothing.
async fn record_surely(engine: &Parts, batch: &[Finished]) {
    let judged = judge_all(engine, batch);
    let mut pause = FIRST_PAUSE;
    while let Err(error) = record_batch(engine, &judged).await {
        tracing::warn!(%error, outcomes = batch.len(), "outcomes could not be recorded; trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Records outcomes at once.
#[cfg(any(test, feature = "testing"))]
pub(crate) async fn record_now(engine: &Parts, batch: &[Finished]) -> Result<()> {
    record_batch(engine, &judge_all(engine, batch)).await
}

/// An outcome and what it means.
struct Judged<'a> {
    finished: &'a Finished,
    verdict: Verdict,
    /// Failures of this round, this attempt included.
    failures: i32,
}

fn judge_all<'a>(engine: &Parts, batch: &'a [Finished]) -> Vec<Judged<'a>> {
    batch
        .iter()
        .map(|finished| {
            let failed = !finished.attempt.outcome().is_success();
            let failures = finished.failures + i32::from(failed);
            let jitter = if failed { engine.random.fraction() } else { 0.0 };
            let verdict = judge(&finished.attempt, finished.is_test, failures, &engine.settings.schedule, jitter);
            Judged { finished, verdict, failures }
        })
        .collect()
}

async fn record_batch(engine: &Parts, judged: &[Judged<'_>]) -> Result<()> {
    let mut tx = Tx::begin(&engine.db).await?;
    let views = lock_affected(engine, &mut tx, judged).await?;
    let rows: Vec<_> = judged.iter().map(|one| finish_row(one, &views)).collect();
    let held = tx.finish(&rows).await?;
    let recorded: Vec<_> = if held.len() == rows.len() {
        judged.iter().zip(&rows).collect()
    } else {
        judged.iter().zip(&rows).filter(|(_, row)| held.contains(&row.delivery)).collect()
    };
    let attempts: Vec<_> = recorded.iter().map(|(one, row)| attempt_row(one.finished, row)).collect();
    tx.insert_attempts(&attempts).await?;
    tx.update_health(&health(&recorded)).await?;
    let touches: Vec<_> = recorded.iter().filter_map(|(one, row)| touch(one.finished, row)).collect();
    tx.touch(&touches).await?;
    let disabled = disable(&mut tx, &recorded).await?;
    fault::point("before_record");
    tx.commit().await?;
    fault::point("after_record");
    for (endpoint, reason) in disabled {
        tracing::info!(%endpoint, reason = reason.as_str(), "endpoint disabled");
    }
    if held.len() < rows.len() {
        tracing::warn!(outcomes = rows.len() - held.len(), "outcomes dropped: their lease had run out");
    }
    if !touches.is_empty() {
        engine.wake.notify_one();
    }
    engine.recorded.send_modify(|count| *count += 1);
    Ok(())
}

/// Locks the accounts whose endpoints decide what becomes of a delivery, or are
/// about to be disabled. Successes need no lock.
async fn lock_affected(engine: &Parts, tx: &mut Tx, judged: &[Judged<'_>]) -> Result<Views> {
    let failed = || judged.iter().filter(|one| matches!(one.verdict, Verdict::Retry(_) | Verdict::GivenUp(_)));
    let accounts = distinct(failed().map(|one| one.finished.account));
    let gives_up = failed().any(|one| matches!(one.verdict, Verdict::GivenUp(_)));
    let lock = if gives_up { Lock::Change } else { Lock::Share };
    engine.directory.look(tx, &accounts, lock).await
}

fn finish_row(one: &Judged<'_>, views: &Views) -> FinishRow {
    let finished = one.finished;
    let ended_at = finished.attempt.ended_at();
    let (state, due_at) = match one.verdict {
        Verdict::Delivered => (State::Delivered, None),
        Verdict::TestFailed | Verdict::GivenUp(_) => (State::Failed, None),
        Verdict::Retry(due_at) => match views.endpoint(finished.account, finished.endpoint) {
            Some(endpoint) if endpoint.disabled => (State::Held, None),
            Some(_) => (State::Pending, Some(due_at)),
            None => (State::Discarded, None),
        },
    };
    let open = matches!(state, State::Pending | State::Held);
    FinishRow {
        account: finished.account,
        delivery: finished.delivery,
        lease: finished.lease,
        state,
        due_at,
        attempts: i32::try_from(finished.attempt.number).unwrap_or(i32::MAX),
        failures: one.failures,
        completed_at: (!open).then_some(ended_at),
    }
}

fn attempt_row(finished: &Finished, row: &FinishRow) -> AttemptRow {
    let attempt = &finished.attempt;
    let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    let response = attempt.response.as_ref();
    AttemptRow {
        account: finished.account,
        delivery: finished.delivery,
        number: row.attempts,
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
    }
}

/// Pairs of strings always have a JSON form.
fn json(headers: &[(String, String)]) -> String {
    serde_json::to_string(headers).unwrap_or_else(|_| "[]".to_owned())
}

fn touch(finished: &Finished, row: &FinishRow) -> Option<Touch> {
    row.due_at.map(|due_at| Touch { account: finished.account, endpoint: finished.endpoint, due_at })
}

fn health(recorded: &[(&Judged<'_>, &FinishRow)]) -> Vec<HealthRow> {
    let mut rows: HashMap<Address, HealthRow> = HashMap::new();
    for (one, _) in recorded.iter().filter(|(one, _)| !one.finished.is_test) {
        let Finished { account, endpoint, .. } = *one.finished;
        let ended_at: Timestamp = one.finished.attempt.ended_at();
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

/// Disables the endpoints of deliveries that were given up.
async fn disable(tx: &mut Tx, recorded: &[(&Judged<'_>, &FinishRow)]) -> Result<Vec<(EndpointId, DisabledReason)>> {
    let mut disabled = Vec::new();
    for (one, _) in recorded {
        let Verdict::GivenUp(reason) = one.verdict else { continue };
        let Finished { account, endpoint, delivery, .. } = *one.finished;
        let at = one.finished.attempt.ended_at();
        if tx.disable((account, endpoint), reason, Some(delivery), at).await? {
            disabled.push((endpoint, reason));
        }
    }
    Ok(disabled)
}
