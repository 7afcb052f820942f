//! The figures of this moment, read when a monitoring system asks: from memory, and two bounded
//! statements for the queue that all processes share.

use std::{sync::Arc, time::Duration};

use const_format::formatcp;
use signet_model::Timestamp;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{
    Service,
    health::{DUE, QUEUED},
};
use crate::{
    db::{self, Pool},
    metrics::{self, Room},
};

/// The deliveries that are counted.
pub(crate) const PENDING_MAX: u32 = 100_000;
/// The due queues that are looked at, those that have been due longest.
pub(crate) const QUEUES: u32 = 1_000;
/// The time that an answer waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time for which the figures of the queue count as those of this moment, however often
/// somebody asks.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// The instant at which the oldest delivery was due that may be sent by now (`$1`), by the first
/// `$2` due queues. A queue is put off while its receiver rests or its account is suspended.
pub(crate) const OLDEST_DUE: &str = formatcp!(
    "SELECT min(at) FROM (SELECT {DUE} FROM
       (SELECT endpoint_id FROM endpoint_queues WHERE next_due_at <= $1 ORDER BY next_due_at LIMIT $2) AS q) AS first
     WHERE at <= $1"
);

/// The instant at which the figures of the queue were last read. Whoever reads them holds it.
#[derive(Debug, Default)]
pub(crate) struct QueueFigures(Mutex<Option<Instant>>);

/// Sets all gauges to what is now. Takes no longer than two seconds, however slow the database
/// is, and tells by a gauge of its own whether that has answered.
pub(crate) async fn set(service: &Arc<Service>) {
    let Some(room) = metrics::room() else { return };
    for (slot, used, limit) in service.delivery.lanes.slots() {
        room.slots_used.of(slot).set(figure(used));
        room.slots_limit.of(slot).set(figure(limit));
    }
    let (waiting, limit) = service.delivery.requests.waiting();
    room.requests_waiting.set(figure(waiting));
    room.requests_limit.set(figure(limit));
    room.pending_limit.set(PENDING_MAX);
    let is_up = match timeout(PATIENCE, service.queue_figures.read(service, room)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::debug!(%error, "the figures of the queue could not be read");
            false
        }
        Err(_) => false,
    };
    room.database_up.set(if is_up { 1.0 } else { 0.0 });
    if !is_up {
        // What was read before is not true any more.
        room.pending.set(f64::NAN);
        room.oldest_due.set(f64::NAN);
    }
}

/// No count here reaches the 2^53 up to which a float tells whole numbers.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
const fn figure(count: usize) -> f64 {
    count as f64
}

impl QueueFigures {
    async fn read(&self, service: &Service, room: &Room) -> db::Result<()> {
        let mut read_at = self.0.lock().await;
        if read_at.is_some_and(|at| at.elapsed() < FRESH_FOR) {
            return Ok(());
        }
        *read_at = None;
        let queue = queue(service).await?;
        room.pending.set(figure(queue.pending));
        room.oldest_due.set(queue.oldest_due_for.as_secs_f64());
        *read_at = Some(Instant::now());
        Ok(())
    }
}

/// What waits for all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Queue {
    /// Deliveries that wait or are being sent, counted up to the limit.
    pending: usize,
    /// The time since the oldest that may be sent now was due.
    oldest_due_for: Duration,
}

async fn queue(service: &Service) -> db::Result<Queue> {
    let mut conn = service.db.read(Pool::Pages).await?;
    let pending: i64 = conn.query(QUEUED).bind(i64::from(PENDING_MAX)).fetch_value().await?;
    let now = service.clock.now();
    let oldest: Option<Timestamp> = conn.query(OLDEST_DUE).bind(now).bind(i64::from(QUEUES)).fetch_value().await?;
    Ok(Queue {
        pending: usize::try_from(pending).unwrap_or_default(),
        oldest_due_for: oldest.map_or(Duration::ZERO, |at| now.since(at)),
    })
}

#[cfg(test)]
mod tests;
