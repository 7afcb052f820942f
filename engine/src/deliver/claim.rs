//! One claim: reserves room in the lanes, and claims as many deliveries as fit.

use std::{collections::HashMap, sync::Arc, time::Duration};

use signet_model::{EndpointId, Timestamp};

use super::{
    Address, Context, LeasedDelivery,
    busy::Busy,
    distinct,
    drain::drain_step,
    endpoint_cache::Snapshot,
    lanes::{LaneSlot, Leased},
    release_rates::ClaimLimits,
    rests::leave_alone,
    tally,
};
use crate::{
    db::Result,
    fault,
    metrics::labels::HeldReason,
    queue::{Claim, ClaimOrder, ClaimQuota, Claimed, HotPath, Lock, Queue, UnreadableRow, drain::EndpointAt},
};

/// Deliveries that one transaction claims, and endpoints at which it claims.
pub(super) const BATCH_MAX: usize = 512;
/// The time for which the queue of a suspended account is put off. Resuming does not wait for
/// its end; a hundred years leave room for the arithmetic of both databases.
const PUT_OFF: Duration = Duration::from_hours(24 * 365 * 100);
/// Tries of a claim whose accounts change meanwhile.
const TRIES_MAX: usize = 3;

/// The deliveries of a claim, and the number of endpoints at which it claimed or drained.
#[derive(Default)]
pub(crate) struct ClaimedDeliveries {
    pub(crate) endpoints: usize,
    pub(crate) deliveries: Vec<LeasedDelivery>,
    /// The due endpoints for whose deliveries there was no room.
    pub(crate) left_out: usize,
    /// The endpoints at which it has left nothing due, though their queues look so.
    pub(crate) emptied: Vec<EndpointId>,
}

/// The result of one try.
enum Try {
    /// The snapshot is out of date, and no delivery is claimed.
    Stale,
    Claimed(ClaimedDeliveries),
}

/// Takes drain steps at the due endpoints that need them, and claims at the others.
pub(crate) async fn claim_batch(
    context: &Context,
    queue: &mut Queue,
    due: &[Address],
    busy: &Busy,
) -> Result<ClaimedDeliveries> {
    let mut due = due.to_vec();
    let accounts = distinct(due.iter().map(|&(account, _)| account));
    let mut snapshot = context.endpoint_cache.cached(queue, &accounts).await?;
    let mut drained = 0;
    for _ in 0..TRIES_MAX {
        let now = context.clock.now();
        let overdue = context.lanes.overdue_endpoints(now, context.settings.lease);
        due.retain(|(_, endpoint)| !overdue.contains(endpoint));
        let step = drain_step(context, queue, &due, &snapshot, now).await?;
        drained += step.visited;
        due.retain(|(_, endpoint)| !step.draining.contains(endpoint));
        put_off_suspended(context, queue, &mut due, &snapshot, now).await?;
        leave_alone(context, queue, &mut due, &snapshot, now).await?;
        let limits = context.release_rates.limits(context, &due, &snapshot, now).await?;
        let scope = Scope { due: &due, snapshot: &snapshot, limits: &limits, busy };
        if let Try::Claimed(claimed) = try_claim(context, queue, &scope, now).await? {
            return Ok(ClaimedDeliveries { endpoints: drained + claimed.endpoints, ..claimed });
        }
        snapshot = context.endpoint_cache.refresh(queue, &accounts).await?;
    }
    Ok(ClaimedDeliveries { endpoints: drained, ..ClaimedDeliveries::default() })
}

/// Takes the endpoints of suspended accounts out, and puts their queues off until the accounts
/// are resumed.
async fn put_off_suspended(
    context: &Context,
    queue: &mut Queue,
    due: &mut Vec<Address>,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<()> {
    let suspended: Vec<_> = due.extract_if(.., |(account, _)| snapshot.is_suspended(*account)).collect();
    if suspended.is_empty() {
        return Ok(());
    }
    let mut tx = queue.begin().await?;
    // The lock keeps an account suspended; one that is being changed has its turn later.
    let accounts = distinct(suspended.iter().map(|&(account, _)| account));
    let free = tx.lock_free_accounts(&accounts, Lock::Shared).await?;
    let locked = context.endpoint_cache.load_at(&mut tx, free).await?;
    for (account, endpoint) in suspended {
        if locked.is_suspended(account) {
            tx.put_queue_off(EndpointAt { account, endpoint, now: now + PUT_OFF }).await?;
        }
    }
    tx.commit().await
}

/// Where a try claims, and what it goes by.
struct Scope<'a> {
    due: &'a [Address],
    snapshot: &'a Snapshot,
    limits: &'a ClaimLimits,
    busy: &'a Busy,
}

