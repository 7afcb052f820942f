//! `signet migrate`: brings the schema of the database up to date, without a server.

use std::fmt;

use anyhow::Context;
use clap::Args;
use signet_engine::db::{
    Database,
    schema::{KnownMigration, RunningServers, SchemaState},
};

use crate::{
    config::{PatienceArgs, StorageArgs},
    storage,
};

/// `signet migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Change nothing: list the migrations that the database has, and those that would be
    /// applied.
    #[arg(long, env = "SIGNET_DRY_RUN")]
    dry_run: bool,
    /// The patience.
    #[command(flatten)]
    patience: PatienceArgs,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// Migrates and prints what was done, or only lists.
///
/// # Errors
/// The database cannot be used or does not go with this version, or a lock was not to be had.
pub async fn run(args: MigrateArgs) -> anyhow::Result<()> {
    if args.dry_run {
        print!("{}", Listing(&storage::schema(&args.storage).await?));
        return Ok(());
    }
    let migrated = storage::migrate(&args.storage, &args.patience).await?;
    let state = Database::schema(&storage::url(&args.storage)?).await.context("the schema cannot be read again")?;
    match migrated.applied.as_slice() {
        [] => println!("Nothing was to be applied."),
        [one] => println!("Applied migration {one}."),
        [first, .., last] => println!("Applied {} migrations, {first} to {last}.", migrated.applied.len()),
    }
    if let Some(problem) = migrated.put_off {
        println!("Put off: {problem}. Run `signet migrate` again then.");
    }
    print!("{}", Summary(&state));
    Ok(())
}

/// The schema, the floor, and who runs.
struct Summary<'a>(&'a SchemaState);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0;
        writeln!(f, "The database has schema {}; this version of Signet has {}.", state.schema(), state.own())?;
        writeln!(f, "Versions from schema {} on may run on it.", state.floor)?;
        for RunningServers { schema, count } in &state.servers {
            let servers = if *count == 1 { "server runs" } else { "servers run" };
            match schema {
                Some(schema) => writeln!(f, "{count} {servers} with schema {schema}.")?,
                None => writeln!(f, "{count} {servers} with a schema below 29.")?,
            }
        }
        Ok(())
    }
}

/// All migrations, and then the summary.
struct Listing<'a>(&'a SchemaState);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for KnownMigration { number, name, floor, is_applied } in &self.0.migrations {
            let state = if *is_applied { "applied" } else { "pending" };
            write!(f, "{state}  {number:04} {name}")?;
            match floor {
                Some(floor) => writeln!(f, " (takes away: versions from schema {floor} on run then)")?,
                None => writeln!(f)?,
            }
        }
        for number in &self.0.newer {
            writeln!(f, "applied  {number:04} of a later version")?;
        }
        writeln!(f)?;
        Summary(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn what_is_applied_and_pending_and_the_floor_can_be_read() {
        let known =
            |number, name: &str, floor, is_applied| KnownMigration { number, name: name.into(), floor, is_applied };
        let state = SchemaState {
            migrations: vec![
                known(30, "wider names", None, true),
                known(31, "shorter names", Some(30), false),
                known(32, "colours", None, false),
            ],
            newer: vec![],
            floor: 29,
            servers: vec![RunningServers { schema: None, count: 1 }, RunningServers { schema: Some(30), count: 2 }],
        };
        assert_snapshot!(Listing(&state), @r"
        applied  0030 wider names
        pending  0031 shorter names (takes away: versions from schema 30 on run then)
        pending  0032 colours

        The database has schema 30; this version of Signet has 32.
        Versions from schema 29 on may run on it.
        1 server runs with a schema below 29.
        2 servers run with schema 30.
        ");
        let ahead =
            SchemaState { newer: vec![33], servers: vec![], migrations: state.migrations[..1].to_vec(), ..state };
        assert_snapshot!(Listing(&ahead), @r"
        applied  0030 wider names
        applied  0033 of a later version

        The database has schema 33; this version of Signet has 30.
        Versions from schema 29 on may run on it.
        ");
    }
}
