//! The transaction that events, balances and outcomes share.
//!
//! A commit is *optimistic* first: it assumes that endpoints are as the cache has them, that
//! the leases of outcomes still hold, and that idempotency keys are new. That is almost
//! always true, and takes the fewest trips to the database. If an assumption fails, the
//! transaction is rolled back, and a *locking* one reads and locks all of this first.
//! Balances always lock: each goes by the one before.
//!
//! A locking commit never waits for an account that another transaction has locked. It
//! leaves the requests and outcomes of such an account out, and returns them to the writer.

use std::collections::HashSet;

use signet_model::{AccountId, EndpointId, endpoint::DisabledReason};

use super::{
    Address, Context,
    balances::{AppliedUpdates, BalanceUpdate, write_balances},
    distinct,
    endpoint_cache::Snapshot,
    ingest::Incoming,
    mail_notices::{Mailed, note_by_mail},
    operations::{Noted, note_outcomes},
    outcome::{Completion, Decided, add_outcomes, outcome_row},
    plan::{Plans, StoredEvents},
    reply::Answer,
    tally::CommitTally,
    verdict::Verdict,
};
use crate::{
    db::{Result, Tx},
    metrics::{Timer, labels::Operation},
    queue::{Batch, Disabling, HotPath, Lock, Queue, Write, WriteError},
};

/// The changes that requests ask for.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) events: Vec<Incoming>,
    pub(crate) balances: Vec<BalanceUpdate>,
}

impl Changes {
    /// The accounts that may have a new event.
    fn accounts(&self) -> impl Iterator<Item = AccountId> {
        let of_events = self.events.iter().map(|incoming| incoming.event.account);
        of_events.chain(self.balances.iter().map(|update| update.account))
    }
}

/// The result of a commit.
pub(crate) struct Committed {
    /// The events of accounts that were not locked.
    pub(crate) stored: StoredEvents,
    /// The answers to the balances of such accounts, in order.
    pub(super) balances: Vec<Answer<()>>,
    /// The accounts that another transaction had locked. Their events, their balances, and
    /// those of their outcomes that depend on endpoints are not written.
    pub(super) locked: HashSet<AccountId>,
}

/// Writes changes and outcomes in one transaction.
pub(crate) async fn commit_batch(
    context: &Context,
    queue: &mut Queue,
    changes: &Changes,
    outcomes: &[Decided],
) -> Result<Committed, WriteError> {
    let timer = Timer::start(Operation::Commit);
    let committed = commit_changes(context, queue, changes, outcomes).await;
    timer.stop();
    let committed = committed?;
    context.event_watchers.notify(changes.accounts());
    let of_outcomes = outcomes.iter().map(|one| one.completion.account);
    context.change_watchers.notify(changes.accounts().chain(of_outcomes));
    Ok(committed)
}

async fn commit_changes(
    context: &Context,
    queue: &mut Queue,
    changes: &Changes,
    outcomes: &[Decided],
) -> Result<Committed, WriteError> {
    let outcomes: Vec<_> = outcomes.iter().collect();
    // Each balance goes by the one before, and disabling changes endpoints for the others. An
    // endpoint is told of once.
    let schedule = &context.settings.schedule;
    let is_told =
        |one: &Decided| context.operations.tell_of(one, schedule) || context.mail_notices.warn_of(one, schedule);
    if changes.balances.is_empty()
        && !outcomes.iter().any(|one| one.disables() || is_told(one))
        && let Optimistic::Committed(committed) =
            commit_optimistically(context, queue, &changes.events, &outcomes).await?
    {
        return Ok(committed);
    }
    let mut tx = queue.begin().await?;
    let written = match write_locking(context, &mut tx, changes, &outcomes).await {
        Ok(written) => written,
        Err(error) => {
            tx.roll_back().await;
            return Err(error.into());
        }
    };
    tx.commit_batch(&written.batch).await?;
    Ok(written.announce(context).await)
}

/// The result of an optimistic commit.
enum Optimistic {
    Committed(Committed),
    /// A revision, a lease or an idempotency key is not as assumed, or an account is locked,
    /// and no row is changed.
    Stale,
}

