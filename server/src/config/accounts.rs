//! Limits for one account.

use clap::Args;
use signet_engine::Settings;

/// Limits for one account.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "the names of the options")]
pub struct AccountArgs {
    /// The most webhooks of one account.
    #[arg(
        long,
        value_name = "COUNT",
        env = "SIGNET_MAX_WEBHOOKS_PER_ACCOUNT",
        default_value_t = Settings::default().max_endpoints_per_account,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub max_webhooks_per_account: u32,
    /// The most API keys of one account that are not revoked.
    #[arg(
        long,
        value_name = "COUNT",
        env = "SIGNET_MAX_API_KEYS_PER_ACCOUNT",
        default_value_t = Settings::default().max_api_keys_per_account,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub max_api_keys_per_account: u32,
    /// The account that hears of the webhooks of all others: its webhooks get events of types
    /// that begin with signet. when a customer's webhook fails, is disabled or enabled, or a
    /// delivery fails.
    #[arg(long, value_name = "NAME_OR_ID", env = "SIGNET_OPERATIONS_ACCOUNT")]
    pub operations_account: Option<String>,
}
