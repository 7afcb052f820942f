//! Claims what falls due, never more than there is room for in the lanes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use signet_model::{EndpointId, Timestamp};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Address, Place, Ready, directory::Views, distinct};
use crate::{
    engine::Parts,
    fault,
    queue::{ClaimOrder, Claimed, Due, HotConnection, Lease, Standing, Unread, due_endpoints, next_due},
    store::Result,
};

/// The most deliveries claimed in one transaction.
const BATCH: usize = 512;
/// How long to sleep at most: wake-ups from other processes are only hints.
const POLL: Duration = Duration::from_secs(1);
/// How long to wait after the database failed.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a claim may take: the server may be gone without a word. Whatever has
/// been claimed by then falls due again.
const CLAIM_LIMIT: Duration = Duration::from_secs(30);
/// How often a claim looks at accounts again that change all the time.
const LOOKS: usize = 3;

/// Claims and sends until told to stop.
pub(crate) async fn dispatch(engine: Arc<Parts>, stop: CancellationToken) {
    let mut hot = HotConnection::new(&engine.db);
    loop {
        let rest = match timeout(CLAIM_LIMIT, claim_all(&engine, &mut hot, &stop)).await {
            Ok(Ok(next_due)) => next_due.map_or(POLL, |due| due.since(engine.clock.now()).min(POLL)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "due deliveries could not be claimed; trying again");
                hot.renew();
                PAUSE
            }
            Err(_) => {
                tracing::warn!("the database does not answer a claim; trying again");
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
            // Locked by another process, or taken by it just now; or lanes have filled.
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
    let due = due_endpoints(&engine.db, now, skip, BATCH).await?;
    let accounts = distinct(due.iter().map(|&(account, _)| account));
    let mut views = engine.directory.known(&engine.db, &accounts).await?;
    for _ in 0..LOOKS {
        if let Some(claimed) = claim_by(engine, hot, &due, &views, now).await? {
            return Ok(claimed);
        }
        views = engine.directory.learn(&engine.db, &accounts).await?;
    }
    Ok((0, Vec::new()))
}

/// Claims, as long as endpoints are as these views show them. `None`, and nothing is
/// changed, if they are not.
async fn claim_by(
    engine: &Parts,
    hot: &mut HotConnection,
    due: &[Address],
    views: &Views,
    now: Timestamp,
) -> Result<Option<(usize, Vec<Ready>)>> {
    let mut room = reserve(engine, due, views);
    let endpoints: Vec<_> = due.iter().filter_map(|&address| due_at(address, views, &room)).collect();
    if endpoints.is_empty() {
        return Ok(Some((0, Vec::new())));
    }
    let (lease, until) = (engine.new_lease(), now + engine.settings.lease);
    let order = ClaimOrder { accounts: views.revisions(), endpoints, now, until, lease };
    let Some((looked_at, claimed)) = hot.claim(order).await? else { return Ok(None) };
    fault::point("after_claim");
    let ready = claimed.into_iter().filter_map(|row| ready(row, views, &mut room, (lease, until))).collect();
    for ((_, endpoint), left) in room {
        if !left.is_empty() {
            engine.lanes.caught_up(endpoint);
        }
    }
    Ok(Some((looked_at, ready)))
}

/// What is to be done at an endpoint; nothing where there is no room for what is due.
fn due_at(address: Address, views: &Views, room: &HashMap<Address, Vec<Place>>) -> Option<Due> {
    let (account, endpoint) = address;
    let most = room.get(&address).map_or(0, Vec::len);
    let standing = match views.endpoint(account, endpoint) {
        None => Standing::Deleted,
        Some(_) if most == 0 => return None,
        Some(view) if view.disabled => Standing::Disabled,
        Some(_) => Standing::Open,
    };
    Some(Due { account, endpoint, standing, most: i64::try_from(most).unwrap_or(i64::MAX) })
}

/// Shares a batch out evenly: an endpoint with a long backlog does not take the
/// turn of those with one retry each.
fn reserve(engine: &Parts, due: &[Address], views: &Views) -> HashMap<Address, Vec<Place>> {
    let share = BATCH.div_ceil(due.len().max(1));
    let places = |&(account, endpoint): &Address| {
        views.endpoint(account, endpoint)?;
        let places = engine.lanes.reserve_to_claim(endpoint, share);
        (!places.is_empty()).then_some(((account, endpoint), places))
    };
    due.iter().filter_map(places).collect()
}

fn ready(
    claim: Result<Claimed, Unread>,
    views: &Views,
    room: &mut HashMap<Address, Vec<Place>>,
    (lease, leased_until): (Lease, Timestamp),
) -> Option<Ready> {
    let row = claim.map_err(|unread| report(&unread)).ok()?;
    let endpoint = Arc::clone(views.endpoint(row.account_id, row.endpoint_id)?);
    let mut place = room.get_mut(&(row.account_id, row.endpoint_id))?.pop()?;
    place.weigh(row.body.len());
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
        body: row.body.into(),
        place,
    })
}

fn report(Unread { id, account_id, endpoint_id, reason }: &Unread) {
    tracing::error!(delivery = %id, account = %account_id, endpoint = %endpoint_id, %reason,
        "a delivery cannot be used, and is held");
}
