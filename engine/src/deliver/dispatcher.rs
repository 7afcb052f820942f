//! Claims what falls due, never more than there are free slots.

use std::{collections::HashMap, sync::Arc, time::Duration};

use signet_model::{AccountId, EndpointId, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{Place, Ready, Slot, directory::Views, distinct};
use crate::{
    engine::Parts,
    fault,
    queue::{Claim, Claimed, Lease, Lock, Tx, next_due},
    store::Result,
};

/// The most deliveries claimed in one transaction.
const BATCH: usize = 128;
/// How long to sleep at most: wake-ups from other processes are only hints.
const POLL: Duration = Duration::from_secs(1);
/// How long to wait after the database failed.
const PAUSE: Duration = Duration::from_millis(500);

/// Claims and sends until told to stop.
pub(crate) async fn dispatch(engine: Arc<Parts>, stop: CancellationToken) {
    loop {
        let rest = match claim_all(&engine, &stop).await {
            Ok(next_due) => next_due.map_or(POLL, |due| due.since(engine.clock.now()).min(POLL)),
            Err(error) => {
                tracing::warn!(%error, "due deliveries could not be claimed; trying again");
                PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.wake.notified() => {}
            () = engine.slots.freed.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Claims until nothing more is due that there is a slot for; returns when
/// something next is.
async fn claim_all(engine: &Arc<Parts>, stop: &CancellationToken) -> Result<Option<Timestamp>> {
    while !stop.is_cancelled() && engine.slots.free() > 0 {
        let skip = engine.slots.saturated();
        let next_due = next_due(&engine.db, &skip).await?;
        let now = engine.clock.now();
        if next_due.is_none_or(|due| due > now) {
            return Ok(next_due);
        }
        if claim_some(engine, &skip, now).await? == 0 {
            // Locked by another process, or taken by it just now.
            break;
        }
    }
    Ok(None)
}

/// Claims a batch and sends it on its way; returns how many endpoints it looked at.
async fn claim_some(engine: &Arc<Parts>, skip: &[EndpointId], now: Timestamp) -> Result<usize> {
    let mut tx = Tx::begin(&engine.db).await?;
    let places = tx.due_endpoints(now, skip, engine.slots.free().min(BATCH)).await?;
    let accounts = distinct(places.iter().map(|&(account, _)| account));
    let views = engine.directory.look(&mut tx, &accounts, Lock::Share).await?;
    settle_closed(&mut tx, &places, &views, now).await?;
    let mut slots = reserve(engine, &places);
    let lease = engine.new_lease();
    let claims: Vec<_> = slots.iter().map(|(&(account, endpoint), slots)| claim_of(account, endpoint, slots)).collect();
    let claimed = tx.claim(&claims, now, now + engine.settings.lease, lease).await?;
    tx.advance(&places, now).await?;
    tx.commit().await?;
    fault::point("after_claim");
    for row in claimed {
        if let Some(ready) = ready(row, &views, &mut slots, lease) {
            ready.send(engine);
        }
    }
    Ok(places.len())
}

/// What fell due at an endpoint that is closed by now was in flight when it was
/// closed, and its process died: it is held, or discarded, only now.
async fn settle_closed(tx: &mut Tx, places: &[Place], views: &Views, now: Timestamp) -> Result<()> {
    for &(account, endpoint) in places {
        match views.get(&account).and_then(|view| view.endpoints.get(&endpoint)) {
            None => {
                tx.discard_all(account, endpoint, now).await?;
            }
            Some(view) if view.disabled => {
                tx.hold(account, endpoint, now).await?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn reserve(engine: &Parts, places: &[Place]) -> HashMap<Place, Vec<Slot>> {
    let mut left = BATCH;
    let mut reserved = HashMap::with_capacity(places.len());
    for &(account, endpoint) in places {
        let slots = engine.slots.reserve_up_to(endpoint, left);
        left -= slots.len();
        if !slots.is_empty() {
            reserved.insert((account, endpoint), slots);
        }
    }
    reserved
}

fn claim_of(account: AccountId, endpoint: EndpointId, slots: &[Slot]) -> Claim {
    Claim { account, endpoint, limit: i64::try_from(slots.len()).unwrap_or(i64::MAX) }
}

fn ready(row: Claimed, views: &Views, slots: &mut HashMap<Place, Vec<Slot>>, lease: Lease) -> Option<Ready> {
    let endpoint = Arc::clone(views.get(&row.account_id)?.endpoints.get(&row.endpoint_id)?);
    let slot = slots.get_mut(&(row.account_id, row.endpoint_id))?.pop()?;
    let Some(body) = row.body else {
        tracing::error!(delivery = %row.id, "a pending delivery has no body");
        return None;
    };
    Some(Ready {
        account: row.account_id,
        id: row.id,
        endpoint,
        event_type: row.event_type,
        is_test: row.is_test,
        lease,
        attempts: row.attempts,
        failures: row.failures,
        body: body.into(),
        slot,
    })
}
