//! The transaction that events, reports and outcomes share.
//!
//! It is written on the assumption that endpoints are as this process remembers
//! them, and that the leases of outcomes still hold, which is almost always so:
//! that takes as few trips to the database as there can be. Where it turns out
//! not to be so, everything is rolled back and done again, with a look first.
//! Reports of balances always take a look: each goes by the one before.
//!
//! No look waits for an account that another transaction has locked. What concerns such
//! an account is left out, and handed back to the writer.

use std::collections::HashSet;

use signet_model::{AccountId, EndpointId, endpoint::DisabledReason};

use super::{
    Address,
    endpoint_cache::Views,
    distinct,
    ingest::Incoming,
    balances::{Report, Reported, write_levels},
    outcome::{Finished, Judged, add_outcomes, finish_row},
    plan::{Admitted, Plans},
    reply::Answer,
    verdict::Verdict,
};
use crate::{
    engine::Parts,
    queue::{Batch, HotConnection, Lock, NotWritten, Tx, Write},
    store::Result,
};

/// What requests ask to be written.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) events: Vec<Incoming>,
    pub(crate) reports: Vec<Report>,
}

/// What a commit has written.
pub(crate) struct Committed {
    /// The events of accounts that were not locked.
    pub(crate) admitted: Admitted,
    /// The answers to reports on such accounts, in order.
    pub(super) reports: Vec<Answer<()>>,
    /// The accounts that another transaction had locked. Their events, their reports, and
    /// those of their outcomes that concern endpoints are not written.
    pub(super) locked: HashSet<AccountId>,
}

/// Writes changes and outcomes in one transaction.
pub(crate) async fn commit_batch(
    engine: &Parts,
    hot: &mut HotConnection,
    changes: &Changes,
    outcomes: &[Judged],
) -> Result<Committed, NotWritten> {
    let outcomes: Vec<_> = outcomes.iter().collect();
    // A report goes by the one before, and disabling an endpoint changes what others go by.
    if changes.reports.is_empty()
        && !outcomes.iter().any(|one| one.disables())
        && let Some(committed) = commit_by_memory(engine, hot, &changes.events, &outcomes).await?
    {
        return Ok(committed);
    }
    let mut tx = hot.begin().await?;
    let written = match write_after_a_look(engine, &mut tx, changes, &outcomes).await {
        Ok(written) => written,
        Err(error) => {
            tx.roll_back().await;
            return Err(error.into());
        }
    };
    tx.commit_batch(&written.batch).await?;
    Ok(written.announce(engine).await)
}

/// Goes by what this process knows of endpoints. `None`, and nothing is changed, if that
/// does not hold.
async fn commit_by_memory(
    engine: &Parts,
    hot: &mut HotConnection,
    events: &[Incoming],
    outcomes: &[&Judged],
) -> Result<Option<Committed>, NotWritten> {
    let accounts = concerned(events, outcomes);
    let known = engine.directory.known(&engine.db, &accounts).await?;
    if let Some(committed) = commit_by(engine, hot, events, outcomes, &known).await? {
        return Ok(Some(committed));
    }
    // What is remembered may be old, but what has just been read is hardly so.
    let learnt = engine.directory.learn(&engine.db, &accounts).await?;
    commit_by(engine, hot, events, outcomes, &learnt).await
}

/// Goes by these views of endpoints, by leases, and by keys that are new. `None`, and
/// nothing is changed, if one of them does not hold, or an account is locked.
async fn commit_by(
    engine: &Parts,
    hot: &mut HotConnection,
    events: &[Incoming],
    outcomes: &[&Judged],
    views: &Views,
) -> Result<Option<Committed>, NotWritten> {
    let plans = Plans::make(engine, views, events.iter());
    let mut batch = Batch { accounts: views.revisions(), keys: plans.keys(), ..Batch::default() };
    plans.add_to(&mut batch);
    add_outcomes(&mut batch, outcomes, views);
    let retries = batch.has_retries();
    if hot.write(batch).await? == Write::Stale {
        return Ok(None);
    }
    announce(engine, retries, outcomes, &[]);
    Ok(Some(Committed { admitted: plans.finish(), reports: Vec::new(), locked: HashSet::new() }))
}

/// What a transaction has written, to be told once it is committed.
struct Written<'a> {
    batch: Batch,
    committed: Committed,
    outcomes: Vec<&'a Judged>,
    disabled: Vec<(EndpointId, DisabledReason)>,
    /// Endpoints that were closed until their outcome is decided.
    closed: Vec<Address>,
}

