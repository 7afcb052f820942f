//! The last restore of the database from a backup, as far as sending depends on it.

use std::sync::atomic::{AtomicI64, Ordering};

use signet_model::{DeliveryId, Timestamp};

/// The instant of the last restore. It is read before a server starts, and does not change while
/// one runs.
#[derive(Debug)]
pub(crate) struct LastRestore(AtomicI64);

impl Default for LastRestore {
    /// There was none.
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl LastRestore {
    pub(crate) fn set(&self, at: Timestamp) {
        self.0.store(at.unix_micros(), Ordering::Relaxed);
    }

    /// True if a delivery was made before: it may have been sent by what the restore undid.
    pub(crate) fn covers(&self, delivery: DeliveryId) -> bool {
        delivery.created_at().unix_micros() <= self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_from_before_a_restore_may_be_repeats() {
        let made = DeliveryId::new(Timestamp::from_unix_seconds(1_000), [7; 10]);
        let last = LastRestore::default();
        assert!(!last.covers(made), "there was no restore");
        last.set(Timestamp::from_unix_seconds(999));
        assert!(!last.covers(made), "it came after the restore");
        last.set(Timestamp::from_unix_seconds(1_001));
        assert!(last.covers(made));
    }
}
