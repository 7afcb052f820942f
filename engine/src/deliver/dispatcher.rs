//! Claims what falls due, never more than there is room for in the lanes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use signet_model::{EndpointId, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{Address, Place, Ready, directory::Views, distinct};
use crate::{
    engine::Parts,
    fault,
    queue::{Claim, Claimed, HotConnection, Lease, Lock, Tx, next_due},
    store::Result,
};

/// The most deliveries claimed in one transaction.
const BATCH: usize = 512;
/// How long to sleep at most: wake-ups from other processes are only hints.
const POLL: Duration = Duration::from_secs(1);
/// How long to wait after the database failed.
const PAUSE: Duration = Duration::from_millis(500);

/// Claims and sends until told to stop.
pub(crate) async fn dispatch(engine: Arc<Parts>, stop: CancellationToken) {
    let mut hot = HotConnection::new(&engine.db);
    loop {
        let rest = match claim_all(&engine, &mut hot, &stop).await {
            Ok(next_due) => next_due.map_or(POLL, |due| due.since(engine.clock.now()).min(POLL)),
            Err(error) => {
                tracing::warn!(%error, "due deliveries could not be claimed; trying again");
                hot.renew();
                PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.wake.notified() => {}
            () = engine.lanes.freed.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Claims until nothing more is due that there is room for; returns when
/// something next is.
async fn claim_all(
    engine: &Arc<Parts>,
    hot: &mut HotConnection,
    stop: &CancellationToken,
) -> Result<Option<Timestamp>> {
    while !stop.is_cancelled() && engine.lanes.has_room() {
        let skip = engine.lanes.saturated();
        let next_due = next_due(&engine.db, &skip).await?;
        let now = engine.clock.now();
        if next_due.is_none_or(|due| due > now) {
            return Ok(next_due);
        }
        let (looked_at, claimed) = claim_batch(engine, hot, &skip, now).await?;
        for ready in claimed {
            ready.send(engine);
        }
        if looked_at == 0 {
            // Locked by another process, or taken by it just now.
            break;
        }
    }
    Ok(None)
}

/// Claims a batch; returns how many endpoints it looked at, and what is to be attempted.
pub(crate) async fn claim_batch(
    engine: &Parts,
    hot: &mut HotConnection,
    skip: &[EndpointId],
    now: Timestamp,
) -> Result<(usize, Vec<Ready>)> {
    let mut tx = hot.begin().await?;
    let due = tx.due_endpoints(now, skip, BATCH).await?;
    let accounts = distinct(due.iter().map(|&(account, _)| account));
    let views = engine.directory.look(&mut tx, &accounts, Lock::Share).await?;
    let places = tx.lock_endpoints(due, now).await?;
    settle_closed(&mut tx, &places, &views, now).await?;
    let mut room = reserve(engine, &places);
    let lease = engine.new_lease();
    let claims: Vec<_> = room.iter().map(|(&address, places)| claim_of(address, places)).collect();
    let until = now + engine.settings.lease;
    let claimed = tx.claim(&claims, now, until, lease).await?;
    tx.advance(&places, now).await?;
    tx.commit().await?;
    fault::point("after_claim");
    let ready = claimed.into_iter().filter_map(|row| ready(row, &views, &mut room, (lease, until))).collect();
    for ((_, endpoint), left) in room {
        if !left.is_empty() {
            engine.lanes.caught_up(endpoint);
        }
    }
    Ok((places.len(), ready))
}

/// What fell due at an endpoint that is closed by now was in flight when it was
/// closed, and its process died: it is held, or discarded, only now.
async fn settle_closed(tx: &mut Tx<'_>, places: &[Address], views: &Views, now: Timestamp) -> Result<()> {
    for &(account, endpoint) in places {
        match views.endpoint(account, endpoint) {
            None => tx.discard_all(account, endpoint, now).await?,
            Some(view) if view.disabled => tx.hold(account, endpoint, now).await?,
            Some(_) => {}
        }
    }
    Ok(())
}

/// Shares a batch out evenly: an endpoint with a long backlog does not take the
/// turn of those with one retry each.
fn reserve(engine: &Parts, addresses: &[Address]) -> HashMap<Address, Vec<Place>> {
    let share = BATCH.div_ceil(addresses.len().max(1));
    let places = |&(account, endpoint): &Address| {
        let places = engine.lanes.reserve_to_claim(endpoint, share);
        (!places.is_empty()).then_some(((account, endpoint), places))
    };
    addresses.iter().filter_map(places).collect()
}

fn claim_of((account, endpoint): Address, places: &[Place]) -> Claim {
    Claim { account, endpoint, limit: i64::try_from(places.len()).unwrap_or(i64::MAX) }
}

fn ready(
    row: Claimed,
    views: &Views,
    room: &mut HashMap<Address, Vec<Place>>,
    (lease, leased_until): (Lease, Timestamp),
) -> Option<Ready> {
    let endpoint = Arc::clone(views.endpoint(row.account_id, row.endpoint_id)?);
    let place = room.get_mut(&(row.account_id, row.endpoint_id))?.pop()?;
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
        leased_until,
        attempts: row.attempts,
        failures: row.failures,
        body: body.into(),
        place,
    })
}
