//! People: how they come in, and how many.

use clap::Args;
use signet_engine::Settings;

/// People: how they come in, and how many.
#[derive(Debug, Clone, Copy, Args)]
pub struct PeopleArgs {
    /// Let strangers make accounts: the sign-in page leads to a form for that. Without it an
    /// account begins with a link of the operator.
    #[arg(long, env = "SIGNET_SIGN_UP")]
    pub sign_up: bool,
    /// The most people and open invitations of one account together.
    #[arg(
        long,
        value_name = "COUNT",
        env = "SIGNET_MAX_PEOPLE_PER_ACCOUNT",
        default_value_t = Settings::default().max_people_per_account,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub max_people_per_account: u32,
}
