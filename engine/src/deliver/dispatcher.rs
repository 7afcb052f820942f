//! Claims the deliveries that fall due, never more than the lanes have room for.
//!
//! A pass goes through the queues of endpoints in the order in which they fall due, page by
//! page. It leaves out endpoints that have enough in hand: their lanes request a claim once
//! they have room. A pass costs no more than the queues that are due, and one that left some
//! out is not repeated at once.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use signet_model::EndpointId;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Address, LeasedDelivery, distinct,
    drain::drain_step,
    endpoint_cache::Snapshot,
    lanes::{AttemptCounts, LaneSlot, Leased},
    release_rates::ClaimLimits,
};
use crate::{
    db::{Error, Result},
    engine::Parts,
    fault,
    queue::{Claim, ClaimOrder, ClaimQuota, Claimed, DueQueue, HotConnection, UnreadableRow, due_queues, next_due},
};

/// Deliveries that one transaction claims, and endpoints at which it claims.
const BATCH_MAX: usize = 512;
/// The longest sleep: wake-ups from other processes are only hints.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The delay after the database failed.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// The time that the database may take for each step: its server can vanish without closing
/// the connection. Deliveries claimed by then fall due again.
const STEP_TIME_MAX: Duration = Duration::from_secs(30);
/// The time without claims after the database was away: a little longer than the longest
/// retry delay of the writers, so that their outcomes are recorded first.
const WRITERS_FIRST_TIME: Duration = Duration::from_millis(2_500);
/// The time that the outcomes of this process are waited for then.
const OWN_WRITER_TIME_MAX: Duration = Duration::from_secs(30);
/// A pass that left endpoints out is repeated after so many times its own duration.
const PASS_REST_FACTOR: u32 = 20;
/// Tries of a claim whose accounts change meanwhile.
const CLAIM_TRIES_MAX: usize = 3;

/// Claims and sends deliveries until the engine stops.
pub(crate) async fn dispatch(engine: Arc<Parts>, stop: CancellationToken) {
    let hot = HotConnection::new(&engine.db);
    Dispatcher { engine, hot, stop, next_pass: Instant::now() }.run().await;
}

struct Dispatcher {
    engine: Arc<Parts>,
    hot: HotConnection,
    stop: CancellationToken,
    /// No pass begins before this.
    next_pass: Instant,
}

/// The result of one pass through the queues.
#[derive(Default)]
struct Pass {
    /// Endpoints at which it claimed.
    visited: usize,
    /// Endpoints that it left out.
    left_out: usize,
    /// The duration of its look-ups.
    took: Duration,
}

