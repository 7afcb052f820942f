//! The load of the lanes, and its limits.

use std::time::Duration;

use crate::settings::Settings;

/// Deliveries that may wait in all lanes together.
pub(super) const QUEUED_DELIVERIES_MAX: usize = 4_096;
/// Bytes that the bodies of all deliveries in hand may have.
pub(super) const BODIES_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The load of one lane, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    /// Slots taken by attempts, by waiting deliveries, and by deliveries that are about to
    /// be stored or claimed.
    pub(super) slots: usize,
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

    /// Slots without those of hanging attempts, which have a limit of their own.
    pub(super) const fn slots_not_hanging(self) -> usize {
        self.slots.saturating_sub(self.hanging)
    }

    /// Replaces the load `before` of one lane in this sum by the load `after`.
    pub(super) fn recount(&mut self, before: Self, after: Self) {
        self.slots = self.slots + after.slots - before.slots;
        self.bytes = self.bytes + after.bytes - before.bytes;
        self.working = self.working + after.working - before.working;
        self.hanging = self.hanging + after.hanging - before.hanging;
    }
}

/// The limits of attempts at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneLimits {
    pub(crate) working: usize,
    pub(crate) hanging: usize,
    pub(crate) per_endpoint: usize,
    /// At one host, of one account.
    pub(crate) per_host: usize,
    /// The time that a delivery may have to wait in a lane: a third of the lease without
    /// the attempt and its recording.
    pub(crate) wait_max: Duration,
}

impl From<&Settings> for LaneLimits {
    fn from(settings: &Settings) -> Self {
        let attempt = settings.budget + Settings::lease_margin(settings.budget);
        Self {
            working: settings.max_in_flight,
            hanging: settings.max_hanging,
            per_endpoint: settings.max_in_flight_per_endpoint,
            per_host: settings.max_in_flight_per_host,
            wait_max: settings.lease.saturating_sub(attempt) / 3,
        }
    }
}

impl LaneLimits {
    /// Returns the number of slots, beside those of hanging attempts.
    pub(super) const fn slots(&self) -> usize {
        self.working + QUEUED_DELIVERIES_MAX
    }

    /// Returns the same with the reserve for endpoints that have no slot yet.
    pub(super) const fn capacity(&self) -> usize {
        self.slots() + self.working
    }

    /// Returns the number of hanging attempts that one account may have.
    pub(super) fn hanging_per_account(&self) -> usize {
        (self.hanging / 4).max(1)
    }
}

/// Returns the part of `working` attempts for endpoints that are not known to be quick.
pub(super) fn unproven_share(working: usize) -> usize {
    (working / 2).max(1)
}

/// Returns the part of those for one account.
pub(super) fn account_share(working: usize) -> usize {
    (unproven_share(working) / 4).max(1)
}

/// Returns how much more an account may take that has taken `own`, if `left` is left for
/// all. An account stops at a third of the rest, which is a quarter of all if it is alone;
/// however many accounts take their share, the next one finds some left.
pub(super) fn fair_share(left: usize, own: usize) -> usize {
    left.saturating_sub(own.saturating_mul(3)).div_ceil(4)
}