/// Claims by a snapshot of the endpoints.
async fn try_claim(context: &Context, queue: &mut Queue, scope: &Scope<'_>, now: Timestamp) -> Result<Try> {
    let Scope { due, snapshot, limits, busy } = *scope;
    let mut room = reserve(context, due, snapshot, limits);
    let limited: Vec<_> = limits.keys().map(|&endpoint| (endpoint, slots_at(&room, endpoint))).collect();
    let endpoints: Vec<_> = due.iter().filter_map(|&address| quota(address, snapshot, &room, busy)).collect();
    let left_out = due.len() - endpoints.len();
    if endpoints.is_empty() {
        return Ok(Try::Claimed(ClaimedDeliveries { left_out, ..ClaimedDeliveries::default() }));
    }
    let leased = Leased { lease: context.new_lease(), until: now + context.settings.lease };
    let accounts = snapshot.revisions_of(endpoints.iter().map(|quota| quota.account));
    let order = ClaimOrder { accounts, endpoints, now, until: leased.until, lease: leased.lease };
    let Claim::Claimed(batch) = queue.claim(order).await? else { return Ok(Try::Stale) };
    fault::point("after_claim");
    let place = |delivery| place(delivery, snapshot, &mut room, leased);
    let deliveries = batch.deliveries.into_iter().filter_map(place).collect();
    context.throttles.claimed(batch.look_again, now);
    for (endpoint, slots) in limited {
        context.release_rates.claimed(endpoint, slots, batch.still_due.contains(&endpoint));
    }
    for (_, endpoint) in room.into_keys() {
        context.lanes.claimed(endpoint, batch.still_due.contains(&endpoint));
    }
    Ok(Try::Claimed(ClaimedDeliveries { endpoints: batch.endpoints, deliveries, left_out, emptied: batch.emptied }))
}

/// Room for the due deliveries of one endpoint.
struct Reserved {
    slots: Vec<LaneSlot>,
    /// Bytes that the bodies may have together.
    bytes: usize,
}

/// Shares a batch evenly among endpoints: one with a long backlog takes no more than its
/// part from those with one retry each.
fn reserve(
    context: &Context,
    due: &[Address],
    snapshot: &Snapshot,
    limits: &ClaimLimits,
) -> HashMap<Address, Reserved> {
    let endpoints = due.len().max(1);
    let share = BATCH_MAX.div_ceil(endpoints);
    let reserve = |&(account, endpoint): &Address| {
        let view = snapshot.endpoint(account, endpoint)?;
        let slots_max = limits.get(&endpoint).map_or(share, |&limit| share.min(limit));
        let slots_max = view.throttle.map_or(slots_max, |throttle| slots_max.min(throttle.at_once_max()));
        let (slots, bytes) = context.lanes.reserve_to_claim((account, endpoint), view.url(), slots_max, endpoints);
        (!slots.is_empty()).then_some(((account, endpoint), Reserved { slots, bytes }))
    };
    due.iter().filter_map(reserve).collect()
}

/// Returns the number of slots that are reserved at an endpoint.
fn slots_at(room: &HashMap<Address, Reserved>, endpoint: EndpointId) -> usize {
    room.iter().filter(|((_, one), _)| *one == endpoint).map(|(_, reserved)| reserved.slots.len()).sum()
}

/// Returns the quota of an endpoint that has room.
fn quota(address: Address, snapshot: &Snapshot, room: &HashMap<Address, Reserved>, busy: &Busy) -> Option<ClaimQuota> {
    let (account, endpoint) = address;
    let reserved = room.get(&address)?;
    let limit = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Some(ClaimQuota {
        account,
        endpoint,
        deliveries_max: limit(reserved.slots.len()),
        bytes_max: limit(reserved.bytes),
        throttle: snapshot.endpoint(account, endpoint).and_then(|view| view.throttle),
        is_busy: busy.has(endpoint),
    })
}

/// Puts a claimed delivery into a slot. Returns `None` if it cannot be used.
fn place(
    claimed: Result<Claimed, UnreadableRow>,
    snapshot: &Snapshot,
    room: &mut HashMap<Address, Reserved>,
    leased: Leased,
) -> Option<LeasedDelivery> {
    let row = claimed.map_err(|unreadable| report(&unreadable)).ok()?;
    let endpoint = Arc::clone(snapshot.endpoint(row.account, row.endpoint)?);
    let mut slot = room.get_mut(&(row.account, row.endpoint))?.slots.pop()?;
    slot.take_in_hand(row.id, leased, row.body.len());
    Some(LeasedDelivery {
        account: row.account,
        id: row.id,
        endpoint,
        event_type: row.event_type,
        is_test: row.is_test,
        attempts: row.attempts,
        failures: row.failures,
        body: row.body.into(),
        trace: row.trace,
        slot,
    })
}

fn report(UnreadableRow { id, account, endpoint, reason }: &UnreadableRow) {
    tally::held(HeldReason::Unusable, 1);
    tracing::error!(delivery = %id, %account, %endpoint, %reason, "a delivery cannot be used, and is held");
}
