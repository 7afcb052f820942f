//! Settles what waits for endpoints that are closed, or were so until a moment ago:
//! the dispatcher comes to them when their queues are due, and takes a step before
//! it claims. A step changes a bounded number of deliveries; the writer, and what is
//! due elsewhere, has its turn before the next one.

use std::time::Duration;

use signet_model::{AccountId, EndpointId, Timestamp};

use super::{Address, endpoint_cache::Views, distinct};
use crate::{
    engine::Parts,
    fault,
    queue::{
        HotConnection, Lock, Standing, Tx,
        drain::{Marks, Place},
    },
    store::Result,
};

/// How many deliveries one step changes at most, of all endpoints together.
pub(crate) const STEP: u64 = 500;

/// How long to wait for another process that is at the same endpoint.
const PAUSE: Duration = Duration::from_millis(5);

/// What a step has done.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// How many endpoints it came to.
    pub(crate) looked_at: usize,
    /// Endpoints at which nothing is to be claimed yet.
    pub(crate) unsettled: Vec<EndpointId>,
    /// Endpoints at which all is held that was there before they were enabled.
    settled: Vec<(Place, Marks)>,
}

/// Takes a step at those of the endpoints that need one.
pub(crate) async fn take_step(
    engine: &Parts,
    hot: &mut HotConnection,
    due: &[Address],
    views: &Views,
    now: Timestamp,
) -> Result<Step> {
    let closed: Vec<_> = due.iter().filter(|address| views.standing(**address) != Standing::Open).copied().collect();
    if closed.is_empty() {
        return Ok(Step::default());
    }
    let tx = hot.begin().await?;
    step_in(engine, tx, &closed, now).await
}

/// Takes steps at one endpoint until all is held that is to be.
pub(crate) async fn settle(engine: &Parts, account: AccountId, endpoint: EndpointId) -> Result<()> {
    loop {
        let tx = Tx::begin(&engine.db).await?;
        let step = step_in(engine, tx, &[(account, endpoint)], engine.clock.now()).await?;
        if step.unsettled.is_empty() || !step.settled.is_empty() {
            return Ok(());
        }
        if step.looked_at == 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Takes a step in a transaction, which it commits.
async fn step_in(engine: &Parts, mut tx: Tx<'_>, closed: &[Address], now: Timestamp) -> Result<Step> {
    let accounts = distinct(closed.iter().map(|&(account, _)| account));
    let free = tx.lock_free_accounts(&accounts, Lock::Share).await?;
    let mut busy = tx.revisions(&accounts).await?;
    busy.retain(|account| !free.contains(account));
    // What was remembered may be old.
    let views = engine.directory.views(&mut tx, free).await?;
    let (mut step, mut left) = (Step::default(), STEP);
    for &(account, endpoint) in closed {
        if busy.iter().any(|&(one, _)| one == account) {
            step.unsettled.push(endpoint);
            continue;
        }
        let place = Place { account, endpoint, now };
        left -= step.come_to(&mut tx, place, views.standing((account, endpoint)), left).await?;
    }
    tx.commit().await?;
    fault::point("after_step");
    for &(place, marks) in &step.settled {
        end_settling(engine, place, marks).await?;
    }
    Ok(step)
}

impl Step {
    /// Changes at most so many deliveries of one endpoint; returns how many those are.
    async fn come_to(&mut self, tx: &mut Tx<'_>, place: Place, standing: Standing, most: u64) -> Result<u64> {
        if standing == Standing::Open {
            return Ok(0);
        }
        if most == 0 || !tx.take_queue(place).await? {
            if most == 0 || tx.is_due(place).await? || standing == Standing::Settling {
                self.unsettled.push(place.endpoint);
            }
            return Ok(0);
        }
        self.looked_at += 1;
        if standing == Standing::Settling {
            return self.come_to_settling(tx, place, most).await;
        }
        let changed = match standing {
            Standing::Deleted => tx.discard(place, most).await?,
            _ => tx.hold(place, most).await?,
        };
        if changed == 0 {
            tx.move_on(place).await?;
        } else {
            self.unsettled.push(place.endpoint);
            tx.come_back(place).await?;
        }
        Ok(changed)
    }

    async fn come_to_settling(&mut self, tx: &mut Tx<'_>, place: Place, most: u64) -> Result<u64> {
        self.unsettled.push(place.endpoint);
        let Some(marks) = tx.marks(place).await? else { return Ok(0) };
        let looked_at = tx.hold_older(place, marks, most).await?;
        if looked_at < most {
            self.settled.push((place, marks));
        }
        tx.come_back(place).await?;
        Ok(looked_at)
    }
}

/// Lets an endpoint be claimed from again.
async fn end_settling(engine: &Parts, place: Place, marks: Marks) -> Result<()> {
    let mut tx = Tx::begin(&engine.db).await?;
    tx.lock_accounts(&[place.account], Lock::Change).await?;
    tx.end_settling(place, marks.hold_through).await?;
    tx.commit().await?;
    engine.changed(&[place.account]).await;
    Ok(())
}
