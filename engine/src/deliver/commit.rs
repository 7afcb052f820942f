//! The transaction that events and outcomes share.
//!
//! It is written on the assumption that endpoints are as this process remembers
//! them, and that the leases of outcomes still hold, which is almost always so:
//! that takes as few trips to the database as there can be. Where it turns out
//! not to be so, everything is rolled back and done again, with a look first.

use signet_model::{EndpointId, endpoint::DisabledReason};

use super::{
    directory::Views,
    distinct,
    ingest::Incoming,
    outcome::{Finished, Judged, add_outcomes, finish_row},
    plan::{Admitted, Plans},
    verdict::Verdict,
};
use crate::{
    engine::Parts,
    fault,
    queue::{Batch, HotConnection, Lock, Tx},
    store::{Error, Result},
};

/// Why a batch is not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotWritten {
    /// Nothing of it is stored.
    #[error(transparent)]
    RolledBack(#[from] Error),
    /// The commit was not answered, and so nobody can tell whether it is done.
    #[error("the commit was not confirmed")]
    Unconfirmed(#[source] Error),
}

/// Writes events and outcomes in one transaction.
pub(crate) async fn commit_batch(
    engine: &Parts,
    hot: &mut HotConnection,
    events: &[Incoming],
    outcomes: &[Judged],
) -> Result<Admitted, NotWritten> {
    let outcomes: Vec<_> = outcomes.iter().collect();
    let mut basis = Basis::Memory;
    loop {
        match try_commit(engine, hot, events, &outcomes, basis).await? {
            Some(admitted) => return Ok(admitted),
            None => basis = Basis::Database,
        }
    }
}

/// What a batch goes by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basis {
    /// What this process remembers of endpoints, and that its leases hold; the
    /// database says whether that is so while it writes.
    Memory,
    /// What is read and locked first.
    Database,
}

/// `None`, and nothing is changed, if what the batch goes by is not so.
async fn try_commit(
    engine: &Parts,
    hot: &mut HotConnection,
    events: &[Incoming],
    outcomes: &[&Judged],
    basis: Basis,
) -> Result<Option<Admitted>, NotWritten> {
    let mut tx = hot.begin().await?;
    let mut batch = Batch::default();
    let views = look(engine, &mut tx, &mut batch, events, outcomes, basis).await?;
    let outcomes = match basis {
        Basis::Memory => outcomes.to_vec(),
        Basis::Database => keep_leased(&mut tx, outcomes, &views).await?,
    };
    let outcomes = outcomes.as_slice();
    let plans = Plans::make(engine, &mut tx, &views, events).await?;
    plans.add_to(&mut batch);
    add_outcomes(&mut batch, outcomes, &views);
    let retries = batch.finishes.iter().any(|row| row.due_at.is_some());
    if !tx.write(&batch).await? {
        return Ok(None);
    }
    let disabled = disable(&mut tx, outcomes).await?;
    if plans.leave_something_due() {
        tx.notify().await?;
    }
    commit(tx, !events.is_empty(), !outcomes.is_empty()).await.map_err(NotWritten::Unconfirmed)?;
    if retries {
        engine.wake.notify_one();
    }
    if !outcomes.is_empty() {
        announce(engine, &disabled);
    }
    Ok(Some(plans.finish()))
}

/// Tells who waits for an outcome, and the operator, what is recorded.
fn announce(engine: &Parts, disabled: &[(EndpointId, DisabledReason)]) {
    for (endpoint, reason) in disabled {
        tracing::info!(%endpoint, reason = reason.as_str(), "endpoint disabled");
    }
    engine.recorded.send_modify(|count| *count += 1);
}

async fn commit(tx: Tx<'_>, events: bool, outcomes: bool) -> Result<()> {
    let point = |name, passed: bool| {
        if passed {
            fault::point(name);
        }
    };
    point("before_commit", events);
    point("before_record", outcomes);
    tx.commit().await?;
    point("after_commit", events);
    point("after_record", outcomes);
    Ok(())
}

/// Tells what is true of the accounts whose endpoints matter, and keeps it so until
/// the transaction ends: by locks, or by what the batch is to make sure of.
async fn look<'a>(
    engine: &Parts,
    tx: &mut Tx<'_>,
    batch: &mut Batch<'a>,
    events: &'a [Incoming],
    outcomes: &[&Judged],
    basis: Basis,
) -> Result<Views> {
    let asked = events.iter().map(|incoming| incoming.event.account);
    let concerned = outcomes.iter().filter(|one| one.concerns_endpoints()).map(|one| one.finished.account);
    let accounts = distinct(asked.chain(concerned));
    let lock = if outcomes.iter().any(|one| one.disables()) { Lock::Change } else { Lock::Share };
    if basis == Basis::Memory
        && lock == Lock::Share
        && let Some(views) = engine.directory.recall(&accounts)
    {
        batch.accounts = views.revisions();
        return Ok(views);
    }
    engine.directory.look(tx, &accounts, lock).await
}

/// Drops the outcomes whose lease has run out: who has it now decides.
async fn keep_leased<'a>(tx: &mut Tx<'_>, outcomes: &[&'a Judged], views: &Views) -> Result<Vec<&'a Judged>> {
    let rows: Vec<_> = outcomes.iter().map(|one| finish_row(one, views)).collect();
    let leased = tx.still_leased(&rows).await?;
    let lost = outcomes.len() - leased.len();
    if lost > 0 {
        tracing::warn!(outcomes = lost, "outcomes dropped: their lease had run out");
    }
    Ok(outcomes.iter().filter(|one| leased.contains(&one.finished.delivery)).copied().collect())
}

/// Disables the endpoints of deliveries that were given up.
async fn disable(tx: &mut Tx<'_>, outcomes: &[&Judged]) -> Result<Vec<(EndpointId, DisabledReason)>> {
    let mut disabled = Vec::new();
    for one in outcomes {
        let Verdict::GivenUp(reason) = one.verdict else { continue };
        let Finished { account, endpoint, delivery, .. } = one.finished;
        let at = one.finished.attempt.ended_at();
        if tx.disable((account, endpoint), reason, Some(delivery), at).await? {
            disabled.push((endpoint, reason));
        }
    }
    Ok(disabled)
}

#[cfg(test)]
mod tests;
