//! Claims what falls due, never more than there is room for in the lanes.
//!
//! It passes through the queues of endpoints in the order in which they fall due, page
//! by page, and leaves out endpoints of which enough is in hand: those tell by
//! themselves when there is room. A pass costs no more than the queues that are due,
//! and one that had to leave some out is not repeated at once.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use signet_model::EndpointId;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Address, Count, Leased, Place, Ready, endpoint_cache::Views, distinct, release_rates::Limits, drain::take_step};
use crate::{
    engine::Parts,
    fault,
    queue::{Claim, ClaimOrder, Claimed, Due, DueQueue, HotConnection, Unread, due_queues, next_due},
    store::{Error, Result},
};

/// The most deliveries claimed in one transaction, and the most endpoints.
const BATCH: usize = 512;
/// How long to sleep at most: wake-ups from other processes are only hints.
const POLL: Duration = Duration::from_secs(1);
/// How long to wait after the database failed.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the database may take for each step: the server may be gone without a word.
/// Whatever has been claimed by then falls due again.
const STEP_LIMIT: Duration = Duration::from_secs(30);
/// How long nothing is claimed after the database was away: a little longer than the
/// longest pause of the writers, so that what they still have to record comes first.
const WRITERS_FIRST: Duration = Duration::from_millis(2_500);
/// How long the outcomes of this process are waited for then.
const OWN_WRITER_LIMIT: Duration = Duration::from_secs(30);
/// A pass that left endpoints out is repeated after so many times what it took.
const REST_AFTER_PASS: u32 = 20;
/// How often a claim looks at accounts again that change all the time.
const LOOKS: usize = 3;

/// Claims and sends until told to stop.
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

/// What one pass through the queues came to.
#[derive(Default)]
struct Pass {
    /// How many endpoints were claimed at.
    looked_at: usize,
    /// How many were left out.
    left_out: usize,
    /// How long the look-ups took.
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

    /// Claims what is due and has room; returns for how long there is nothing to do.
    async fn claim_all(&mut self) -> Result<Duration> {
        loop {
            self.claim_called().await?;
            if !self.may_claim() {
                return Ok(POLL);
            }
            let now = Instant::now();
            if now < self.next_pass {
                return Ok(self.next_pass - now);
            }
            let pass = self.pass().await?;
            if pass.left_out > 0 {
                self.next_pass = Instant::now() + (pass.took * REST_AFTER_PASS).min(POLL);
            }
            if pass.looked_at == 0 {
                return self.until_next_due().await;
            }
        }
    }

    fn may_claim(&self) -> bool {
        !self.stop.is_cancelled() && self.engine.lanes.has_room()
    }

    /// Claims at endpoints whose lanes overflowed and have room again.
    async fn claim_called(&mut self) -> Result<()> {
        let called = if self.may_claim() { self.engine.lanes.claimable(BATCH) } else { Vec::new() };
        if !called.is_empty() {
            self.claim(&called).await?;
        }
        Ok(())
    }

    /// Claims at each endpoint that has something due by now, once.
    async fn pass(&mut self) -> Result<Pass> {
        let now = self.engine.clock.now();
        let (mut pass, mut after) = (Pass::default(), DueQueue::default());
        while self.may_claim() {
            let began = Instant::now();
            let page = answered(due_queues(&self.engine.db, now, after, BATCH)).await?;
            pass.took += began.elapsed();
            let Some(&last) = page.last() else { break };
            after = last;
            let with_room = self.engine.lanes.with_room(page.iter().map(DueQueue::address));
            pass.left_out += page.len() - with_room.len();
            if !with_room.is_empty() {
                pass.looked_at += self.claim(&with_room).await?;
            }
            if page.len() < BATCH {
                break;
            }
        }
        Ok(pass)
    }

    async fn claim(&mut self, due: &[Address]) -> Result<usize> {
        let (looked_at, claimed) = answered(claim_batch(&self.engine, &mut self.hot, due)).await?;
        for ready in claimed {
            ready.send(&self.engine);
        }
        Ok(looked_at)
    }

    async fn until_next_due(&self) -> Result<Duration> {
        let now = self.engine.clock.now();
        let due = answered(next_due(&self.engine.db, now)).await?;
        Ok(due.map_or(POLL, |due| due.since(now).min(POLL)))
    }

    /// Waits until the database answers again, and then for outcomes that could not be
    /// recorded meanwhile: leases that ran out may be theirs, here or in another process.
    async fn recover(&mut self) {
        self.hot.renew();
        let stop = self.stop.clone();
        stop.run_until_cancelled(async {
            sleep(PAUSE).await;
            while self.until_next_due().await.is_err() {
                sleep(PAUSE).await;
            }
            sleep(WRITERS_FIRST).await;
            let patience = Instant::now() + OWN_WRITER_LIMIT;
            while self.engine.lanes.owes_outcomes(self.engine.clock.now()) && Instant::now() < patience {
                sleep(PAUSE).await;
            }
        })
        .await;
    }
}

