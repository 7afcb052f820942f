//! The transaction that events and outcomes share.
//!
//! It is written on the assumption that every outcome's lease still holds, which is
//! almost always so, in as few trips to the database as there can be. Where the
//! assumption turns out false, everything is rolled back and done again, with
//! the leases looked at first.

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
    queue::{Batch, Lock, Tx},
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
    events: &[Incoming],
    outcomes: &[Judged],
) -> Result<Admitted, NotWritten> {
    let outcomes: Vec<_> = outcomes.iter().collect();
    let mut leases = Leases::Assumed;
    loop {
        match try_commit(engine, events, &outcomes, leases).await? {
            Some(admitted) => return Ok(admitted),
            None => leases = Leases::Checked,
        }
    }
}

/// Whether all leases are thought to hold, or looked at first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leases {
    Assumed,
    Checked,
}

/// `None`, and nothing is changed, if a lease that was assumed is lost.
async fn try_commit(
    engine: &Parts,
    events: &[Incoming],
    outcomes: &[&Judged],
    leases: Leases,
) -> Result<Option<Admitted>, NotWritten> {
    let mut tx = Tx::begin_hot(&engine.db).await?;
    let views = look(engine, &mut tx, events, outcomes).await?;
    let outcomes = match leases {
        Leases::Assumed => outcomes.to_vec(),
        Leases::Checked => keep_leased(&mut tx, outcomes, &views).await?,
    };
    let outcomes = outcomes.as_slice();
    let plans = Plans::make(engine, &mut tx, &views, events).await?;
    let mut batch = Batch::default();
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
    for (endpoint, reason) in disabled {
        tracing::info!(%endpoint, reason = reason.as_str(), "endpoint disabled");
    }
    if retries {
        engine.wake.notify_one();
    }
    if !outcomes.is_empty() {
        engine.recorded.send_modify(|count| *count += 1);
    }
    Ok(Some(plans.finish()))
}

async fn commit(tx: Tx, events: bool, outcomes: bool) -> Result<()> {
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

/// Locks the accounts whose endpoints matter, and tells what is true of them.
async fn look(engine: &Parts, tx: &mut Tx, events: &[Incoming], outcomes: &[&Judged]) -> Result<Views> {
    let asked = events.iter().map(|incoming| incoming.event.account);
    let concerned = outcomes.iter().filter(|one| one.concerns_endpoints()).map(|one| one.finished.account);
    let lock = if outcomes.iter().any(|one| one.disables()) { Lock::Change } else { Lock::Share };
    engine.directory.look(tx, &distinct(asked.chain(concerned)), lock).await
}

/// Drops the outcomes whose lease has run out: who has it now decides.
async fn keep_leased<'a>(tx: &mut Tx, outcomes: &[&'a Judged], views: &Views) -> Result<Vec<&'a Judged>> {
    let rows: Vec<_> = outcomes.iter().map(|one| finish_row(one, views)).collect();
    let leased = tx.still_leased(&rows).await?;
    let lost = outcomes.len() - leased.len();
    if lost > 0 {
        tracing::warn!(outcomes = lost, "outcomes dropped: their lease had run out");
    }
    Ok(outcomes.iter().filter(|one| leased.contains(&one.finished.delivery)).copied().collect())
}

/// Disables the endpoints of deliveries that were given up.
async fn disable(tx: &mut Tx, outcomes: &[&Judged]) -> Result<Vec<(EndpointId, DisabledReason)>> {
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
