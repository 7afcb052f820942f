//! Limits of attempts that are made at the same time. `signet serve` keeps them, and
//! `signet check` judges by them.

use clap::Args;
use signet_engine::Settings;

use super::count;

/// Limits of attempts that are made at the same time.
#[derive(Debug, Clone, Copy, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub struct ConcurrencyArgs {
    /// The most attempts that are at work at the same time: each in its first second.
    #[arg(
        long,
        value_name = "COUNT",
        env = "SIGNET_MAX_IN_FLIGHT",
        default_value_t = Settings::default().max_in_flight,
        value_parser = count
    )]
    pub max_in_flight: usize,
    /// The most attempts that hang at the same time: each has waited for more than a
    /// second. Each takes a file descriptor.
    #[arg(
        long,
        value_name = "COUNT",
        env = "SIGNET_MAX_HANGING",
        default_value_t = Settings::default().max_hanging,
        value_parser = count
    )]
    pub max_hanging: usize,
    /// The most attempts at the same time at one webhook.
    #[arg(
        long,
        value_name = "COUNT",
        env = "SIGNET_MAX_IN_FLIGHT_PER_ENDPOINT",
        default_value_t = Settings::default().max_in_flight_per_endpoint,
        value_parser = count
    )]
    pub max_in_flight_per_endpoint: usize,
    /// The most attempts of one account at the same time at one host.
    #[arg(
        long,
        value_name = "COUNT",
        env = "SIGNET_MAX_IN_FLIGHT_PER_HOST",
        default_value_t = Settings::default().max_in_flight_per_host,
        value_parser = count
    )]
    pub max_in_flight_per_host: usize,
}
