//! Why a version of Signet and a database do not go together.

use std::time::Duration;

use super::blockers::{Blocker, listed};

/// Why a version of Signet does not run on a database, or cannot migrate it.
#[derive(Debug, thiserror::Error)]
pub enum SchemaProblem {
    /// Migrations that this version needs were not applied.
    #[error("the database has schema {found}, and this version of Signet needs {needs}")]
    Behind {
        /// The last migration that was applied, of those before the first that is needed.
        found: i64,
        /// The last one that this version needs.
        needs: i64,
    },
    /// The database has no schema at all.
    #[error("the database is empty")]
    Empty,
    /// Migrations are missing, and a pooler is in the way.
    #[error(
        "the database has to be migrated, which does not go through a pooler: run `signet migrate` with the address of \
         PostgreSQL itself, and start again"
    )]
    Pooler,
    /// A later version has taken away what this one needs.
    #[error("the database needs a version of Signet with schema {floor} or later, and this one has {own}")]
    BelowFloor {
        /// The floor that stands in the database.
        floor: i64,
        /// The schema of this version.
        own: i64,
    },
    /// Servers run that a contracting migration would break.
    #[error(
        "migration {number} waits until no server with a schema below {floor} runs: {} {} now, with schema {}",
        servers.0, if servers.0 == 1 { "does" } else { "do" },
        servers.1.map_or_else(|| "28 or earlier".to_owned(), |schema| schema.to_string())
    )]
    OlderServers {
        /// The migration.
        number: i64,
        /// The schema that servers need once it is applied.
        floor: i64,
        /// How many run, and the lowest schema among them; `None`: from before servers told.
        servers: (i64, Option<i64>),
    },
    /// A lock was not to be had in time.
    #[error("{what} did not get its locks within {} s; {}", waited.as_secs(), listed(blockers))]
    Locked {
        /// Who waited.
        what: String,
        /// For how long it tried.
        waited: Duration,
        /// The sessions that were in the way at the end.
        blockers: Vec<Blocker>,
    },
}
