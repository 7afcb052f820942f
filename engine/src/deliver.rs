//! From an accepted event to a recorded outcome.
//!
//! Two tasks share the work. The **writer** stores waiting events in one commit and
//! sends what it stored on its way at once, already leased. The **dispatcher**
//! claims what falls due: retries, releases, and what a dead process left behind.
//! Both put deliveries into **lanes**, one for each endpoint, whose workers make
//! one attempt at each and give the outcome to the writer, which records it along
//! with the next events.

pub mod attempt;
mod commit;
pub(crate) mod endpoint_cache;
mod dispatcher;
pub mod ingest;
mod lanes;
mod readiness;
mod balances;
mod listener;
mod locked_accounts;
mod outcome;
mod release_rates;
mod request_queue;
pub(crate) mod plan;
mod reply;
pub(crate) mod drain;
mod verdict;
mod outcome_watchers;
mod writer;

use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use signet_model::{AccountId, DeliveryId, EndpointId, delivery::Attempt, event::EventType};
use tokio::time::{Instant, timeout};

use crate::{
    engine::{Parts, Settings},
    fault,
    outbound::LocalFault,
};

pub(crate) use endpoint_cache::Directory;
pub(crate) use dispatcher::dispatch;
pub(crate) use ingest::{Audience, Incoming, Queue};
pub(crate) use lanes::{AttemptResult, Count, Ended, Lanes, Leased, Limits, Place, SLOW, Slot, TestsUnderWay};
pub(crate) use readiness::LastCommit;
pub(crate) use balances::{Level, Report};
pub(crate) use listener::listen;
pub(crate) use outcome::{Finished, Judged, Turn};
pub(crate) use release_rates::Paces;
pub(crate) use request_queue::Entry;
pub(crate) use outcome_watchers::Waiters;
pub(crate) use writer::{Stops, write};
#[cfg(any(test, feature = "testing"))]
pub(crate) use {
    commit::{Changes, commit_batch},
    dispatcher::claim_batch,
};

use attempt::Request;
use endpoint_cache::{Door, EndpointView, Target};

/// A delivery that this process has leased, with a place in its endpoint's lane.
pub(crate) struct Ready {
    pub(crate) account: AccountId,
    pub(crate) id: DeliveryId,
    pub(crate) endpoint: Arc<EndpointView>,
    pub(crate) event_type: EventType,
    pub(crate) is_test: bool,
    /// Attempts made so far.
    pub(crate) attempts: i32,
    /// Those that failed in this round.
    pub(crate) failures: i32,
    pub(crate) body: Bytes,
    /// With the lease. Given back once the outcome is in the writer's hands.
    pub(crate) place: Place,
}

impl Ready {
    /// Attempts the delivery in a task, as soon as it is its turn.
    pub(crate) fn send(self, engine: &Arc<Parts>) {
        if let Some(ready) = engine.lanes.enter(self) {
            ready.start(engine);
        }
    }

    fn start(self, engine: &Arc<Parts>) {
        engine.attempts.spawn(work(Arc::clone(engine), self));
    }

    /// Whether its lease lasts for an attempt, and half of the margin to record
    /// it. What waited too long is left to fall due again.
    fn is_leased(&self, engine: &Parts) -> bool {
        let budget = engine.settings.budget;
        let ends_at = engine.clock.now() + budget + Settings::lease_margin(budget) / 2;
        self.place.leased().is_some_and(|leased| ends_at <= leased.until)
    }

    /// Attempts it, and returns how that ended; or gives it back where its endpoint
    /// has been closed since it was leased, or this process is to stop.
    async fn take_turn(mut self, engine: &Arc<Parts>, slot: &mut Slot) -> Option<Ended> {
        if !self.is_leased(engine) {
            return None;
        }
        let door = engine.directory.door(self.account, self.endpoint.id, self.is_test);
        let closed = engine.quit.is_cancelled() || matches!(door, Door::Closed);
        if let Door::Open(view) = door {
            self.endpoint = view;
        }
        let (false, Ok(target)) = (closed, self.endpoint.target.clone()) else {
            let now = engine.clock.now();
            self.finish(engine, Turn::GivenBack(now)).await;
            return None;
        };
        let start = Instant::now();
        match self.attempt(engine, &target, slot).await {
            Ok(attempt) => {
                let at = Instant::now();
                let ended = Ended { at, took: at - start, result: AttemptResult::of(&attempt) };
                self.finish(engine, Turn::Attempted(attempt)).await;
                Some(ended)
            }
            Err(fault) => {
                tracing::debug!(%fault, "an attempt could not be made, and is not counted");
                let later = engine.clock.now() + engine.lanes.brake(fault);
                self.finish(engine, Turn::GivenBack(later)).await;
                None
            }
        }
    }

    /// Makes the attempt. One that takes long hangs, and leaves its slot to another.
    async fn attempt(&mut self, engine: &Arc<Parts>, target: &Target, slot: &mut Slot) -> Result<Attempt, LocalFault> {
        let request = Request {
            id: self.id,
            url: Arc::clone(&target.url),
            keys: target.keys_at(engine.clock.now()),
            event_type: self.event_type,
            is_test: self.is_test,
            number: u32::try_from(self.attempts.saturating_add(1)).unwrap_or(1),
            body: std::mem::take(&mut self.body),
        };
        let mut attempt = pin!(attempt::attempt(&engine.client, engine.clock.as_ref(), request));
        let made = loop {
            if let Ok(made) = timeout(SLOW, &mut attempt).await {
                break made;
            }
            if let Some(turns) = engine.lanes.hang(slot) {
                start_all(turns, engine);
                break attempt.await;
            }
        };
        fault::point("after_send");
        made
    }

    /// Keeps its place until the writer has taken the outcome: a writer that cannot
    /// keep up slows claiming down. Where it has stopped, the lease runs out and
    /// the delivery falls due again.
    async fn finish(self, engine: &Parts, turn: Turn) {
        let finished = Finished {
            account: self.account,
            endpoint: self.endpoint.id,
            delivery: self.id,
            is_test: self.is_test,
            place: self.place,
            attempts: self.attempts,
            failures: self.failures,
            turn,
        };
        let mut judged = Judged::new(engine, finished);
        if judged.disables() {
            engine.directory.close(self.endpoint.id);
        }
        if let Ok(writer) = engine.finished.reserve().await {
            judged.vacate();
            writer.send(judged);
        }
    }
}

/// Attempts a delivery, and then those whose turn it is, until none is left.
async fn work(engine: Arc<Parts>, first: Ready) {
    let mut next = Some(first);
    while let Some(ready) = next {
        let mut slot = ready.place.slot();
        let ended = ready.take_turn(&engine, &mut slot).await;
        let mut turns = engine.lanes.next(&slot, ended);
        next = turns.pop();
        start_all(turns, &engine);
    }
}

fn start_all(turns: Vec<Ready>, engine: &Arc<Parts>) {
    for ready in turns {
        ready.start(engine);
    }
}

/// Distinct values, sorted.
fn distinct<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// An endpoint of an account.
type Address = (AccountId, EndpointId);
