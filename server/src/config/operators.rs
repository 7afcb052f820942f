//! Operators: what is asked of those who operate the server.

use clap::Args;

/// Operators: what is asked of those who operate the server.
#[derive(Debug, Clone, Copy, Args)]
pub struct OperatorArgs {
    /// Let those who operate the server see their pages without a second factor, too.
    #[arg(long, env = "SIGNET_OPERATORS_WITHOUT_SECOND_FACTOR")]
    pub operators_without_second_factor: bool,
}
