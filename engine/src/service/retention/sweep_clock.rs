//! The instant that retention goes by. A clock that is far ahead would have all rows
//! removed, and so it is believed one day at most beyond the instant of the last sweep;
//! before the first sweep, beyond the newest event.

use std::time::Duration;

use signet_model::Timestamp;
use sqlx::{Postgres, pool::PoolConnection};

use super::walk::Walks;
use crate::{
    db::{Database, Pool, Result},
    service::Service,
};

/// The time by which a clock may be ahead.
const BELIEVED: Duration = Duration::from_hours(24);
/// The advisory lock of the process that sweeps a PostgreSQL database.
const LOCK: i64 = 0x5157_6565_7000;

/// The turn to sweep; on PostgreSQL, of one process at a time.
pub(super) struct Turn {
    /// Holds the lock until it is closed.
    held: Option<PoolConnection<Postgres>>,
}

impl Turn {
    /// Lets another process have it, at once.
    pub(super) async fn end(self) {
        if let Some(connection) = self.held {
            // The server notices by itself if this fails.
            let _ = connection.close().await;
        }
    }
}

/// Takes the turn, unless another process has it.
pub(super) async fn turn(service: &Service) -> Result<Option<Turn>> {
    let Database::Postgres(db) = &service.db else { return Ok(Some(Turn { held: None })) };
    let mut connection = db.pool.acquire().await?;
    let taken: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(&mut *connection).await?;
    // The lock lasts as long as its connection.
    connection.close_on_drop();
    Ok(taken.then_some(Turn { held: Some(connection) }))
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
