//! Opening the database, with an engine on top.

mod key_watch;
mod sealing_key;
mod server_lock;

use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use signet_engine::{
    Engine, Environment, Settings,
    clock::SystemClock,
    db::{Database, DatabaseUrl},
    outbound::{Client, Config, Policy},
    random::Random,
    seal::{KeyRing, Sealer},
    service::SealingKeyError,
};

use crate::config::StorageArgs;
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
    args.database.parse().context("--database (or SIGNET_DATABASE)")
}

/// Opens the database, for a command that needs none of the secrets in it and so no
/// key. Makes an SQLite file that is missing.
///
/// # Errors
/// The database cannot be used.
pub async fn open(args: &StorageArgs) -> anyhow::Result<Engine> {
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

/// Opens the database for a server, with the sealing key that it was sealed with.
///
/// # Errors
/// The sealing key, a certificate or the database cannot be used.
pub async fn open_to_serve(args: &StorageArgs, settings: Settings, client: &Config) -> anyhow::Result<Engine> {
    let (random, keys) = (Random::from_system(), key_sources(args)?);
    // A key that cannot be used is refused before a database is made.
    keys.at_hand(&random)?;
    let db = connect(args).await?;
    let key = keys.find(&random, db.has_sealed().await?)?;
    let engine = assemble(db, settings, client, random, Sealer::new(key)).await?;
    engine.prove_sealing_key().await.map_err(advise)?;
    Ok(engine)
}

/// Looks whether the database can be there.
///
/// # Errors
/// The SQLite file is missing.
pub fn must_exist(args: &StorageArgs) -> anyhow::Result<()> {
    if let DatabaseUrl::Sqlite(path) = url(args)? {
        ensure!(path.exists(), "there is no database {}; name another one with --database", path.display());
    }
    Ok(())
}

async fn open_for_command(args: &StorageArgs, settings: Settings, key: Option<KeyRing>) -> anyhow::Result<Engine> {
    let client = client_of_a_command(&settings);
    let random = Random::from_system();
    let sealer = Sealer::new(key.unwrap_or_else(|| KeyRing::from(random.bytes())));
    assemble(connect(args).await?, settings, &client, random, sealer).await
}

async fn connect(args: &StorageArgs) -> anyhow::Result<Database> {
    let url = url(args)?;
    let advice = "check --database, and whether this user may read and write it";
    Database::connect(&url).await.with_context(|| format!("the database {url:?} cannot be opened; {advice}"))
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
