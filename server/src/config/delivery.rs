//! Attempts: their schedule, their time, and how many are made at once.

use std::{fmt, str::FromStr, time::Duration};

use anyhow::ensure;
use clap::Args;
use signet_engine::Settings;
use signet_model::retry::Schedule;

use super::{ConcurrencyArgs, Span};

/// Attempts: their schedule, their time, and how many are made at once.
#[derive(Debug, Clone, Args)]
pub struct DeliveryArgs {
    /// The waits between attempts, each from the end of the failed one; `none`
    /// for a single attempt.
    #[arg(
        long,
        value_name = "LIST",
        env = "SIGNET_RETRY_DELAYS",
        default_value_t = RetryDelays(Settings::default().schedule.delays().to_vec())
    )]
    pub retry_delays: RetryDelays,
    /// The most that is added to each wait at random, in percent of it.
    #[arg(
        long,
        value_name = "PERCENT",
        env = "SIGNET_RETRY_JITTER",
        default_value_t = Settings::default().schedule.jitter_percent(),
        value_parser = clap::value_parser!(u32).range(0..=100)
    )]
    pub retry_jitter: u32,
    /// The time budget of one attempt, from name look-up to the last byte.
    #[arg(
        long,
        value_name = "TIME",
        env = "SIGNET_BUDGET",
        default_value_t = Span::new(Settings::default().budget)
    )]
    pub budget: Span,
    /// The time for which a delivery belongs to the process that attempts it.
    #[arg(
        long,
        value_name = "TIME",
        env = "SIGNET_LEASE",
        default_value_t = Span::new(Settings::default().lease)
    )]
    pub lease: Span,
    /// The attempts that are made at the same time.
    #[command(flatten)]
    pub concurrency: ConcurrencyArgs,
    /// The held deliveries that are sent to a re-enabled webhook, a second.
    #[arg(
        long,
        value_name = "COUNT",
        env = "SIGNET_RELEASE_RATE",
        default_value_t = Settings::default().release_rate,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub release_rate: u32,
    /// The most of a receiver's response body that is kept, in bytes.
    #[arg(
        long,
        value_name = "BYTES",
        env = "SIGNET_MAX_RESPONSE_BODY",
        default_value_t = Settings::default().max_response_body
    )]
    pub max_response_body: usize,
}

impl DeliveryArgs {
    /// The schedule of retries.
    pub fn schedule(&self) -> Schedule {
        Schedule::new(self.retry_delays.0.clone(), self.retry_jitter)
    }

    /// Compares the lease with the budget.
    ///
    /// # Errors
    /// The lease is too short for the budget.
    pub fn check(&self) -> anyhow::Result<()> {
        let budget = self.budget.get();
        let least = budget + Settings::lease_margin(budget);
        ensure!(
            self.lease.get() > least,
            "--lease {} is too short: it must be longer than the budget and a margin, {} in all, or a slow attempt \
             would be repeated while it is still under way",
            self.lease,
            Span::new(least),
        );
        Ok(())
    }
}

/// The waits between attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryDelays(Vec<Duration>);

/// Stands for no waits: one attempt, and no retry.
const NO_DELAYS: &str = "none";

impl FromStr for RetryDelays {
    type Err = humantime::DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == NO_DELAYS {
            return Ok(Self(Vec::new()));
        }
        text.split(',').map(|delay| humantime::parse_duration(delay.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for RetryDelays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(NO_DELAYS);
        }
        let delays: Vec<_> = self.0.iter().map(|&delay| Span::new(delay).to_string()).collect();
        f.write_str(&delays.join(","))
    }
}
