//! A clock that never goes back: a limit would count an hour that is set back as one to wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use signet_model::{Timestamp, time::Clock};

/// Another clock, ahead of it by what that was set back since. Clones share it.
#[derive(Clone)]
pub(super) struct SteadyClock(Arc<Steady>);

struct Steady {
    clock: Arc<dyn Clock>,
    /// Microseconds by which this one is ahead.
    ahead: AtomicI64,
    /// The latest instant that was told.
    latest: AtomicI64,
}

impl SteadyClock {
    pub(super) fn of(clock: Arc<dyn Clock>) -> Self {
        let latest = AtomicI64::new(clock.now().unix_micros());
        Self(Arc::new(Steady { clock, ahead: AtomicI64::new(0), latest }))
    }

    /// The time since 1970, as far as this clock knows.
    pub(super) fn since_1970(&self) -> Duration {
        self.now().since(Timestamp::from_unix_micros(0))
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let Steady { clock, ahead, latest } = &*self.0;
        let now = clock.now().unix_micros().saturating_add(ahead.load(Ordering::Relaxed));
        let before = latest.fetch_max(now, Ordering::Relaxed);
        if now < before {
            // Two that find this at once are ahead by twice as much, which lets somebody in early.
            ahead.fetch_add(before - now, Ordering::Relaxed);
        }
        Timestamp::from_unix_micros(now.max(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn it_goes_on_from_where_it_was_when_the_other_one_is_set_back() {
        let start = Timestamp::from_unix_seconds(1_774_699_200);
        let other = ManualClock::at(start);
        let steady = SteadyClock::of(Arc::new(other.clone()));
        other.advance(Duration::from_secs(5));
        assert_eq!(steady.now(), start + Duration::from_secs(5));
        other.set(start - Duration::from_hours(1));
        assert_eq!(steady.now(), start + Duration::from_secs(5));
        other.advance(Duration::from_secs(7));
        assert_eq!(steady.now(), start + Duration::from_secs(12));
        other.advance(Duration::from_hours(1));
        assert_eq!(steady.now(), start + Duration::from_secs(12) + Duration::from_hours(1), "forward it follows");
    }
}
