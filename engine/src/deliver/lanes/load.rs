//! How much is in hand, and how much may be.

use std::time::Duration;

use crate::engine::Settings;

/// The most deliveries that wait in all lanes together.
pub(super) const WAITING_IN_ALL: usize = 4_096;
/// The most bytes that the bodies of all deliveries in hand may have.
pub(super) const BODIES_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How much one lane, or several, have in hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    /// Places taken: by attempts, by deliveries that wait for their turn, and by
    /// those that are about to be stored or claimed.
    pub(super) places: usize,
    /// The bytes of their bodies.
    pub(super) bytes: usize,
    /// Attempts in their first second.
    pub(super) working: usize,
    /// Attempts that have taken longer.
    pub(super) hanging: usize,
}

impl Load {
    pub(super) const fn under_way(self) -> usize {
        self.working + self.hanging
    }

    /// Places without those of hanging attempts, which have a limit of their own.
    pub(super) const fn standing(self) -> usize {
        self.places.saturating_sub(self.hanging)
    }

    /// Adds one lane's load, from which so much was counted before.
    pub(super) fn recount(&mut self, before: Self, after: Self) {
        self.places = self.places + after.places - before.places;
        self.bytes = self.bytes + after.bytes - before.bytes;
        self.working = self.working + after.working - before.working;
        self.hanging = self.hanging + after.hanging - before.hanging;
    }
}

/// How much may be under way at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) working: usize,
    pub(crate) hanging: usize,
    pub(crate) per_endpoint: usize,
    /// Of one account.
    pub(crate) per_host: usize,
    /// How long a delivery may have to wait in a lane: a third of what a lease has
    /// left beside the attempt and its recording.
    pub(crate) patience: Duration,
}

impl From<&Settings> for Limits {
    fn from(settings: &Settings) -> Self {
        let attempt = settings.budget + Settings::lease_margin(settings.budget);
        Self {
            working: settings.max_in_flight,
            hanging: settings.max_hanging,
            per_endpoint: settings.max_in_flight_per_endpoint,
            per_host: settings.max_in_flight_per_host,
            patience: settings.lease.saturating_sub(attempt) / 3,
        }
    }
}

impl Limits {
    /// The most places that are taken, beside those of hanging attempts.
    pub(super) const fn places(&self) -> usize {
        self.working + WAITING_IN_ALL
    }

    /// The same with the last ones, which are for endpoints that have none yet.
    pub(super) const fn capacity(&self) -> usize {
        self.places() + self.working
    }

    /// How many attempts one account may have hanging.
    pub(super) fn hanging_per_account(&self) -> usize {
        (self.hanging / 4).max(1)
    }
}

/// How many of `working` attempts are for endpoints that are not known to be quick.
pub(super) fn unproven_share(working: usize) -> usize {
    (working / 2).max(1)
}

/// How many of those are for one account.
pub(super) fn account_share(working: usize) -> usize {
    (unproven_share(working) / 4).max(1)
}

/// How much more an account may take that has taken `own`, where so much is left for
/// all: until it has a third of what is left then. So one account takes at most a
/// quarter, and however many take theirs, something is left for the next.
pub(super) fn fair(left: usize, own: usize) -> usize {
    left.saturating_sub(own.saturating_mul(3)).div_ceil(4)
}
