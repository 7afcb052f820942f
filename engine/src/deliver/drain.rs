//! Drains the queues of endpoints that are disabled or deleted, or were disabled until a
//! moment ago. The dispatcher finds such a queue when it is due, and takes a step before it
//! claims. A step changes a bounded number of deliveries; the writer and the other
//! endpoints have their turns before the next one.

use std::time::Duration;

use signet_model::{AccountId, EndpointId, Timestamp};

use super::{Address, Context, distinct, endpoint_cache::Snapshot, tally};
use crate::{
    db::{Result, Tx},
    fault,
    metrics::labels::HeldReason,
    queue::{
        EndpointStatus, HotPath, Lock, Queue,
        drain::{EndpointAt, HeldOlder, HoldProgress},
    },
};

/// Deliveries that one step changes, of all endpoints together.
pub(crate) const STEP_DELIVERIES_MAX: u64 = 500;

/// The delay after another process was found at the same endpoint.
const RETRY_DELAY: Duration = Duration::from_millis(5);

/// The result of a step.
#[derive(Debug, Default)]
pub(crate) struct DrainStep {
    /// The number of endpoints that it drained.
    pub(crate) visited: usize,
    /// Endpoints at which no delivery may be claimed yet.
    pub(crate) draining: Vec<EndpointId>,
    /// Endpoints whose older deliveries are all held now.
    drained: Vec<(EndpointAt, HoldProgress)>,
    /// The deliveries that it held, by reason.
    held: Vec<(HeldReason, u64)>,
}

/// Takes a step at the due endpoints that need one.
pub(crate) async fn drain_step(
    context: &Context,
    queue: &mut Queue,
    due: &[Address],
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<DrainStep> {
    let closed: Vec<_> =
        due.iter().filter(|address| snapshot.status(**address) != EndpointStatus::Enabled).copied().collect();
    if closed.is_empty() {
        return Ok(DrainStep::default());
    }
    let tx = queue.begin().await?;
    step_in(context, tx, &closed, now).await
}

/// Takes steps at one endpoint until it is drained.
pub(crate) async fn drain(context: &Context, account: AccountId, endpoint: EndpointId) -> Result<()> {
    loop {
        let tx = context.db.begin().await?;
        let step = step_in(context, tx, &[(account, endpoint)], context.clock.now()).await?;
        if step.draining.is_empty() || !step.drained.is_empty() {
            return Ok(());
        }
        if step.visited == 0 {
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }
}

/// Takes a step in a transaction, which it commits.
async fn step_in(context: &Context, mut tx: Tx<'_>, closed: &[Address], now: Timestamp) -> Result<DrainStep> {
    let accounts = distinct(closed.iter().map(|&(account, _)| account));
    let free = tx.lock_free_accounts(&accounts, Lock::Shared).await?;
    let mut locked = tx.revisions(&accounts).await?;
    locked.retain(|account| !free.contains(account));
    // The cached view may have been out of date.
    let snapshot = context.endpoint_cache.load_at(&mut tx, free).await?;
    let (mut step, mut left) = (DrainStep::default(), STEP_DELIVERIES_MAX);
    for &(account, endpoint) in closed {
        if locked.iter().any(|&(one, _)| one == account) {
            step.draining.push(endpoint);
            continue;
        }
        let at = EndpointAt { account, endpoint, now };
        let status = snapshot.status((account, endpoint));
        let reason = snapshot.endpoint(account, endpoint).map_or(HeldReason::Other, |view| view.held_reason());
        left -= step.visit(&mut tx, at, (status, reason), left).await?;
    }
    tx.commit().await?;
    fault::point("after_step");
    for &(reason, count) in &step.held {
        tally::held(reason, count);
    }
    for &(at, progress) in &step.drained {
        end_enabling(context, at, progress).await?;
    }
    Ok(step)
}

impl DrainStep {
    /// Changes up to `deliveries_max` deliveries of one endpoint; returns their number.
    async fn visit(
        &mut self,
        tx: &mut Tx<'_>,
        at: EndpointAt,
        (status, reason): (EndpointStatus, HeldReason),
        deliveries_max: u64,
    ) -> Result<u64> {
        if status == EndpointStatus::Enabled {
            return Ok(0);
        }
        if deliveries_max == 0 || !tx.lock_queue(at).await? {
            if deliveries_max == 0 || tx.is_due(at).await? || status == EndpointStatus::Enabling {
                self.draining.push(at.endpoint);
            }
            return Ok(0);
        }
        self.visited += 1;
        if status == EndpointStatus::Enabling {
            return self.visit_enabling(tx, at, deliveries_max).await;
        }
        let changed = if status == EndpointStatus::Deleted {
            tx.discard(at, deliveries_max).await?
        } else {
            let held = tx.hold(at, deliveries_max).await?;
            self.held.push((reason, held));
            held
        };
        if changed == 0 {
            tx.advance_queue(at).await?;
        } else {
            self.draining.push(at.endpoint);
            tx.move_queue_back(at).await?;
        }
        Ok(changed)
    }

    async fn visit_enabling(&mut self, tx: &mut Tx<'_>, at: EndpointAt, deliveries_max: u64) -> Result<u64> {
        self.draining.push(at.endpoint);
        let Some(progress) = tx.hold_progress(at).await? else { return Ok(0) };
        let HeldOlder { read, held } = tx.hold_older(at, progress, deliveries_max).await?;
        self.held.push((HeldReason::EarlierStop, held));
        if read < deliveries_max {
            self.drained.push((at, progress));
        }
        tx.move_queue_back(at).await?;
        Ok(read)
    }
}

/// Lets deliveries of an endpoint be claimed again.
async fn end_enabling(context: &Context, at: EndpointAt, progress: HoldProgress) -> Result<()> {
    let mut tx = context.db.begin().await?;
    tx.lock_accounts(&[at.account], Lock::Exclusive).await?;
    tx.end_enabling(at, progress.hold_through).await?;
    tx.commit().await?;
    context.changed(&[at.account]).await;
    Ok(())
}
