//! The transaction that events and outcomes share.
//!
//! It is written on the assumption that endpoints are as this process remembers
//! them, and that the leases of outcomes still hold, which is almost always so:
//! that takes as few trips to the database as there can be. Where it turns out
//! not to be so, everything is rolled back and done again, with a look first.

use signet_model::{AccountId, EndpointId, endpoint::DisabledReason};

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
    queue::{Batch, HotConnection, Lock, NotWritten, Tx},
    store::Result,
};

/// Writes events and outcomes in one transaction.
pub(crate) async fn commit_batch(
    engine: &Parts,
    hot: &mut HotConnection,
    events: &[Incoming],
    outcomes: &[Judged],
) -> Result<Admitted, NotWritten> {
    let outcomes: Vec<_> = outcomes.iter().collect();
    // Disabling an endpoint changes what others go by.
    if !outcomes.iter().any(|one| one.disables())
        && let Some(admitted) = commit_by_memory(engine, hot, events, &outcomes).await?
    {
        return Ok(admitted);
    }
    commit_after_a_look(engine, hot, events, &outcomes).await
}

/// Goes by what this process remembers of endpoints, by leases, and by keys that are
/// new. `None`, and nothing is changed, if any of this is not so.
async fn commit_by_memory(
    engine: &Parts,
    hot: &mut HotConnection,
    events: &[Incoming],
    outcomes: &[&Judged],
) -> Result<Option<Admitted>, NotWritten> {
    let accounts = concerned(events, outcomes);
    let remembered = engine.directory.recall(&accounts);
    // What is remembered may be old, but what has just been read is hardly so.
    let tries = if remembered.is_some() { 2 } else { 1 };
    let mut known = remembered;
    for _ in 0..tries {
        let views = match known.take() {
            Some(views) => views,
            None => engine.directory.learn(&engine.db, &accounts).await?,
        };
        let plans = Plans::make(engine, &views, events);
        let mut batch = Batch { accounts: views.revisions(), keys: plans.keys(), ..Batch::default() };
        plans.add_to(&mut batch);
        add_outcomes(&mut batch, outcomes, &views);
        let retries = batch.has_retries();
        if hot.write(batch).await? {
            announce(engine, retries, outcomes, &[]);
            return Ok(Some(plans.finish()));
        }
    }
    Ok(None)
}

/// Reads and locks first whatever it goes by.
async fn commit_after_a_look(
    engine: &Parts,
    hot: &mut HotConnection,
    events: &[Incoming],
    outcomes: &[&Judged],
) -> Result<Admitted, NotWritten> {
    let closing: Vec<_> = outcomes.iter().filter(|one| one.disables()).map(|one| one.finished.endpoint).collect();
    let mut tx = hot.begin().await?;
    let lock = if closing.is_empty() { Lock::Share } else { Lock::Change };
    let views = engine.directory.look(&mut tx, &concerned(events, outcomes), lock).await?;
    let outcomes = keep_leased(&mut tx, outcomes, &views).await?;
    let mut plans = Plans::make(engine, &views, events);
    plans.replay(&mut tx).await?;
    let mut batch = Batch::default();
    plans.add_to(&mut batch);
    add_outcomes(&mut batch, &outcomes, &views);
    tx.write_surely(&batch).await?;
    let disabled = disable(&mut tx, &outcomes).await?;
    tx.commit_batch(&batch).await?;
    announce(engine, batch.has_retries(), &outcomes, &disabled);
    if !closing.is_empty() {
        engine.changed(&concerned(&[], &outcomes)).await;
        for endpoint in closing {
            engine.directory.closed(endpoint);
        }
    }
    Ok(plans.finish())
}

/// The accounts whose endpoints matter.
fn concerned(events: &[Incoming], outcomes: &[&Judged]) -> Vec<AccountId> {
    let asked = events.iter().map(|incoming| incoming.event.account);
    let judged = outcomes.iter().filter(|one| one.concerns_endpoints()).map(|one| one.finished.account);
    distinct(asked.chain(judged))
}

/// Tells who waits for an outcome, and the operator, what is recorded.
fn announce(engine: &Parts, retries: bool, outcomes: &[&Judged], disabled: &[(EndpointId, DisabledReason)]) {
    if retries {
        engine.wake.notify_one();
    }
    for (endpoint, reason) in disabled {
        tracing::info!(%endpoint, reason = reason.as_str(), "endpoint disabled");
    }
    if !outcomes.is_empty() {
        engine.recorded.send_modify(|count| *count += 1);
    }
}

/// Drops the outcomes whose lease has run out: who has it now decides.
async fn keep_leased<'a>(tx: &mut Tx<'_>, outcomes: &[&'a Judged], views: &Views) -> Result<Vec<&'a Judged>> {
    let rows: Vec<_> = outcomes.iter().map(|one| finish_row(one, views)).collect();
    let leased = tx.still_leased(&rows).await?;
    let lost = outcomes.len() - leased.len();
    if lost > 0 {
        tracing::warn!(outcomes = lost, "outcomes dropped: their lease had run out");
    }
    let is_leased = |one: &&&Judged| leased.contains(&(one.finished.delivery, one.finished.lease));
    Ok(outcomes.iter().filter(is_leased).copied().collect())
}

/// Disables the endpoints of deliveries that were given up.
async fn disable(tx: &mut Tx<'_>, outcomes: &[&Judged]) -> Result<Vec<(EndpointId, DisabledReason)>> {
    let mut disabled = Vec::new();
    for one in outcomes {
        let Verdict::GivenUp(reason) = one.verdict else { continue };
        let Finished { account, endpoint, delivery, .. } = one.finished;
        let at = one.finished.ended_at();
        if tx.disable((account, endpoint), reason, Some(delivery), at).await? {
            disabled.push((endpoint, reason));
        }
    }
    Ok(disabled)
}

#[cfg(test)]
mod tests;
