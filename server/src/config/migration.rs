//! When the schema of the database is brought up to date, and for how long that may wait.

use clap::Args;
use signet_engine::db::schema::LOCK_PATIENCE;

use super::Span;

/// The patience of migrations.
#[derive(Debug, Clone, Args)]
pub struct PatienceArgs {
    /// The time for which each migration of the database tries to get its locks. Others wait
    /// behind it for half a second at most; then it gives way, and tries again.
    #[arg(long, value_name = "TIME", env = "SIGNET_MIGRATE_WAIT", default_value_t = Span::new(LOCK_PATIENCE))]
    pub migrate_wait: Span,
}

/// Whether a server migrates.
#[derive(Debug, Clone, Args)]
pub struct MigrationArgs {
    /// Leave the schema of the database as it is: `signet migrate` is run before.
    #[arg(long, env = "SIGNET_NO_MIGRATE")]
    pub no_migrate: bool,
    /// The patience.
    #[command(flatten)]
    pub patience: PatienceArgs,
}
