//! Opening the database, with an engine on top.

mod key_watch;
mod sealing_key;
mod server_lock;

use std::{path::Path, sync::Arc};

use anyhow::{Context, anyhow, bail, ensure};
use signet_engine::{
    Engine, Environment, Settings,
    clock::SystemClock,
    db::{
        self, Database, DatabaseUrl, SchemaProblem, Trouble,
        schema::{LOCK_PATIENCE, Migrated, SchemaState},
    },
    outbound::{Client, Config, Policy},
    random::Random,
    seal::{KeyRing, Sealer},
    service::SealingKeyError,
};

use crate::config::{MigrationArgs, PatienceArgs, StorageArgs};
pub use key_watch::KeyWatch;
pub use sealing_key::{KEY_VARIABLE, Sources};
pub use server_lock::ServerLock;

/// An engine that was opened with the sealing key, if that is at hand.
#[derive(Debug)]
pub struct Opened {
    /// The engine.
    pub engine: Engine,
    /// True if the sealing key is at hand, so that signing secrets can be opened.
    pub has_key: bool,
}

/// Parses the option for the database.
///
/// # Errors
/// The option names no database. The error does not repeat it: it can hold a password.
pub fn url(args: &StorageArgs) -> anyhow::Result<DatabaseUrl> {
    args.url()
}

/// Reads the schema of a database that exists.
///
/// # Errors
/// The database cannot be used.
pub async fn schema(args: &StorageArgs) -> anyhow::Result<SchemaState> {
    must_exist(args)?;
    Database::schema(&url(args)?).await.map_err(|error| unusable(args, &error))
}

/// Brings the schema of the database up to date. Makes an SQLite file that is missing.
///
/// # Errors
/// The database cannot be used or does not go with this version, or a lock was not to be had.
pub async fn migrate(args: &StorageArgs, patience: &PatienceArgs) -> anyhow::Result<Migrated> {
    let migrated = Database::migrate(&url(args)?, patience.migrate_wait.get()).await;
    let migrated = migrated.map_err(|error| unusable(args, &error))?;
    if let Some(problem) = &migrated.put_off {
        tracing::warn!("{problem}. Run `signet migrate` then, or start a server again");
    }
    Ok(migrated)
}

/// Opens the database, for a command that needs none of the secrets in it and so no
/// key. Makes a database that has nothing in it yet, and an SQLite file that is missing.
///
/// # Errors
/// The database cannot be used.
pub async fn open(args: &StorageArgs) -> anyhow::Result<Engine> {
    if is_missing(&url(args)?) || schema(args).await?.is_empty() {
        Database::migrate(&url(args)?, LOCK_PATIENCE).await.map_err(|error| unusable(args, &error))?;
    }
    open_for_command(args, Settings::default(), None).await
}

/// Opens a database that exists, for a command that needs no secrets.
///
/// # Errors
/// The SQLite file is missing, or the database cannot be used.
pub async fn open_existing(args: &StorageArgs, settings: Settings) -> anyhow::Result<Engine> {
    must_exist(args)?;
    open_for_command(args, settings, None).await
}

/// Opens a database that exists, with the sealing key if that is at hand.
///
/// # Errors
/// The SQLite file is missing, or the database or the key at hand cannot be used.
pub async fn open_existing_with_key(args: &StorageArgs, settings: Settings) -> anyhow::Result<Opened> {
    must_exist(args)?;
    let key = key_sources(args)?.at_hand(&Random::from_system())?;
    let has_key = key.is_some();
    Ok(Opened { engine: open_for_command(args, settings, key).await?, has_key })
}

/// Opens the database for a server, with the sealing key that it was sealed with. Brings the
/// schema up to date before, unless that is not wanted.
///
/// # Errors
/// The sealing key, a certificate or the database cannot be used.
pub async fn open_to_serve(
    args: &StorageArgs,
    migration: &MigrationArgs,
    settings: Settings,
    client: &Config,
) -> anyhow::Result<Engine> {
    let (random, keys) = (Random::from_system(), key_sources(args)?);
    // A key that cannot be used is refused before a database is made.
    keys.at_hand(&random)?;
    if !migration.no_migrate {
        migrate(args, &migration.patience).await?;
    }
    must_exist(args)?;
    let db = connect(args).await?;
    let key = keys.find(&random, db.has_sealed().await?)?;
    let engine = assemble(db, settings, client, random, Sealer::new(key)).await?;
    engine.prove_sealing_key().await.map_err(advise)?;
    engine.restores().remember().await.context("the last restore could not be read")?;
    Ok(engine)
}

