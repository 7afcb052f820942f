//! What a database has of the migrations, and the judgement on it.

use std::collections::HashMap;

use sqlx::migrate::{AppliedMigration, MigrateError, Migration, Migrator};

use super::{FLOOR_SINCE, SchemaProblem, floor_of, last_of};
use crate::db::Result;

/// What stands in a database.
#[derive(Debug, Default)]
pub(in crate::db) struct Found {
    /// The migrations that were applied, in order.
    pub(super) applied: Vec<AppliedMigration>,
    /// The floor; 0 where there is none.
    pub(super) floor: i64,
    /// The servers that run.
    pub(super) servers: Vec<RunningServers>,
}

impl Found {
    /// True if the database has a floor, and servers tell their schemas.
    pub(super) fn has_floor(&self) -> bool {
        self.applied.iter().any(|migration| migration.version == FLOOR_SINCE)
    }

    /// The servers with a schema below `floor`: how many, and the lowest schema.
    pub(super) fn servers_below(&self, floor: i64) -> Option<(i64, Option<i64>)> {
        let below = || self.servers.iter().filter(|one| one.schema.is_none_or(|schema| schema < floor));
        let lowest = below().map(|one| one.schema).min()?;
        Some((below().map(|one| one.count).sum(), lowest))
    }
}

/// Servers of one version that run on a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx_macros::FromRow)]
pub struct RunningServers {
    /// Their schema; `None` for versions from before servers told.
    pub schema: Option<i64>,
    /// How many there are.
    pub count: i64,
}

/// A migration that this version knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownMigration {
    /// Its number.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// For a contracting migration, the schema that versions need once it is applied.
    pub floor: Option<i64>,
    /// True if the database has it.
    pub is_applied: bool,
}

/// The schema of a database, as this version of Signet sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaState {
    /// All migrations that this version knows, in order.
    pub migrations: Vec<KnownMigration>,
    /// The numbers of later migrations, which this version does not know.
    pub newer: Vec<i64>,
    /// The least schema that a version needs to run on the database.
    pub floor: i64,
    /// The servers that run.
    pub servers: Vec<RunningServers>,
}

impl SchemaState {
    /// Compares what was found with what this version knows.
    ///
    /// # Errors
    /// A migration that was applied is not the one that this version knows by its number.
    pub(in crate::db) fn of(migrator: &Migrator, found: &Found) -> Result<Self> {
        let (own, mut newer) = (last_of(migrator), Vec::new());
        let known: HashMap<i64, &Migration> = migrator.iter().map(|known| (known.version, known)).collect();
        for applied in &found.applied {
            match known.get(&applied.version) {
                Some(known) if known.checksum == applied.checksum => {}
                Some(_) => return Err(MigrateError::VersionMismatch(applied.version).into()),
                None if applied.version > own => newer.push(applied.version),
                None => return Err(MigrateError::VersionMissing(applied.version).into()),
            }
        }
        let migrations = migrator.iter().map(|migration| KnownMigration {
            number: migration.version,
            name: migration.description.to_string(),
            floor: floor_of(migration),
            is_applied: found.applied.iter().any(|applied| applied.version == migration.version),
        });
        Ok(Self { migrations: migrations.collect(), newer, floor: found.floor, servers: found.servers.clone() })
    }

    /// True if nothing was ever applied.
    pub fn is_empty(&self) -> bool {
        self.newer.is_empty() && self.migrations.iter().all(|migration| !migration.is_applied)
    }

    /// The migrations that this version knows and the database does not have.
    pub fn pending(&self) -> impl Iterator<Item = &KnownMigration> {
        self.migrations.iter().filter(|migration| !migration.is_applied)
    }

    /// The migrations to apply. A version leaves those alone that stand in a database which a later
    /// one has migrated.
    pub(in crate::db) fn to_apply<'m>(&self, migrator: &'m Migrator) -> Vec<&'m Migration> {
        let is_pending = |number| self.newer.is_empty() && self.pending().any(|pending| pending.number == number);
        migrator.iter().filter(|migration| is_pending(migration.version)).collect()
    }

    /// The schema of this version.
    pub fn own(&self) -> i64 {
        self.migrations.last().map_or(0, |migration| migration.number)
    }

    /// The schema of the database: the last migration before the first that it does not have.
    pub fn schema(&self) -> i64 {
        let applied = self.migrations.iter().take_while(|migration| migration.is_applied || migration.floor.is_some());
        let known = applied.filter(|migration| migration.is_applied).last().map_or(0, |migration| migration.number);
        if self.pending().next().is_some() { known } else { self.newer.last().copied().unwrap_or(known) }
    }

    /// Looks whether this version is below the floor.
    ///
    /// # Errors
    /// The database needs a later version.
    pub fn check_floor(&self) -> Result<(), SchemaProblem> {
        let (floor, own) = (self.floor, self.own());
        if own < floor { Err(SchemaProblem::BelowFloor { floor, own }) } else { Ok(()) }
    }

    /// Looks whether this version runs on the database.
    ///
    /// # Errors
    /// This version cannot run on the database as it is.
    pub fn check(&self) -> Result<(), SchemaProblem> {
        self.check_floor()?;
        if self.is_empty() {
            return Err(SchemaProblem::Empty);
        }
        let needed = self.pending().filter(|migration| migration.floor.is_none()).last();
        let behind = |needs| Err(SchemaProblem::Behind { found: self.schema(), needs });
        needed.map_or(Ok(()), |needed| behind(needed.number))
    }
}
