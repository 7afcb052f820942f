//! Migrating an SQLite file. A reader keeps no migration from its work, nor the other way about:
//! both have a state of the file of their own. Another process that writes is waited for.

use std::time::Duration;

use sqlx::{
    Connection, SqliteConnection,
    migrate::{Migrate, MigrateError, Migration, Migrator},
};
use tokio::time::sleep;

use super::{
    Migrated, SERVER_GONE_AFTER, SchemaProblem, SchemaState, TABLE, floor_of, patience::Patience, state::Found,
};
use crate::db::{Result, error::code, sqlite::BEGIN_WRITING};

/// The pause between two looks whether a server has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// The low byte of `SQLITE_BUSY`, and of all its extended codes.
const BUSY: i32 = 5;

/// Reads what stands in a database; changes nothing.
pub(in crate::db) async fn read(connection: &mut SqliteConnection) -> Result<Found> {
    const SERVERS: &str = "SELECT schema_version AS schema, count(*) AS count FROM key_holders
        WHERE seen_at >= unixepoch() * 1000000 - $1 GROUP BY schema_version
        ORDER BY schema_version LIMIT 1000";
    let exists = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    if sqlx::query_scalar::<_, i64>(exists).fetch_one(&mut *connection).await? == 0 {
        return Ok(Found::default());
    }
    let mut found = Found { applied: connection.list_applied_migrations(TABLE).await?, ..Found::default() };
    if found.has_floor() {
        let floor = "SELECT binaries_need FROM schema_floor";
        found.floor = sqlx::query_scalar(floor).fetch_one(&mut *connection).await?;
        let gone_after = i64::try_from(SERVER_GONE_AFTER.as_micros()).unwrap_or(i64::MAX);
        found.servers = sqlx::query_as(SERVERS).bind(gone_after).fetch_all(&mut *connection).await?;
    }
    Ok(found)
}

/// Applies the migrations that the database does not have, each in a transaction that sees first
/// whether another process has applied it meanwhile.
pub(in crate::db) async fn migrate(
    connection: &mut SqliteConnection,
    migrator: &Migrator,
    patience: Duration,
) -> Result<Migrated> {
    let mut migrated = Migrated::default();
    let mut patience = Patience::of(patience);
    let state = SchemaState::of(migrator, &read(connection).await?)?;
    state.check_floor()?;
    let pending = state.to_apply(migrator);
    for (at, &migration) in pending.iter().enumerate() {
        if let Some(floor) = floor_of(migration)
            && let Some(problem) = raise_floor(connection, migration.version, floor).await?
        {
            if pending[at..].iter().any(|rest| floor_of(rest).is_none()) {
                return Err(problem.into());
            }
            migrated.put_off = Some(problem);
            break;
        }
        let what = format!("migration {} ({})", migration.version, migration.description);
        loop {
            match apply(connection, migrator, migration).await {
                Ok(true) => {
                    tracing::info!("applied {what}");
                    migrated.applied.push(migration.version);
                    break patience.renew();
                }
                Ok(false) => break,
                Err(error) if is_busy(&error) => {
                    tracing::warn!("{what} waits: another process writes to the database");
                    patience.pause(&what, Vec::new()).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(migrated)
}

/// Applies one migration. Returns false if the database has it already, or a later one that this
/// version does not know.
async fn apply(
    connection: &mut SqliteConnection,
    migrator: &Migrator,
    migration: &Migration,
) -> Result<bool, MigrateError> {
    let mut transaction = connection.begin_with(BEGIN_WRITING).await?;
    transaction.ensure_migrations_table(TABLE).await?;
    let applied = transaction.list_applied_migrations(TABLE).await?;
    // Another process may have done it, or a later version, which leaves nothing to do.
    if applied.iter().any(|one| one.version == migration.version || !migrator.version_exists(one.version)) {
        return Ok(false);
    }
    transaction.apply(TABLE, migration).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Makes sure that no version runs that a contracting migration would break. Returns the problem
/// if one does.
async fn raise_floor(connection: &mut SqliteConnection, number: i64, floor: i64) -> Result<Option<SchemaProblem>> {
    const RAISE: &str = "UPDATE schema_floor SET binaries_need = max(binaries_need, $1)";
    let problem = |servers| SchemaProblem::OlderServers { number, floor, servers };
    if let Some(servers) = read(connection).await?.servers_below(floor) {
        return Ok(Some(problem(servers)));
    }
    sqlx::query(RAISE).bind(floor).execute(&mut *connection).await?;
    // A server that began in between finds the floor once it has told that it is there, and ends.
    let grace = Patience::of(SERVER_GONE_AFTER * 2);
    while let Some(servers) = read(connection).await?.servers_below(floor) {
        if grace.left().is_zero() {
            return Ok(Some(problem(servers)));
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(None)
}

fn is_busy(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else { return false };
    code(error).and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == BUSY)
}
