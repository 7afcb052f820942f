//! Sessions: how long a person stays signed in.

use clap::Args;
use signet_engine::Settings;

use super::Span;

/// Sessions: how long a person stays signed in.
#[derive(Debug, Clone, Copy, Args)]
pub struct SessionArgs {
    /// The time after which a person has to sign in again, however much they have used the
    /// dashboard.
    #[arg(
        long,
        value_name = "TIME",
        env = "SIGNET_SESSION_LIFETIME",
        default_value_t = Span::new(Settings::default().session_lifetime)
    )]
    pub session_lifetime: Span,
    /// The time after which a person has to sign in again who has not used the dashboard.
    #[arg(
        long,
        value_name = "TIME",
        env = "SIGNET_SESSION_IDLE",
        default_value_t = Span::new(Settings::default().session_idle)
    )]
    pub session_idle: Span,
}
