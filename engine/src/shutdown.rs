//! Stopping, in four phases. Each begins when the one before has ended; the deadline ends
//! the last two early.
//!
//! 1. *Refuse*: `begun` is cancelled. New requests are refused, and no more deliveries are
//!    claimed.
//! 2. *Store*: requests that wait are committed and answered.
//! 3. *Finish*: attempts under way end. Deliveries that wait in their lanes are returned to
//!    the store, to be claimed by another process. At the deadline, attempts under way are
//!    left to the end of their leases.
//! 4. *Record*: the outcomes are committed. A database that does not answer is given up a
//!    moment after the deadline; those deliveries are attempted again.

use tokio_util::sync::CancellationToken;

/// Tells each part of the process when to stop.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Take in no more, and finish the work under way.
    pub begun: CancellationToken,
    /// Drop the work that is still under way.
    pub deadline: CancellationToken,
}
