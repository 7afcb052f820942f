//! Migrating a PostgreSQL database while servers work with it.
//!
//! A statement that waits for the lock of a table makes everybody wait that comes after it. So a
//! migration waits for its locks a moment only, is undone, and is tried again after a pause.
//! Indexes are built without a lock (`-- no-transaction` and `CREATE INDEX CONCURRENTLY`): nobody
//! waits behind them, and they wait for as long as there is patience.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection,
    migrate::{AppliedMigration, Migrate, MigrateError, Migration, Migrator},
    postgres::PgConnectOptions,
};
use tokio::time::sleep;

use super::{
    Migrated, SERVER_GONE_AFTER, SchemaProblem, SchemaState, TABLE,
    blockers::{Blocker, watched},
    floor_of,
    patience::Patience,
    state::Found,
};
use crate::db::{Error, Result, error::code};

/// For how long a migration makes others wait behind it, at most, before it gives way.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);
/// The pause between two looks whether servers have ended.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Another session has the lock (`lock_not_available`), or it came to a deadlock
/// (`deadlock_detected`): the next try may succeed.
const LATER: [&str; 2] = ["55P03", "40P01"];

/// Reads what stands in a database; changes nothing.
pub(in crate::db) async fn read(connection: &mut PgConnection) -> Result<Found> {
    const SERVERS: &str = "SELECT schema_version AS schema, count(*) AS count FROM key_holders
        WHERE seen_at >= clock_timestamp() - make_interval(secs => $1) GROUP BY schema_version
        ORDER BY schema_version NULLS FIRST LIMIT 1000";
    let exists = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    // Without names, which a pooler would mix up.
    if !sqlx::query_scalar::<_, bool>(exists).persistent(false).fetch_one(&mut *connection).await? {
        return Ok(Found::default());
    }
    let applied = "SELECT version, checksum FROM _sqlx_migrations ORDER BY version";
    let applied: Vec<(i64, Vec<u8>)> = sqlx::query_as(applied).persistent(false).fetch_all(&mut *connection).await?;
    let applied =
        applied.into_iter().map(|(version, checksum)| AppliedMigration { version, checksum: checksum.into() });
    let mut found = Found { applied: applied.collect(), ..Found::default() };
    if found.has_floor() {
        let floor = "SELECT binaries_need FROM schema_floor";
        found.floor = sqlx::query_scalar(floor).persistent(false).fetch_one(&mut *connection).await?;
        let servers = sqlx::query_as(SERVERS).bind(SERVER_GONE_AFTER.as_secs_f64()).persistent(false);
        found.servers = servers.fetch_all(&mut *connection).await?;
    }
    Ok(found)
}

/// Applies the migrations that the database does not have, one process at a time.
pub(in crate::db) async fn migrate(
    options: &PgConnectOptions,
    migrator: &Migrator,
    patience: Duration,
) -> Result<Migrated> {
    let mut connection = PgConnection::connect_with(options).await?;
    let state = SchemaState::of(migrator, &read(&mut connection).await?)?;
    state.check_floor()?;
    if state.to_apply(migrator).is_empty() {
        connection.close().await?;
        return Ok(Migrated::default());
    }
    let session = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await?;
    let mut migrating = Migrating {
        options,
        migrator,
        connection,
        session,
        patience: Patience::of(patience),
        migrated: Migrated::default(),
    };
    migrating.lock().await?;
    migrating.apply_all().await?;
    // The end of the connection gives the lock back.
    migrating.connection.close().await?;
    Ok(migrating.migrated)
}

struct Migrating<'m> {
    options: &'m PgConnectOptions,
    migrator: &'m Migrator,
    connection: PgConnection,
    /// The process of the server that works for the connection.
    session: i32,
    patience: Patience,
    migrated: Migrated,
}