impl Dispatcher {
    async fn run(mut self) {
        while !self.stop.is_cancelled() {
            let rest = match self.claim_all().await {
                Ok(rest) => rest,
                Err(error) => {
                    tracing::warn!(%error, "due deliveries could not be claimed; trying again");
                    self.recover().await;
                    Duration::ZERO
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.engine.wake.notified() => {}
                () = self.engine.lanes.freed.notified() => {}
                () = sleep(rest) => {}
            }
        }
    }

    /// Claims all due deliveries that have room. Returns the time until the next look.
    async fn claim_all(&mut self) -> Result<Duration> {
        loop {
            self.claim_requested().await?;
            if !self.may_claim() {
                return Ok(POLL_INTERVAL);
            }
            let now = Instant::now();
            if now < self.next_pass {
                return Ok(self.next_pass - now);
            }
            let pass = self.pass().await?;
            if pass.left_out > 0 {
                self.next_pass = Instant::now() + (pass.took * PASS_REST_FACTOR).min(POLL_INTERVAL);
            }
            if pass.visited == 0 {
                return self.until_next_due().await;
            }
        }
    }

    fn may_claim(&self) -> bool {
        !self.stop.is_cancelled() && self.engine.lanes.has_room()
    }

    /// Claims at endpoints whose lanes overflowed and have room again.
    async fn claim_requested(&mut self) -> Result<()> {
        let requested = if self.may_claim() { self.engine.lanes.claimable(BATCH_MAX) } else { Vec::new() };
        if !requested.is_empty() {
            self.claim(&requested).await?;
        }
        Ok(())
    }

    /// Claims once at each endpoint that has a delivery due.
    async fn pass(&mut self) -> Result<Pass> {
        let now = self.engine.clock.now();
        let (mut pass, mut after) = (Pass::default(), DueQueue::default());
        while self.may_claim() {
            let began = Instant::now();
            let page = answered(due_queues(&self.engine.db, now, after, BATCH_MAX)).await?;
            pass.took += began.elapsed();
            let Some(&last) = page.last() else { break };
            after = last;
            let with_room = self.engine.lanes.with_room(page.iter().map(DueQueue::address));
            pass.left_out += page.len() - with_room.len();
            if !with_room.is_empty() {
                pass.visited += self.claim(&with_room).await?;
            }
            if page.len() < BATCH_MAX {
                break;
            }
        }
        Ok(pass)
    }

    async fn claim(&mut self, due: &[Address]) -> Result<usize> {
        let (visited, claimed) = answered(claim_batch(&self.engine, &mut self.hot, due)).await?;
        for ready in claimed {
            ready.send(&self.engine);
        }
        Ok(visited)
    }

    async fn until_next_due(&self) -> Result<Duration> {
        let now = self.engine.clock.now();
        let due = answered(next_due(&self.engine.db, now)).await?;
        Ok(due.map_or(POLL_INTERVAL, |due| due.since(now).min(POLL_INTERVAL)))
    }

    /// Waits until the database answers again, and until the outcomes of the downtime are
    /// recorded, here and in other processes: leases that ran out may be theirs.
    async fn recover(&mut self) {
        self.hot.renew();
        let stop = self.stop.clone();
        stop.run_until_cancelled(async {
            sleep(RETRY_DELAY).await;
            while self.until_next_due().await.is_err() {
                sleep(RETRY_DELAY).await;
            }
            sleep(WRITERS_FIRST_TIME).await;
            let patience = Instant::now() + OWN_WRITER_TIME_MAX;
            while self.engine.lanes.owes_outcomes(self.engine.clock.now()) && Instant::now() < patience {
                sleep(RETRY_DELAY).await;
            }
        })
        .await;
    }
}

/// Returns the database's answer, or an error if it does not come in time.
async fn answered<T>(step: impl Future<Output = Result<T>>) -> Result<T> {
    let silent = || Error::from(sqlx::Error::Io(io::ErrorKind::TimedOut.into()));
    timeout(STEP_TIME_MAX, step).await.unwrap_or_else(|_| Err(silent()))
}

/// Claims a batch at these endpoints. Returns their number and the claimed deliveries.
pub(crate) async fn claim_batch(
    engine: &Parts,
    hot: &mut HotConnection,
    due: &[Address],
) -> Result<(usize, Vec<LeasedDelivery>)> {
    let mut due = due.to_vec();
    let accounts = distinct(due.iter().map(|&(account, _)| account));
    let mut snapshot = engine.endpoint_cache.cached(&engine.db, &accounts).await?;
    let mut drained = 0;
    for _ in 0..CLAIM_TRIES_MAX {
        let now = engine.clock.now();
        let step = drain_step(engine, hot, &due, &snapshot, now).await?;
        drained += step.visited;
        due.retain(|(_, endpoint)| !step.draining.contains(endpoint));
        let limits = engine.release_rates.limits(engine, &due, &snapshot, now).await?;
        if let Some((visited, ready)) = claim_by(engine, hot, &due, &snapshot, &limits).await? {
            return Ok((drained + visited, ready));
        }
        snapshot = engine.endpoint_cache.refresh(&engine.db, &accounts).await?;
    }
    Ok((drained, Vec::new()))
}

/// Claims by a snapshot. Returns `None`, and has changed nothing, if it is out of date.
async fn claim_by(
    engine: &Parts,
    hot: &mut HotConnection,
    due: &[Address],
    snapshot: &Snapshot,
    limits: &ClaimLimits,
) -> Result<Option<(usize, Vec<LeasedDelivery>)>> {
    let mut room = reserve(engine, due, snapshot, limits);
    let asked: Vec<_> = limits.keys().map(|&endpoint| (endpoint, slots_at(&room, endpoint))).collect();
    let endpoints: Vec<_> = due.iter().filter_map(|&address| due_at(address, &room)).collect();
    if endpoints.is_empty() {
        return Ok(Some((0, Vec::new())));
    }
    let now = engine.clock.now();
    let leased = Leased { lease: engine.new_lease(), until: now + engine.settings.lease };
    let order = ClaimOrder { accounts: snapshot.revisions(), endpoints, now, until: leased.until, lease: leased.lease };
    let Some(Claim { looked_at: visited, claimed, left }) = hot.claim(order).await? else { return Ok(None) };
    fault::point("after_claim");
    let ready: Vec<_> = claimed.into_iter().filter_map(|row| ready(row, snapshot, &mut room, leased)).collect();
    for (endpoint, most) in asked {
        engine.release_rates.claimed(endpoint, most, left.contains(&endpoint));
    }
    for (_, endpoint) in room.into_keys() {
        engine.lanes.claimed(endpoint, left.contains(&endpoint));
    }
    Ok(Some((visited, ready)))
}

/// Returns the quota of an endpoint that has room.
fn due_at(address: Address, room: &HashMap<Address, Reserved>) -> Option<ClaimQuota> {
    let (account, endpoint) = address;
    let reserved = room.get(&address)?;
    let limit = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Some(ClaimQuota { account, endpoint, most: limit(reserved.slots.len()), bytes: limit(reserved.bytes) })
}

/// Room for the due deliveries of one endpoint.
struct Reserved {
    slots: Vec<LaneSlot>,
    /// Bytes that the bodies may have together.
    bytes: usize,
}

/// Shares a batch evenly among endpoints: one with a long backlog takes no more than its
/// part from those with one retry each.
fn reserve(engine: &Parts, due: &[Address], snapshot: &Snapshot, limits: &ClaimLimits) -> HashMap<Address, Reserved> {
    let endpoints = due.len().max(1);
    let share = BATCH_MAX.div_ceil(endpoints);
    let reserve = |&(account, endpoint): &Address| {
        let view = snapshot.endpoint(account, endpoint)?;
        let (most, address) = (limits.get(&endpoint).map_or(share, |&most| share.min(most)), (account, endpoint));
        let (slots, bytes) = engine.lanes.reserve_to_claim(address, view.url(), most, endpoints);
        (!slots.is_empty()).then_some((address, Reserved { slots, bytes }))
    };
    due.iter().filter_map(reserve).collect()
}

/// Returns the number of slots that are reserved at an endpoint.
fn slots_at(room: &HashMap<Address, Reserved>, endpoint: EndpointId) -> usize {
    room.iter().filter(|((_, one), _)| *one == endpoint).map(|(_, reserved)| reserved.slots.len()).sum()
}

/// Puts a claimed delivery into a slot. Returns `None` if this process has it in hand
/// already, or it cannot be used.
fn ready(
    claim: Result<Claimed, UnreadableRow>,
    snapshot: &Snapshot,
    room: &mut HashMap<Address, Reserved>,
    leased: Leased,
) -> Option<LeasedDelivery> {
    let row = claim.map_err(|unreadable| report(&unreadable)).ok()?;
    let endpoint = Arc::clone(snapshot.endpoint(row.account_id, row.endpoint_id)?);
    let mut slot = room.get_mut(&(row.account_id, row.endpoint_id))?.slots.pop()?;
    let count = AttemptCounts { attempts: row.attempts, failures: row.failures };
    slot.take_in_hand(row.id, leased, count, row.body.len()).then(|| LeasedDelivery {
        account: row.account_id,
        id: row.id,
        endpoint,
        event_type: row.event_type,
        is_test: row.is_test,
        attempts: row.attempts,
        failures: row.failures,
        body: row.body.into(),
        slot,
    })
}

fn report(UnreadableRow { id, account_id, endpoint_id, reason }: &UnreadableRow) {
    tracing::error!(delivery = %id, account = %account_id, endpoint = %endpoint_id, %reason,
        "a delivery cannot be used, and is held");
}
