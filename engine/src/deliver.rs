//! From an accepted event to a recorded outcome.
//!
//! Three tasks share the work. The **ingester** stores waiting events in one
//! commit and sends what it stored on its way at once, already leased. The
//! **dispatcher** claims what falls due: retries, releases, and what a dead
//! process left behind. Each delivery is one task that makes one attempt and
//! gives the outcome to the **recorder**, which writes outcomes in batches.

pub mod attempt;
pub(crate) mod directory;
mod dispatcher;
pub mod ingest;
mod listener;
mod recorder;
mod slots;
mod verdict;

use std::sync::Arc;

use bytes::Bytes;
use signet_model::{AccountId, DeliveryId, EndpointId, event::EventType};

use crate::{engine::Parts, fault, queue::Lease};

pub(crate) use directory::Directory;
pub(crate) use dispatcher::dispatch;
pub(crate) use ingest::{Audience, Incoming, Request as IngestRequest, WAITING, admit, ingest_waiting};
pub(crate) use listener::listen;
pub(crate) use recorder::{Finished, record};
pub(crate) use slots::{Slot, Slots};

use attempt::Request;
use directory::EndpointView;

/// A delivery that this process holds a lease of, with a slot to attempt it in.
pub(crate) struct Ready {
    pub(crate) account: AccountId,
    pub(crate) id: DeliveryId,
    pub(crate) endpoint: Arc<EndpointView>,
    pub(crate) event_type: EventType,
    pub(crate) is_test: bool,
    pub(crate) lease: Lease,
    /// Attempts made so far.
    pub(crate) attempts: i32,
    /// Those that failed in this round.
    pub(crate) failures: i32,
    pub(crate) body: Bytes,
    pub(crate) slot: Slot,
}

impl Ready {
    /// Attempts the delivery in a task of its own.
    pub(crate) fn send(self, engine: &Arc<Parts>) {
        let engine = Arc::clone(engine);
        let tracker = engine.attempts.clone();
        tracker.spawn(async move { self.attempt(&engine).await });
    }

    async fn attempt(self, engine: &Parts) {
        let now = engine.clock.now();
        let request = Request {
            id: self.id,
            url: Arc::clone(&self.endpoint.url),
            keys: self.endpoint.keys_at(now),
            event_type: self.event_type,
            is_test: self.is_test,
            number: u32::try_from(self.attempts + 1).unwrap_or(1),
            body: self.body,
        };
        let attempt = attempt::attempt(&engine.client, engine.clock.as_ref(), request).await;
        fault::point("after_send");
        let finished = Finished {
            account: self.account,
            endpoint: self.endpoint.id,
            delivery: self.id,
            is_test: self.is_test,
            lease: self.lease,
            failures: self.failures,
            attempt,
        };
        // The slot is kept until the recorder has taken the outcome: a recorder
        // that cannot keep up slows claiming down. Where it has stopped, the
        // lease runs out and the delivery falls due again.
        let _ = engine.finished.send(finished).await;
        drop(self.slot);
    }
}

/// Distinct values, in order of first appearance being irrelevant.
fn distinct<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// An endpoint of an account.
type Place = (AccountId, EndpointId);