/// Opens a copy of a database that is to be put in the place of the one that is named, with the
/// key that it was sealed with.
///
/// # Errors
/// There is no key for it, or not the right one, or the copy cannot be brought up to date.
pub async fn open_copy(args: &StorageArgs, copy: &Path, has_sealed: bool) -> anyhow::Result<Engine> {
    let (random, keys) = (Random::from_system(), key_sources(args)?);
    let key = match keys.at_hand(&random)? {
        None if has_sealed => bail!(
            "the sealing key is not at hand: put its copy in {}, or name it with --key-file, or set SIGNET_KEY",
            keys.file().map_or_else(|| "a file".to_owned(), |file| file.display().to_string())
        ),
        key => key,
    };
    let has_key = key.is_some();
    let db = Database::connect(&DatabaseUrl::Sqlite(copy.to_owned())).await?;
    let sealer = Sealer::new(key.unwrap_or_else(|| KeyRing::from(random.bytes())));
    let settings = Settings::default();
    let engine = assemble(db, settings.clone(), &client_of_a_command(&settings), random, sealer).await?;
    if has_key {
        engine.prove_sealing_key().await.map_err(advise)?;
    }
    Ok(engine)
}

/// Looks whether the database can be there.
///
/// # Errors
/// The SQLite file is missing.
pub fn must_exist(args: &StorageArgs) -> anyhow::Result<()> {
    let url = url(args)?;
    ensure!(!is_missing(&url), "there is no database {url:?}; name another one with --database");
    Ok(())
}

/// True for an SQLite file that does not exist.
fn is_missing(url: &DatabaseUrl) -> bool {
    matches!(url, DatabaseUrl::Sqlite(path) if !path.exists())
}

async fn open_for_command(args: &StorageArgs, settings: Settings, key: Option<KeyRing>) -> anyhow::Result<Engine> {
    let client = client_of_a_command(&settings);
    let random = Random::from_system();
    let sealer = Sealer::new(key.unwrap_or_else(|| KeyRing::from(random.bytes())));
    assemble(connect(args).await?, settings, &client, random, sealer).await
}

async fn connect(args: &StorageArgs) -> anyhow::Result<Database> {
    Database::open(&url(args)?).await.map_err(|error| unusable(args, &error))
}

/// Adds to an error what to do about it.
fn unusable(args: &StorageArgs, error: &db::Error) -> anyhow::Error {
    let advice = match &error {
        db::Error::Schema(problem) => match problem {
            SchemaProblem::Behind { .. } | SchemaProblem::Empty => "run `signet migrate`, or start a server",
            SchemaProblem::BelowFloor { .. } => "start a later version; docs/UPGRADING.md says which",
            SchemaProblem::OlderServers { .. } => "stop those servers, or upgrade them first, and try again",
            SchemaProblem::Pooler => "docs/SCALING.md says more",
            SchemaProblem::Locked { .. } => "end what holds them, or wait longer with --migrate-wait, and try again",
        },
        db::Error::UntoldPooler => "docs/SCALING.md says what that costs",
        _ => "check --database, and whether this user may read and write it",
    };
    // Its password is not shown.
    let database = args.url().map_or_else(|_| String::new(), |url| format!("{url:?} "));
    if let Some(Trouble::Disk | Trouble::ServerDisk | Trouble::ReadOnly | Trouble::Crowded) = error.trouble()
        && let Some(words) = args.url().ok().and_then(|url| error.advice(&url))
    {
        return anyhow!("the database {database}cannot be used: {words}");
    }
    anyhow!("the database {database}cannot be used: {error}; {advice}")
}

/// The places of the sealing keys.
///
/// # Errors
/// The option names no database.
pub fn key_sources(args: &StorageArgs) -> anyhow::Result<Sources> {
    let given = std::env::var(KEY_VARIABLE).ok();
    Ok(Sources { given, file: args.key_file.clone(), database: url(args)? })
}

async fn assemble(
    db: Database,
    settings: Settings,
    client: &Config,
    random: Random,
    sealer: Sealer,
) -> anyhow::Result<Engine> {
    let (policy, client) = (client.policy.clone(), Client::new(client)?);
    let clock = db.clock(Arc::new(SystemClock)).await?;
    Ok(Engine::new(Environment { db, clock, random, sealer, policy, client }, settings))
}

/// Adds the advice for a key that cannot be proved.
fn advise(error: SealingKeyError) -> anyhow::Error {
    match error {
        SealingKeyError::Wrong => {
            anyhow!("{error}: name the file of the old key with --key-file, or set SIGNET_KEY to it")
        }
        SealingKeyError::Database(error) => {
            anyhow!("the database cannot be written; check whether this user may: {error}")
        }
    }
}

fn client_of_a_command(settings: &Settings) -> Config {
    Config {
        policy: Policy::public(),
        egress_proxy: None,
        extra_authorities: Vec::new(),
        budget: settings.budget,
        max_response_body: settings.max_response_body,
    }
}
