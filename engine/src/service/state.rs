//! The state of a delivery as it is told to people.
//!
//! Closing an endpoint changes its row at once, and its deliveries in steps that
//! follow (`crate::queue::drain`). Until these have come to a delivery, its state
//! follows from its endpoint: readers take it from here, and not from the column.

/// The state of a delivery `d` of an endpoint `e`.
pub(crate) const EFFECTIVE_STATE: &str =
    "CASE WHEN e.deleted_at IS NOT NULL AND (d.state = 'held' OR (d.state = 'pending' AND d.lease IS NULL))
            THEN 'discarded'
          WHEN (e.disabled_at IS NOT NULL OR d.created_at <= e.hold_through)
               AND d.state = 'pending' AND d.lease IS NULL AND NOT d.is_test THEN 'held'
          ELSE d.state END";