/// Commits by the cache.
async fn commit_optimistically(
    context: &Context,
    queue: &mut Queue,
    events: &[Incoming],
    outcomes: &[&Decided],
) -> Result<Optimistic, WriteError> {
    let accounts = accounts_of(events, outcomes);
    let cached = context.endpoint_cache.cached(queue, &accounts).await?;
    if let Optimistic::Committed(committed) = commit_by(context, queue, events, outcomes, &cached).await? {
        return Ok(Optimistic::Committed(committed));
    }
    // The cache may have been out of date; a snapshot that has just been read hardly is.
    let refreshed = context.endpoint_cache.refresh(queue, &accounts).await?;
    commit_by(context, queue, events, outcomes, &refreshed).await
}

/// Commits by a snapshot of the endpoints.
async fn commit_by(
    context: &Context,
    queue: &mut Queue,
    events: &[Incoming],
    outcomes: &[&Decided],
    snapshot: &Snapshot,
) -> Result<Optimistic, WriteError> {
    let plans = Plans::make(context, snapshot, events.iter());
    let mut batch = Batch { accounts: snapshot.revisions(), keys: plans.keys(), ..Batch::default() };
    plans.add_to(&mut batch);
    add_outcomes(&mut batch, outcomes, snapshot);
    let retries = batch.has_retries();
    let tally = CommitTally::of(&batch, outcomes, snapshot);
    if queue.write(batch).await? == Write::Stale {
        return Ok(Optimistic::Stale);
    }
    announce(context, retries, outcomes, &[], tally);
    let committed = Committed { stored: plans.finish(), balances: Vec::new(), locked: HashSet::new() };
    Ok(Optimistic::Committed(committed))
}

/// The writes of a transaction, to be announced once it is committed.
struct Written<'a> {
    batch: Batch,
    committed: Committed,
    outcomes: Vec<&'a Decided>,
    disabled: Vec<(EndpointId, DisabledReason)>,
    noted: Noted,
    mailed: Mailed,
    /// Endpoints that the cache refuses until this commit.
    disabling: Vec<Address>,
    tally: Option<CommitTally>,
}

/// Reads and locks the rows that the batch depends on, and writes it.
async fn write_locking<'a>(
    context: &Context,
    tx: &mut Tx<'_>,
    changes: &Changes,
    outcomes: &[&'a Decided],
) -> Result<Written<'a>> {
    let (snapshot, locked) = lock_free_accounts(context, tx, changes, outcomes).await?;
    let is_free = |account: &AccountId| !locked.contains(account);
    let outcomes: Vec<_> = outcomes
        .iter()
        .copied()
        .filter(|one| !one.depends_on_endpoints() || is_free(&one.completion.account))
        .collect();
    let disabling = outcomes
        .iter()
        .filter(|one| one.disables())
        .map(|one| (one.completion.account, one.completion.endpoint))
        .collect();
    let outcomes = keep_leased(tx, &outcomes, &snapshot).await?;
    let balances: Vec<_> = changes.balances.iter().filter(|update| is_free(&update.account)).cloned().collect();
    let AppliedUpdates { answers, crossings, .. } = write_balances(tx, &balances, context.clock.now()).await?;
    let events = changes.events.iter().filter(|incoming| is_free(&incoming.event.account));
    let mut plans = Plans::make(context, &snapshot, events.chain(&crossings));
    plans.replay(tx).await?;
    let mut batch = Batch::default();
    plans.add_to(&mut batch);
    add_outcomes(&mut batch, &outcomes, &snapshot);
    let tally = CommitTally::of(&batch, &outcomes, &snapshot);
    tx.write_locked(&batch).await?;
    let disabled = disable(tx, &outcomes).await?;
    let noted = note_outcomes(context, tx, &outcomes, &disabled).await?;
    let mailed = note_by_mail(context, tx, &outcomes, &snapshot, &disabled).await?;
    let committed = Committed { stored: plans.finish(), balances: answers, locked };
    Ok(Written { batch, committed, outcomes, disabled, noted, mailed, disabling, tally })
}

