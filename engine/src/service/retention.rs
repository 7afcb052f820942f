//! Retention: removes first the bodies and headers of old events, and later their rows.
//!
//! Only closed events are touched: an event goes when none of its deliveries is
//! pending or held. It goes together with all of them, and their attempts, in one
//! transaction. The events of each account are looked through in the order of their ids, which
//! is that of time, a few at a time with pauses in between. A resend or a release, which open
//! a closed delivery again, are kept out meanwhile by the lock of its account.
//! On PostgreSQL attempts are not deleted where their whole [partition](partitions) is too old.

mod expiry;
mod partitions;
mod statistics;
mod sweep_clock;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use sweep_clock::newest_event;
#[cfg(any(test, feature = "testing"))]
pub(crate) use sweep_clock::record as believe;

#[cfg(test)]
pub(super) use {
    expiry::{ANSWERS, BALANCES, INVITATIONS, KEYS, PORTAL_LINKS, RESENDS, RESETS, SESSIONS},
    partitions::HAVE_DELIVERIES,
    statistics::{HAVE_OLD, REMOVE},
};

use std::{sync::Arc, time::Duration};

use signet_model::{AccountId, EventId, Timestamp};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Service,
    removal::{Concerned, Leaving, Removed, deliveries_of, remove, strip},
    statistics::merge_parts,
};
use crate::{
    db::{Result, Tx},
    fault,
    queue::Lock,
};
use walk::Walks;

/// The time for which an idempotency key is honoured.
pub const KEEP_KEYS: Duration = Duration::from_hours(24);

/// The time between two sweeps.
const PERIOD: Duration = Duration::from_hours(1);
/// The number of sweeps after which bodies are looked for among all events again, and not only
/// among those that have become old since: held deliveries can be closed by now.
const ROUNDS_TO_START_OVER: u32 = 24;
/// The time between the start and the first sweep, in which a person can stop the process if
/// the log tells that the clock is wrong, or too little is kept.
pub(crate) const FIRST_AFTER: Duration = Duration::from_mins(5);
/// The number up to which the events that are about to be removed are counted for the log.
const ANNOUNCED: usize = 10_000;
/// The number of events that change in one transaction.
const BATCH: usize = 200;
/// The rest that all other work gets between two transactions.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// The events that a sweep has removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Whole events.
    pub removed: Removed,
    /// The number of events that lost their bodies.
    pub bodies: u64,
}

impl std::ops::AddAssign for Swept {
    fn add_assign(&mut self, more: Self) {
        self.removed += more.removed;
        self.bodies += more.bodies;
    }
}

/// The extent of a sweep.
#[derive(Debug, Clone, Copy)]
enum Depth<'l> {
    /// Bodies and headers.
    Bodies,
    /// Whole rows, but for the attempts that leave with their partition.
    Rows(&'l Leaving),
}

const FIRST: EventId = EventId::from_uuid(Uuid::nil());

/// Sweeps every hour until told to stop, for the first time after a while.
pub(crate) async fn sweep_hourly(service: Arc<Service>, first_after: Duration, stop: CancellationToken) {
    let sweeping = async {
        // Before the first attempts of a day that has no partition.
        tell_of_partitions(&service, partitions::make_first(&service).await);
        tokio::time::sleep(first_after).await;
        if let Err(error) = announce(&service).await
            && !service.delivery.trouble.report(&error)
        {
            tracing::warn!(%error, "it is not known yet how much is old");
        }
        let mut stripped = FIRST;
        for round in (0..ROUNDS_TO_START_OVER).cycle() {
            if round == 0 {
                stripped = FIRST;
            }
            match sweep(&service, &mut stripped).await {
                Ok(Swept { removed, bodies }) if removed.events + bodies > 0 => {
                    tracing::info!(events = removed.events, bodies, "old events removed");
                }
                Ok(_) => {}
                Err(error) if service.delivery.trouble.report(&error) => {}
                Err(error) => tracing::warn!(%error, "old events could not be removed; trying again later"),
            }
            tokio::time::sleep(PERIOD).await;
        }
    };
    stop.run_until_cancelled(sweeping).await;
}

