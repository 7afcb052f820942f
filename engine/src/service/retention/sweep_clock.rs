//! The instant that retention goes by. A clock that is far ahead would have all rows
//! removed, and so it is believed one day at most beyond the instant of the last sweep;
//! before the first sweep, beyond the newest event.

use std::time::Duration;

use super::walk::Walks;
use crate::{
    db::{Database, Pool, Result, Tx},
    service::Service,
};
use signet_model::Timestamp;

/// The time by which a clock may be ahead.
const BELIEVED: Duration = Duration::from_hours(24);
/// The advisory lock of the process that sweeps a PostgreSQL database.
const LOCK: i64 = 0x5157_6565_7000;
/// The time after which a turn ends that is not kept. A step of a sweep takes far less.
const KEPT_FOR: &str = "SET LOCAL idle_in_transaction_session_timeout = '5min'";

/// The turn to sweep; on PostgreSQL, of one process at a time.
pub(super) struct Turn {
    /// Holds the lock until it ends, which it does by itself if it is not kept: a process that
    /// is frozen loses its turn.
    held: Option<Tx<'static>>,
}

impl Turn {
    /// Goes on with it.
    ///
    /// # Errors
    /// Another process may have it by now.
    pub(super) async fn keep(&mut self) -> Result<()> {
        match &mut self.held {
            Some(tx) => tx.query("SELECT 1").execute().await.map(drop),
            None => Ok(()),
        }
    }

    /// Lets another process have it, at once.
    pub(super) async fn end(self) {
        if let Some(tx) = self.held {
            tx.roll_back().await;
        }
    }
}

/// Takes the turn, unless another process has it.
pub(super) async fn turn(service: &Service) -> Result<Option<Turn>> {
    if matches!(service.db, Database::Sqlite(_)) {
        return Ok(Some(Turn { held: None }));
    }
    let mut tx = service.db.begin().await?;
    tx.query(KEPT_FOR).execute().await?;
    let taken = tx.query("SELECT pg_try_advisory_xact_lock($1)").bind(LOCK).fetch_value().await?;
    Ok(if taken { Some(Turn { held: Some(tx) }) } else { None })
}

/// The present, as far as the clock is believed.
pub(super) async fn look(service: &Service) -> Result<Timestamp> {
    let clock = service.clock.now();
    Ok(last_seen(service).await?.map_or(clock, |seen| clock.min(seen + BELIEVED)))
}

/// The present, as far as the clock is believed; the next sweep goes by it.
pub(super) async fn advance(service: &Service) -> Result<Timestamp> {
    let (clock, now) = (service.clock.now(), look(service).await?);
    if now < clock {
        tracing::warn!(%clock, believed = %now, "the clock is far ahead of the last sweep, and is believed one day at a time; is it right?");
    }
    record(service, now).await?;
    Ok(now)
}

/// The next sweep goes by this instant.
pub(crate) async fn record(service: &Service, now: Timestamp) -> Result<()> {
    const SQL: &str = "INSERT INTO sweeps (id, last_seen_at) VALUES (1, $1)
         ON CONFLICT (id) DO UPDATE SET last_seen_at = excluded.last_seen_at
         WHERE excluded.last_seen_at > sweeps.last_seen_at";
    let mut tx = service.db.begin().await?;
    tx.query(SQL).bind(now).execute().await?;
    tx.commit().await
}

async fn last_seen(service: &Service) -> Result<Option<Timestamp>> {
    const SQL: &str = "SELECT last_seen_at FROM sweeps WHERE id = 1";
    let swept: Option<Timestamp> = service.db.read(Pool::Pages).await?.query(SQL).fetch_optional_value().await?;
    match swept {
        Some(at) => Ok(Some(at)),
        None => newest_event(service).await,
    }
}

/// The instant at which the newest event was accepted.
pub(crate) async fn newest_event(service: &Service) -> Result<Option<Timestamp>> {
    let (mut newest, mut walks) = (None, Walks::default());
    while let Some(walk) = walks.next(service).await? {
        newest = newest.max(walk.newest(service).await?);
    }
    Ok(newest)
}
