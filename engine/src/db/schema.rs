//! The schema of a database: which migrations it has, and whether this version of Signet goes
//! with it.
//!
//! Migrations go forward only, in the order of their numbers. The number of a version's last one
//! is its *schema*. There are two kinds:
//!
//! - An *expanding* migration adds. Versions before it go on running, so it may be applied while
//!   they do; the versions from it on need it.
//! - A *contracting* migration takes away what versions before some schema need; its text says
//!   before which, in a line `-- floor: NUMBER`. It raises the floor that stands in the database,
//!   below which no version runs, and waits for servers that do. No version needs it.
//!
//! So a version runs on a database that is ahead of it, as long as it is not below the floor: it
//! can be restarted in the middle of an upgrade, and rolled back to.

mod blockers;
mod patience;
mod postgres;
mod problem;
mod sqlite;
mod state;

use std::time::Duration;

use sqlx::migrate::{Migration, Migrator};

pub use blockers::Blocker;
pub(super) use postgres::{migrate as migrate_postgres, read as read_postgres};
pub use problem::SchemaProblem;
pub(super) use sqlite::{migrate as migrate_sqlite, read as read_sqlite};
pub use state::{KnownMigration, RunningServers, SchemaState};

/// The migrations of this version for SQLite.
pub(crate) static FOR_SQLITE: Migrator = sqlx_macros::migrate!("../migrations/sqlite");
/// The migrations of this version for PostgreSQL.
pub(crate) static FOR_POSTGRES: Migrator = sqlx_macros::migrate!("../migrations/postgres");

/// For how long a migration tries to get its locks, if nobody says otherwise.
pub const LOCK_PATIENCE: Duration = Duration::from_mins(10);

/// The time after which a server that tells nothing more (in the table `key_holders`) is taken
/// to have ended.
pub(crate) const SERVER_GONE_AFTER: Duration = Duration::from_secs(35);

/// The table in which the migrator keeps the account of its work.
const TABLE: &str = "_sqlx_migrations";
/// The migration that made the floor. Databases before have none.
const FLOOR_SINCE: i64 = 29;
/// The line of a contracting migration that says which schema versions need from then on.
const FLOOR: &str = "-- floor: ";

/// What has become of the migrations that a database did not have.
#[derive(Debug, Default)]
pub struct Migrated {
    /// The numbers of those that were applied.
    pub applied: Vec<i64>,
    /// Why a contracting migration, which this version can do without, was put off.
    pub put_off: Option<SchemaProblem>,
}

/// The schema of this version: the number of its last migration.
pub fn own_schema() -> i64 {
    last_of(&FOR_SQLITE)
}

fn last_of(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// The schema that versions need once a contracting migration is applied; `None` for an
/// expanding one.
fn floor_of(migration: &Migration) -> Option<i64> {
    let mut lines = migration.sql.as_str().lines().take_while(|line| line.starts_with("--"));
    lines.find_map(|line| line.strip_prefix(FLOOR)?.trim().parse().ok())
}

#[cfg(test)]
mod lint;
#[cfg(test)]
mod tests;