/// Reads and locks first whatever it goes by.
async fn write_after_a_look<'a>(
    engine: &Parts,
    tx: &mut Tx<'_>,
    changes: &Changes,
    outcomes: &[&'a Judged],
) -> Result<Written<'a>> {
    let (views, locked) = look(engine, tx, changes, outcomes).await?;
    let is_free = |account: &AccountId| !locked.contains(account);
    let outcomes: Vec<_> =
        outcomes.iter().copied().filter(|one| !one.concerns_endpoints() || is_free(&one.finished.account)).collect();
    let disabling = outcomes.iter().filter(|one| one.disables());
    let closed = disabling.map(|one| (one.finished.account, one.finished.endpoint)).collect();
    let outcomes = keep_leased(tx, &outcomes, &views).await?;
    let reports: Vec<_> = changes.reports.iter().copied().filter(|report| is_free(&report.account)).collect();
    let Reported { answers, crossings } = write_levels(tx, &reports, engine.clock.now()).await?;
    let events = changes.events.iter().filter(|incoming| is_free(&incoming.event.account));
    let mut plans = Plans::make(engine, &views, events.chain(&crossings));
    plans.replay(tx).await?;
    let mut batch = Batch::default();
    plans.add_to(&mut batch);
    add_outcomes(&mut batch, &outcomes, &views);
    tx.write_surely(&batch).await?;
    let disabled = disable(tx, &outcomes).await?;
    let committed = Committed { admitted: plans.finish(), reports: answers, locked };
    Ok(Written { batch, committed, outcomes, disabled, closed })
}

/// Locks the accounts that matter, as far as they are free, and tells what is true of
/// them, and which are not free.
async fn look(
    engine: &Parts,
    tx: &mut Tx<'_>,
    changes: &Changes,
    outcomes: &[&Judged],
) -> Result<(Views, HashSet<AccountId>)> {
    let disabling = outcomes.iter().filter(|one| one.disables()).map(|one| one.finished.account);
    let to_change = distinct(changes.reports.iter().map(|report| report.account).chain(disabling));
    let mut shared = concerned(&changes.events, outcomes);
    shared.retain(|account| to_change.binary_search(account).is_err());
    let mut free = tx.lock_free_accounts(&to_change, Lock::Change).await?;
    free.extend(tx.lock_free_accounts(&shared, Lock::Share).await?);
    let views = engine.directory.views(tx, free).await?;
    let absent: Vec<_> = to_change.into_iter().chain(shared).filter(|&id| views.account(id).is_none()).collect();
    // Those that exist all the same are locked.
    let locked = if absent.is_empty() { Vec::new() } else { tx.revisions(&absent).await? };
    Ok((views, locked.into_iter().map(|(account, _)| account).collect()))
}

impl Written<'_> {
    /// Tells those whom it concerns, now that it is committed.
    async fn announce(self, engine: &Parts) -> Committed {
        announce(engine, self.batch.has_retries(), &self.outcomes, &self.disabled);
        if !self.closed.is_empty() {
            engine.changed(&distinct(self.closed.iter().map(|&(account, _)| account))).await;
            for (_, endpoint) in self.closed {
                engine.directory.closed(endpoint);
            }
        }
        self.committed
    }
}

/// The accounts whose endpoints matter.
fn concerned(events: &[Incoming], outcomes: &[&Judged]) -> Vec<AccountId> {
    let asked = events.iter().map(|incoming| incoming.event.account);
    let judged = outcomes.iter().filter(|one| one.concerns_endpoints()).map(|one| one.finished.account);
    distinct(asked.chain(judged))
}

/// Tells who waits for an outcome, and the operator, what is recorded.
fn announce(engine: &Parts, retries: bool, outcomes: &[&Judged], disabled: &[(EndpointId, DisabledReason)]) {
    if retries || !disabled.is_empty() {
        engine.wake.notify_one();
    }
    for (endpoint, reason) in disabled {
        tracing::info!(%endpoint, reason = reason.as_str(), "endpoint disabled");
    }
    engine.waiters.wake(outcomes.iter().map(|one| one.finished.delivery));
}

/// Drops the outcomes whose lease has run out: who has it now decides.
async fn keep_leased<'a>(tx: &mut Tx<'_>, outcomes: &[&'a Judged], views: &Views) -> Result<Vec<&'a Judged>> {
    let rows: Vec<_> = outcomes.iter().map(|one| finish_row(one, views)).collect();
    let leased = tx.still_leased(&rows).await?;
    let lost = outcomes.len() - leased.len();
    if lost > 0 {
        tracing::warn!(outcomes = lost, "outcomes dropped: their lease had run out");
    }
    let is_leased = |one: &&&Judged| leased.contains(&(one.finished.delivery, one.finished.lease()));
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
