//! The rotation of a signing secret.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::delivery::text_enum;

text_enum! {
    /// The time in which the current secret goes on signing `X-Webhook-Signature` beside the
    /// next one, unless a person switches earlier.
    Overlap {
        /// The next secret takes over at once.
        None = "none",
        /// An hour.
        Hour = "1h",
        /// A day.
        Day = "24h",
        /// A week.
        Week = "7d",
    }
}

impl Overlap {
    /// How long that is.
    pub const fn duration(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
            Self::Week => Duration::from_hours(7 * 24),
        }
    }
}

#[expect(clippy::derivable_impls, reason = "the enum is declared by a macro")]
impl Default for Overlap {
    fn default() -> Self {
        Self::Day
    }
}