/// The database's answer, or an error if there is none in time.
async fn answered<T>(step: impl Future<Output = Result<T>>) -> Result<T> {
    let silent = || Error::from(sqlx::Error::Io(io::ErrorKind::TimedOut.into()));
    timeout(STEP_LIMIT, step).await.unwrap_or_else(|_| Err(silent()))
}

/// Claims a batch at these endpoints; returns at how many, and what is to be attempted.
pub(crate) async fn claim_batch(
    engine: &Parts,
    hot: &mut HotConnection,
    due: &[Address],
) -> Result<(usize, Vec<Ready>)> {
    let mut due = due.to_vec();
    let accounts = distinct(due.iter().map(|&(account, _)| account));
    let mut views = engine.directory.known(&engine.db, &accounts).await?;
    let mut settled = 0;
    for _ in 0..LOOKS {
        let now = engine.clock.now();
        let step = take_step(engine, hot, &due, &views, now).await?;
        settled += step.looked_at;
        due.retain(|(_, endpoint)| !step.unsettled.contains(endpoint));
        let limits = engine.paces.limits(engine, &due, &views, now).await?;
        if let Some((looked_at, ready)) = claim_by(engine, hot, &due, &views, &limits).await? {
            return Ok((settled + looked_at, ready));
        }
        views = engine.directory.learn(&engine.db, &accounts).await?;
    }
    Ok((settled, Vec::new()))
}

/// Claims, as long as endpoints are as these views show them. `None`, and nothing is
/// changed, if they are not.
async fn claim_by(
    engine: &Parts,
    hot: &mut HotConnection,
    due: &[Address],
    views: &Views,
    limits: &Limits,
) -> Result<Option<(usize, Vec<Ready>)>> {
    let mut room = reserve(engine, due, views, limits);
    let asked: Vec<_> = limits.keys().map(|&endpoint| (endpoint, places_at(&room, endpoint))).collect();
    let endpoints: Vec<_> = due.iter().filter_map(|&address| due_at(address, &room)).collect();
    if endpoints.is_empty() {
        return Ok(Some((0, Vec::new())));
    }
    let now = engine.clock.now();
    let leased = Leased { lease: engine.new_lease(), until: now + engine.settings.lease };
    let order = ClaimOrder { accounts: views.revisions(), endpoints, now, until: leased.until, lease: leased.lease };
    let Some(Claim { looked_at, claimed, left }) = hot.claim(order).await? else { return Ok(None) };
    fault::point("after_claim");
    let ready: Vec<_> = claimed.into_iter().filter_map(|row| ready(row, views, &mut room, leased)).collect();
    for (endpoint, most) in asked {
        engine.paces.claimed(endpoint, most, left.contains(&endpoint));
    }
    for (_, endpoint) in room.into_keys() {
        engine.lanes.claimed(endpoint, left.contains(&endpoint));
    }
    Ok(Some((looked_at, ready)))
}

/// What may be claimed at an endpoint; nothing where there is no room for what is due.
fn due_at(address: Address, room: &HashMap<Address, Reserved>) -> Option<Due> {
    let (account, endpoint) = address;
    let reserved = room.get(&address)?;
    let limit = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Some(Due { account, endpoint, most: limit(reserved.places.len()), bytes: limit(reserved.bytes) })
}

/// Room for what one endpoint has due.
struct Reserved {
    places: Vec<Place>,
    /// The most bytes that the bodies may have.
    bytes: usize,
}

/// Shares a batch out evenly: an endpoint with a long backlog does not take the
/// turn of those with one retry each.
fn reserve(engine: &Parts, due: &[Address], views: &Views, limits: &Limits) -> HashMap<Address, Reserved> {
    let endpoints = due.len().max(1);
    let share = BATCH.div_ceil(endpoints);
    let reserve = |&(account, endpoint): &Address| {
        let view = views.endpoint(account, endpoint)?;
        let (most, address) = (limits.get(&endpoint).map_or(share, |&most| share.min(most)), (account, endpoint));
        let (places, bytes) = engine.lanes.reserve_to_claim(address, view.url(), most, endpoints);
        (!places.is_empty()).then_some((address, Reserved { places, bytes }))
    };
    due.iter().filter_map(reserve).collect()
}

/// How many places are reserved at an endpoint.
fn places_at(room: &HashMap<Address, Reserved>, endpoint: EndpointId) -> usize {
    room.iter().filter(|((_, one), _)| *one == endpoint).map(|(_, reserved)| reserved.places.len()).sum()
}

/// What is to be attempted of a row; nothing if this process has the delivery in hand
/// already.
fn ready(
    claim: Result<Claimed, Unread>,
    views: &Views,
    room: &mut HashMap<Address, Reserved>,
    leased: Leased,
) -> Option<Ready> {
    let row = claim.map_err(|unread| report(&unread)).ok()?;
    let endpoint = Arc::clone(views.endpoint(row.account_id, row.endpoint_id)?);
    let mut place = room.get_mut(&(row.account_id, row.endpoint_id))?.places.pop()?;
    let count = Count { attempts: row.attempts, failures: row.failures };
    place.hold(row.id, leased, count, row.body.len()).then(|| Ready {
        account: row.account_id,
        id: row.id,
        endpoint,
        event_type: row.event_type,
        is_test: row.is_test,
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