/// Logs that partitions could not be made. Nothing else waits for them.
fn tell_of_partitions(service: &Service, made: Result<()>) {
    if let Err(error) = made
        && !service.delivery.trouble.report(&error)
    {
        tracing::warn!(%error, "partitions could not be made; trying again later");
    }
}

/// Logs the number of events that the first sweep will remove.
async fn announce(service: &Service) -> Result<()> {
    let now = sweep_clock::look(service).await?;
    let rows = partitions::first_kept(service, limits(service, now).0).await?;
    let (mut events, mut walks) = (0, Walks::default());
    while let Some(walk) = walks.next(service).await? {
        events += walk.count(service, rows).await?;
        if events >= ANNOUNCED {
            break;
        }
    }
    let more = if events >= ANNOUNCED { " or more" } else { "" };
    let before = limit_of(service.settings.keep_deliveries.max(KEEP_KEYS), now);
    tracing::info!("{events}{more} events, accepted before {before}, are about to be removed");
    Ok(())
}

/// Removes old rows and bodies, as a started engine does by itself.
pub(crate) async fn sweep_all(service: &Service) -> Result<Swept> {
    sweep(service, &mut { FIRST }).await
}

/// Removes old rows and bodies. Bodies up to `stripped` are known to be gone; the events that
/// are looked through now are added to it.
async fn sweep(service: &Service, stripped: &mut EventId) -> Result<Swept> {
    // One process at a time.
    let Some(mut turn) = sweep_clock::turn(service).await? else { return Ok(Swept::default()) };
    let now = sweep_clock::advance(service).await?;
    tell_of_partitions(service, partitions::make_ahead(service).await);
    // First, so that no key answers with an event that is gone.
    expiry::remove_expired(service, now).await?;
    merge_parts(service, now).await?;
    statistics::remove_old(service, limit_of(service.settings.keep_statistics, now)).await?;
    let (rows, bodies) = limits(service, now);
    let (rows, leaving) = partitions::begin(service, rows).await?;
    let (mut swept, mut walks) = (Swept::default(), Walks::default());
    while let Some(walk) = walks.next(service).await? {
        swept += walk.through(service, &mut turn, FIRST..rows, Depth::Rows(&leaving)).await?;
        swept += walk.through(service, &mut turn, rows.max(*stripped)..bodies, Depth::Bodies).await?;
    }
    *stripped = bodies.max(*stripped);
    partitions::end(service, &mut turn).await?;
    turn.end().await;
    Ok(swept)
}

/// The first events to keep, and the first ones to keep the bodies of.
fn limits(service: &Service, now: Timestamp) -> (EventId, EventId) {
    let settings = &service.settings;
    let first = |span| EventId::new(limit_of(span, now), [0; 10]);
    (first(settings.keep_deliveries.max(KEEP_KEYS)), first(settings.keep_bodies))
}

/// The instant before which an event was accepted that is kept no longer.
fn limit_of(span: Duration, now: Timestamp) -> Timestamp {
    Timestamp::from_unix_micros(now.unix_micros().saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}

/// Sweeps those of the events that are closed.
async fn sweep_events(service: &Service, account: AccountId, events: Vec<EventId>, depth: Depth<'_>) -> Result<Swept> {
    let mut tx = service.db.begin().await?;
    let swept = sweep_closed(&mut tx, account, events, depth).await?;
    tx.commit().await?;
    fault::point("after_step");
    Ok(swept)
}

/// Finds the closed events under the account's lock, which keeps them closed.
async fn sweep_closed(
    tx: &mut Tx<'_>,
    account: AccountId,
    mut events: Vec<EventId>,
    depth: Depth<'_>,
) -> Result<Swept> {
    tx.lock_accounts(&[account], Lock::Shared).await?;
    let mut deliveries = deliveries_of(tx, account, &events).await?;
    let open: Vec<EventId> = deliveries.iter().filter(|one| one.is_open()).map(|one| one.event_id).collect();
    events.retain(|id| !open.contains(id));
    deliveries.retain(|one: &Concerned| !open.contains(&one.event_id));
    Ok(match depth {
        Depth::Rows(leaving) => {
            Swept { removed: remove(tx, account, &events, &deliveries, leaving).await?, ..Swept::default() }
        }
        Depth::Bodies => Swept { bodies: strip(tx, account, &events, &deliveries).await?, ..Swept::default() },
    })
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
