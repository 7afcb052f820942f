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
pub(crate) mod directory;
mod dispatcher;
pub mod ingest;
mod lanes;
mod last_commit;
mod levels;
mod listener;
mod locked;
mod outcome;
mod pending;
pub(crate) mod plan;
mod reply;
mod verdict;
mod waiters;
mod writer;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp, delivery::Attempt, event::EventType};
use tokio::time::Instant;

use crate::{
    engine::{Parts, Settings},
    fault,
    outbound::LocalFault,
    queue::Lease,
};

pub(crate) use directory::Directory;
pub(crate) use dispatcher::dispatch;
pub(crate) use ingest::{Audience, Incoming, Queue};
pub(crate) use lanes::{Lanes, Limits, Place};
pub(crate) use last_commit::LastCommit;
pub(crate) use levels::{Level, Report};
pub(crate) use listener::listen;
pub(crate) use outcome::{Finished, Judged, Turn};
pub(crate) use pending::Entry;
pub(crate) use waiters::Waiters;
pub(crate) use writer::{Stops, write};
#[cfg(any(test, feature = "testing"))]
pub(crate) use {
    commit::{Changes, commit_batch},
    dispatcher::claim_batch,
};

use attempt::Request;
use directory::{Door, EndpointView, Target};

/// When a delivery falls due again that was given back for a fault of this side.
const AFTER_LOCAL_FAULT: Duration = Duration::from_secs(1);

/// A delivery that this process has leased, with a place in its endpoint's lane.
pub(crate) struct Ready {
    pub(crate) account: AccountId,
    pub(crate) id: DeliveryId,
    pub(crate) endpoint: Arc<EndpointView>,
    pub(crate) event_type: EventType,
    pub(crate) is_test: bool,
    pub(crate) lease: Lease,
    pub(crate) leased_until: Timestamp,
    /// Attempts made so far.
    pub(crate) attempts: i32,
    /// Those that failed in this round.
    pub(crate) failures: i32,
    pub(crate) body: Bytes,
    /// Given back once the outcome is in the writer's hands.
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
        engine.clock.now() + budget + Settings::lease_margin(budget) / 2 <= self.leased_until
    }

    /// Attempts it, and returns how long that took; or gives it back where its endpoint
    /// has been closed since it was leased, or this process is to stop.
    async fn take_turn(mut self, engine: &Parts) -> Option<Duration> {
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
        match self.attempt(engine, &target).await {
            Ok(attempt) => {
                let took = start.elapsed();
                self.finish(engine, Turn::Attempted(attempt)).await;
                Some(took)
            }
            Err(fault) => {
                tracing::warn!(%fault, "an attempt could not be made, and is not counted");
                let later = engine.clock.now() + AFTER_LOCAL_FAULT;
                self.finish(engine, Turn::GivenBack(later)).await;
                None
            }
        }
    }

    async fn attempt(&mut self, engine: &Parts, target: &Target) -> Result<Attempt, LocalFault> {
        let request = Request {
            id: self.id,
            url: Arc::clone(&target.url),
            keys: target.keys_at(engine.clock.now()),
            event_type: self.event_type,
            is_test: self.is_test,
            number: u32::try_from(self.attempts.saturating_add(1)).unwrap_or(1),
            body: std::mem::take(&mut self.body),
        };
        let attempt = attempt::attempt(&engine.client, engine.clock.as_ref(), request).await;
        fault::point("after_send");
        attempt
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
            lease: self.lease,
            attempts: self.attempts,
            failures: self.failures,
            turn,
        };
        let judged = Judged::new(engine, finished);
        if judged.disables() {
            engine.directory.close(self.endpoint.id);
        }
        let _ = engine.finished.send(judged).await;
        drop(self.place);
    }
}

/// Attempts a delivery, and then those whose turn it is, until none is left.
async fn work(engine: Arc<Parts>, first: Ready) {
    let mut next = Some(first);
    while let Some(ready) = next {
        let endpoint = ready.endpoint.id;
        let took = ready.take_turn(&engine).await;
        let mut turns = engine.lanes.next(endpoint, took);
        next = turns.pop();
        for ready in turns {
            ready.start(&engine);
        }
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
