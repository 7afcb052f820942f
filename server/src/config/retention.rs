//! Retention: how long stored events are kept.

use anyhow::ensure;
use clap::Args;
use signet_engine::{Settings, service::retention::KEEP_KEYS};

use super::Span;

/// Retention: how long stored events are kept.
#[derive(Debug, Clone, Copy, Args)]
#[expect(clippy::struct_field_names, reason = "the names of the options")]
pub struct RetentionArgs {
    /// The time for which bodies and headers of requests and answers are kept.
    #[arg(
        long,
        value_name = "TIME",
        env = "SIGNET_KEEP_BODIES",
        default_value_t = Span::new(Settings::default().keep_bodies)
    )]
    pub keep_bodies: Span,
    /// The time for which events are kept, with their deliveries and attempts. An
    /// event with a delivery that waits or is held is kept until that is sent or
    /// discarded.
    #[arg(
        long,
        value_name = "TIME",
        env = "SIGNET_KEEP_DELIVERIES",
        default_value_t = Span::new(Settings::default().keep_deliveries)
    )]
    pub keep_deliveries: Span,
    /// The time for which hourly statistics are kept.
    #[arg(
        long,
        value_name = "TIME",
        env = "SIGNET_KEEP_STATISTICS",
        default_value_t = Span::new(Settings::default().keep_statistics)
    )]
    pub keep_statistics: Span,
}

impl RetentionArgs {
    /// Compares the retention of deliveries with that of idempotency keys.
    ///
    /// # Errors
    /// Deliveries are kept for a shorter time than idempotency keys.
    pub fn check(self) -> anyhow::Result<()> {
        ensure!(
            self.keep_deliveries.get() >= KEEP_KEYS,
            "--keep-deliveries {} is too short: repeated requests are recognised for {}, by the events that they made",
            self.keep_deliveries,
            Span::new(KEEP_KEYS),
        );
        Ok(())
    }
}
