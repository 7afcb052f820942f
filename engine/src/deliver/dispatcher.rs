//! Claims the deliveries that fall due, never more than the lanes have room for.
//!
//! A pass goes through the queues of endpoints in the order in which they fall due, page by
//! page. It leaves out endpoints that have enough in hand: their lanes request a claim once
//! they have room. A pass costs no more than the queues that are due, and one that left some
//! out is not repeated at once.

use std::{io, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{
    Address, Context,
    busy::Busy,
    claim::{BATCH_MAX, claim_batch},
    emptied::Emptied,
    pass_start::PassStart,
};
use crate::{
    db::{Error, Result},
    fault,
    queue::{DueQueue, HotPath, Queue},
};

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
/// A pass that left endpoints out is repeated after so many times its own duration.
const PASS_REST_FACTOR: u32 = 20;

/// Claims and sends deliveries until the engine stops.
pub(super) async fn dispatch(context: Arc<Context>) {
    let queue = context.queue.clone();
    let (start, emptied, busy) = (PassStart::new(), Emptied::default(), Busy::new());
    Dispatcher { context, queue, next_pass: Instant::now(), start, emptied, busy }.run().await;
}

struct Dispatcher {
    context: Arc<Context>,
    queue: Queue,
    /// No pass begins before this.
    next_pass: Instant,
    start: PassStart,
    emptied: Emptied,
    busy: Busy,
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
        while !self.context.shutdown.begun.is_cancelled() {
            fault::point("dispatcher_round");
            self.context.rounds.dispatcher_begins();
            let rest = match self.claim_all().await {
                Ok(rest) => rest,
                Err(error) => {
                    if !self.context.trouble.report(&error) {
                        tracing::warn!(%error, "due deliveries could not be claimed; trying again");
                    }
                    self.recover().await;
                    Duration::ZERO
                }
            };
            tokio::select! {
                () = self.context.shutdown.begun.cancelled() => {}
                () = self.context.wake.notified() => {}
                () = self.context.lanes.freed.notified() => {}
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
        !self.context.shutdown.begun.is_cancelled() && self.context.lanes.has_room()
    }

    /// Claims at endpoints whose lanes overflowed and have room again.
    async fn claim_requested(&mut self) -> Result<()> {
        let requested = if self.may_claim() { self.context.lanes.claimable(BATCH_MAX) } else { Vec::new() };
        if !requested.is_empty() {
            self.claim(&requested).await?;
        }
        Ok(())
    }

    /// Claims once at each endpoint that has a delivery due.
    async fn pass(&mut self) -> Result<Pass> {
        let now = self.context.clock.now();
        let (mut pass, mut after, mut first) = (Pass::default(), self.start.place(now), None);
        self.emptied.forget_old();
        while self.may_claim() {
            self.context.rounds.dispatcher_begins();
            let began = Instant::now();
            let page = answered(self.queue.due_queues(now, after, BATCH_MAX)).await?;
            pass.took += began.elapsed();
            first = first.or_else(|| page.first().map(DueQueue::next_due_at));
            if page.len() < BATCH_MAX {
                self.start.passed(now, first, pass.took);
            }
            let Some(&last) = page.last() else { break };
            after = last;
            let due: Vec<_> = page.iter().map(DueQueue::address).filter(|address| self.emptied.lets(address)).collect();
            let with_room = self.context.lanes.with_room(due.iter().copied());
            pass.left_out += due.len() - with_room.len();
            if !with_room.is_empty() {
                let (visited, left_out) = self.claim(&with_room).await?;
                pass.visited += visited;
                pass.left_out += left_out;
            }
            if page.len() < BATCH_MAX {
                break;
            }
        }
        Ok(pass)
    }

    /// Claims at due endpoints, and returns how many it visited, and how many it left out.
    async fn claim(&mut self, due: &[Address]) -> Result<(usize, usize)> {
        let claimed = answered(claim_batch(&self.context, &mut self.queue, due, &self.busy)).await?;
        self.emptied.note(claimed.emptied);
        self.busy.note(claimed.deliveries.iter().map(|delivery| delivery.endpoint.id));
        for delivery in claimed.deliveries {
            delivery.send(&self.context);
        }
        Ok((claimed.endpoints, claimed.left_out))
    }

    async fn until_next_due(&self) -> Result<Duration> {
        let now = self.context.clock.now();
        let due = answered(self.queue.next_due(now)).await?;
        let due = due.map_or(POLL_INTERVAL, |due| due.since(now).min(POLL_INTERVAL));
        Ok(self.emptied.until_next().map_or(due, |again| due.min(again)))
    }

    /// Waits until the database answers again, and until other processes have recorded their
    /// outcomes of the downtime: leases that ran out may be theirs.
    async fn recover(&mut self) {
        self.queue.renew();
        let begun = self.context.shutdown.begun.clone();
        begun
            .run_until_cancelled(async {
                sleep(RETRY_DELAY).await;
                while self.until_next_due().await.is_err() {
                    self.context.rounds.dispatcher_begins();
                    sleep(RETRY_DELAY).await;
                }
                sleep(WRITERS_FIRST_TIME).await;
            })
            .await;
    }
}

/// Returns the database's answer, or an error if it does not come in time.
async fn answered<T>(step: impl Future<Output = Result<T>>) -> Result<T> {
    let silent = || Error::from(sqlx::Error::Io(io::ErrorKind::TimedOut.into()));
    timeout(STEP_TIME_MAX, step).await.unwrap_or_else(|_| Err(silent()))
}