impl Migrating<'_> {
    /// Waits for other processes that migrate.
    async fn lock(&mut self) -> Result<()> {
        const WHAT: &str = "another migration of the same database is under way: this one";
        loop {
            // Whoever waits for this lock has a snapshot, for which the building of an index
            // waits in turn.
            self.wait_for_locks(LOCK_TIMEOUT).await?;
            let (locked, blockers) =
                watched(self.options, self.session, WHAT, Migrate::lock(&mut self.connection)).await;
            match locked {
                Ok(()) => break self.patience.renew(),
                Err(error) if is_for_later(&error) => self.patience.pause(WHAT, blockers).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn apply_all(&mut self) -> Result<()> {
        self.connection.ensure_migrations_table(TABLE).await?;
        if let Some(number) = self.connection.dirty_version(TABLE).await? {
            return Err(MigrateError::Dirty(number).into());
        }
        // Another process may have applied some meanwhile.
        let state = SchemaState::of(self.migrator, &read(&mut self.connection).await?)?;
        state.check_floor()?;
        let pending = state.to_apply(self.migrator);
        for (at, &migration) in pending.iter().enumerate() {
            if let Some(floor) = floor_of(migration)
                && let Some(problem) = self.raise_floor(migration.version, floor).await?
            {
                if pending[at..].iter().any(|rest| floor_of(rest).is_none()) {
                    return Err(problem.into());
                }
                self.migrated.put_off = Some(problem);
                break;
            }
            self.apply(migration).await?;
        }
        Ok(())
    }

    /// Applies one migration, as often as it takes.
    async fn apply(&mut self, migration: &Migration) -> Result<()> {
        let what = format!("migration {} ({})", migration.version, migration.description);
        loop {
            match self.attempt(migration, &what).await {
                (Ok(()), _) => break,
                (Err(Error::Migration(error)), blockers) if is_for_later(&error) => {
                    tracing::info!("{what} gives way to others, and tries again soon");
                    self.patience.pause(&what, blockers).await?;
                }
                (Err(error), _) => return Err(error),
            }
        }
        tracing::info!("applied {what}");
        self.migrated.applied.push(migration.version);
        self.patience.renew();
        Ok(())
    }

    async fn attempt(&mut self, migration: &Migration, what: &str) -> (Result<()>, Vec<Blocker>) {
        if let Err(error) = self.prepare(migration).await {
            return (Err(error), Vec::new());
        }
        let (applied, blockers) =
            watched(self.options, self.session, what, self.connection.apply(TABLE, migration)).await;
        (applied.map(drop).map_err(Error::from), blockers)
    }

    async fn prepare(&mut self, migration: &Migration) -> Result<()> {
        if !migration.no_tx {
            return self.wait_for_locks(LOCK_TIMEOUT).await;
        }
        // 0 would be for ever.
        self.wait_for_locks(self.patience.left().max(LOCK_TIMEOUT)).await?;
        match index_of(migration.sql.as_str()) {
            Some(index) => self.drop_invalid(index).await,
            None => Ok(()),
        }
    }

    /// Removes what an earlier try has left of an index.
    async fn drop_invalid(&mut self, index: &str) -> Result<()> {
        const INVALID: &str = "SELECT EXISTS (SELECT FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
            WHERE c.relname = $1 AND c.relnamespace = CAST(current_schema() AS regnamespace) AND NOT i.indisvalid)";
        let is_left: bool = sqlx::query_scalar(INVALID).bind(index).fetch_one(&mut self.connection).await?;
        if is_left {
            tracing::info!(index, "removes what an earlier try has left of an index");
            let drop = format!("DROP INDEX CONCURRENTLY \"{index}\"");
            self.connection.execute(AssertSqlSafe(drop)).await.map_err(MigrateError::from)?;
        }
        Ok(())
    }

    /// Makes sure that no version runs that a contracting migration would break. Returns the
    /// problem if one does.
    async fn raise_floor(&mut self, number: i64, floor: i64) -> Result<Option<SchemaProblem>> {
        const RAISE: &str = "UPDATE schema_floor SET binaries_need = greatest(binaries_need, $1)";
        let problem = |servers| SchemaProblem::OlderServers { number, floor, servers };
        if let Some(servers) = read(&mut self.connection).await?.servers_below(floor) {
            return Ok(Some(problem(servers)));
        }
        self.wait_for_locks(LOCK_TIMEOUT).await?;
        sqlx::query(RAISE).bind(floor).execute(&mut self.connection).await?;
        // A server that began in between finds the floor once it has told that it is there, and ends.
        let grace = Patience::of(SERVER_GONE_AFTER * 2);
        while let Some(servers) = read(&mut self.connection).await?.servers_below(floor) {
            if grace.left().is_zero() {
                return Ok(Some(problem(servers)));
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(None)
    }

    async fn wait_for_locks(&mut self, limit: Duration) -> Result<()> {
        let set = format!("SET lock_timeout = '{}ms'", limit.as_millis());
        self.connection.execute(AssertSqlSafe(set)).await?;
        Ok(())
    }
}

/// The index that a migration outside a transaction builds.
fn index_of(sql: &str) -> Option<&str> {
    let (_, rest) = sql.split_once("INDEX CONCURRENTLY IF NOT EXISTS ")?;
    rest.split_whitespace().next()
}

/// True if another try may succeed.
fn is_for_later(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else { return false };
    code(error).is_some_and(|code| LATER.contains(&code.as_ref()))
}