/// Locks the accounts that the batch depends on, as far as they are free. Returns them as
/// they are, and the ids of those that are not free.
async fn lock_free_accounts(
    context: &Context,
    tx: &mut Tx<'_>,
    changes: &Changes,
    outcomes: &[&Decided],
) -> Result<(Snapshot, HashSet<AccountId>)> {
    let changing = outcomes.iter().filter(|one| one.disables()).map(|one| one.completion.account);
    let to_change = distinct(changes.balances.iter().map(|update| update.account).chain(changing));
    let mut shared = accounts_of(&changes.events, outcomes);
    shared.retain(|account| to_change.binary_search(account).is_err());
    let mut free = tx.lock_free_accounts(&to_change, Lock::Exclusive).await?;
    free.extend(tx.lock_free_accounts(&shared, Lock::Shared).await?);
    let snapshot = context.endpoint_cache.load_at(tx, free).await?;
    let absent: Vec<_> = to_change.into_iter().chain(shared).filter(|&id| snapshot.account(id).is_none()).collect();
    // The absent accounts that exist are locked.
    let locked = if absent.is_empty() { Vec::new() } else { tx.revisions(&absent).await? };
    Ok((snapshot, locked.into_iter().map(|(account, _)| account).collect()))
}

impl Written<'_> {
    /// Announces the writes after their commit.
    async fn announce(self, context: &Context) -> Committed {
        announce(context, self.batch.has_retries(), &self.outcomes, &self.disabled, self.tally);
        context.operations.committed(self.noted);
        context.mail_notices.committed(self.mailed);
        let changed = distinct(self.disabling.iter().map(|&(account, _)| account));
        if !changed.is_empty() {
            context.changed(&changed).await;
            for (_, endpoint) in self.disabling {
                context.endpoint_cache.end_disabling(endpoint);
            }
        }
        self.committed
    }
}

/// Returns the accounts whose endpoints matter.
fn accounts_of(events: &[Incoming], outcomes: &[&Decided]) -> Vec<AccountId> {
    let of_events = events.iter().map(|incoming| incoming.event.account);
    let of_outcomes = outcomes.iter().filter(|one| one.depends_on_endpoints()).map(|one| one.completion.account);
    distinct(of_events.chain(of_outcomes))
}

/// Announces recorded outcomes to the dispatcher, the log, the metrics, and the tasks that wait
/// for them.
fn announce(
    context: &Context,
    retries: bool,
    outcomes: &[&Decided],
    disabled: &[(EndpointId, DisabledReason)],
    tally: Option<CommitTally>,
) {
    if retries || !disabled.is_empty() {
        context.wake.notify_one();
    }
    for (endpoint, reason) in disabled {
        tracing::info!(%endpoint, reason = reason.as_str(), "endpoint disabled");
    }
    if let Some(tally) = tally {
        tally.record(outcomes);
    }
    context.outcome_watchers.notify(outcomes.iter().map(|one| one.completion.delivery));
}

/// Drops the outcomes whose lease another process has taken over.
async fn keep_leased<'a>(tx: &mut Tx<'_>, outcomes: &[&'a Decided], snapshot: &Snapshot) -> Result<Vec<&'a Decided>> {
    let rows: Vec<_> = outcomes.iter().map(|one| outcome_row(one, snapshot)).collect();
    let leased = tx.still_leased(&rows).await?;
    let lost = outcomes.len() - leased.len();
    if lost > 0 {
        tracing::warn!(outcomes = lost, "outcomes dropped: their lease had run out");
    }
    let is_leased = |one: &&&Decided| leased.contains(&(one.completion.delivery, one.completion.lease()));
    Ok(outcomes.iter().filter(is_leased).copied().collect())
}

/// Disables the endpoints of deliveries that have failed for good.
async fn disable(tx: &mut Tx<'_>, outcomes: &[&Decided]) -> Result<Vec<(EndpointId, DisabledReason)>> {
    let mut disabled = Vec::new();
    for one in outcomes {
        let Verdict::Disable(reason) = one.verdict else { continue };
        let Completion { account, endpoint, delivery, .. } = one.completion;
        let at = one.completion.ended_at();
        if tx.disable((account, endpoint), reason, Some(delivery), at).await? == Disabling::Disabled {
            disabled.push((endpoint, reason));
        }
    }
    Ok(disabled)
}

#[cfg(test)]
mod tests;
