//! The clock of a PostgreSQL server: leases and due times of one database go by it in
//! every process, even if the clocks of their machines differ.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use signet_model::{Timestamp, time::Clock};
use tokio::time::Instant;

use super::{Pool, Postgres, Result};

/// The time between two readings of the server's clock.
const PERIOD: Duration = Duration::from_secs(10);
/// The looks of one reading. The shortest round trip is the most exact.
const LOOKS: usize = 3;
/// A longer round trip tells too little to go by.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(200);
/// If the server's clock was set back by less, this one stands still until the server's has
/// caught up. If by more, it follows: deliveries would fall due far too late.
const STAND_STILL_MAX: Duration = Duration::from_secs(10);

/// A server's clock as it was last read, and since then a monotonic one.
#[derive(Debug)]
pub(crate) struct ServerClock {
    start: Instant,
    reading: Mutex<Reading>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    /// The instant of the server's clock at `start`.
    at_start: Timestamp,
    /// The latest instant that was told.
    last: Timestamp,
}

/// The instant of the server's clock in the middle of a round trip.
struct Look {
    said: Timestamp,
    asked: Instant,
    round_trip: Duration,
}

impl ServerClock {
    /// Reads a server's clock, and goes on reading it as long as this one is held.
    pub(crate) async fn of(db: Postgres) -> Result<Arc<Self>> {
        let start = Instant::now();
        let at_start = best_look(&db).await?.at(start);
        let reading = Mutex::new(Reading { at_start, last: at_start });
        let clock = Arc::new(Self { start, reading });
        tokio::spawn(keep(Arc::downgrade(&clock), db));
        Ok(clock)
    }

    /// Goes by another reading.
    fn correct(&self, at_start: Timestamp) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let back = reading.at_start.since(at_start);
        if back > STAND_STILL_MAX {
            tracing::warn!(?back, "the database's clock was set back");
            reading.last = at_start;
        }
        reading.at_start = at_start;
    }
}

impl Clock for ServerClock {
    fn now(&self) -> Timestamp {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.last = reading.last.max(reading.at_start + self.start.elapsed());
        reading.last
    }
}

impl Look {
    /// The instant of the server's clock at an earlier moment.
    fn at(&self, start: Instant) -> Timestamp {
        self.said - (self.asked + self.round_trip / 2).duration_since(start)
    }
}

async fn keep(clock: Weak<ServerClock>, db: Postgres) {
    loop {
        tokio::time::sleep(PERIOD).await;
        let Some(clock) = clock.upgrade() else { return };
        match best_look(&db).await {
            Ok(look) if look.round_trip <= ROUND_TRIP_MAX => clock.correct(look.at(clock.start)),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the database's clock could not be read"),
        }
    }
}

async fn best_look(db: &Postgres) -> Result<Look> {
    let mut conn = db.read(Pool::Lookups).await?;
    let mut best: Option<Look> = None;
    for _ in 0..LOOKS {
        let asked = Instant::now();
        let said = conn.query("SELECT clock_timestamp()").fetch_value().await?;
        let look = Look { said, asked, round_trip: asked.elapsed() };
        best = best.filter(|best| best.round_trip <= look.round_trip).or(Some(look));
    }
    best.ok_or_else(|| sqlx::Error::RowNotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{ManualClock, SystemClock},
        testing::{Hands, account, completed, endpoint, engine_by, postgres, sqlite},
    };

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn it_never_runs_backwards_and_follows_a_clock_that_was_set_back_far() {
        let begin = Timestamp::from_unix_seconds(1_774_699_200);
        let clock =
            ServerClock { start: Instant::now(), reading: Mutex::new(Reading { at_start: begin, last: begin }) };
        assert_eq!(clock.now(), begin);
        clock.correct(begin - SECOND);
        assert_eq!(clock.now(), begin, "it stands still");
        tokio::time::advance(2 * SECOND).await;
        assert_eq!(clock.now(), begin + SECOND);
        clock.correct(begin + 5 * SECOND);
        assert_eq!(clock.now(), begin + 7 * SECOND);
        clock.correct(begin - 3_600 * SECOND);
        assert_eq!(clock.now(), begin - 3_598 * SECOND);
    }

    #[tokio::test]
    async fn processes_with_different_clocks_claim_no_delivery_before_its_lease_has_ended() {
        let Some(database) = postgres().await else { return };
        let now = SystemClock.now();
        let [right, ahead] = [now, now + 70 * SECOND].map(|at| -> Arc<dyn Clock> { Arc::new(ManualClock::at(at)) });
        let [here, there] = [&right, &ahead].map(async |own| {
            let clock = database.db.clock(Arc::clone(own)).await.expect("a clock");
            engine_by(&database, clock)
        });
        let (here, there) = (here.await, there.await);
        let account = account(&here, "acme").await;
        endpoint(&here, account).await;
        let (_, in_flight) = Hands(&here).ingest(completed(&here, account, "task")).await;
        assert_eq!(in_flight.len(), 1);
        assert_eq!(Hands(&there).claim().await.len(), 0, "it is leased");
        let by_its_own_clock = engine_by(&database, ahead);
        assert_eq!(Hands(&by_its_own_clock).claim().await.len(), 1, "what this test is about");
    }

    #[tokio::test]
    async fn on_sqlite_the_machines_clock_is_the_only_one() {
        let database = sqlite().await;
        let own = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_774_699_200)));
        let clock = database.db.clock(Arc::clone(&own) as Arc<dyn Clock>).await.expect("a clock");
        assert_eq!(clock.now(), own.now());
    }
}
