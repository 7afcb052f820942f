//! `signet sealing-key`: the rotation of the key that seals secrets at rest.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use signet_engine::{
    Engine, Settings,
    actor::Operator,
    random::Random,
    seal::{KeyId, KeyRing, SealKey},
    service::sealing::Resealed,
};
use tokio::time::sleep;

use crate::{
    config::StorageArgs,
    storage::{self, KEY_VARIABLE, Opened},
};

/// The time between two looks at the servers.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The time in which a transaction that has sealed with the old key commits.
const SETTLE: Duration = Duration::from_secs(5);

/// The commands for the sealing key.
#[derive(Debug, Subcommand)]
pub enum SealingKeyCommand {
    /// Put a new key in the place of the present one: add it to the key file, wait until
    /// every server has it, seal everything anew, and remove the old key. Can be run while
    /// servers run; after an end in the middle, run it again.
    Rotate(SealingKeyArgs),
    /// Seal everything anew with the first of the keys at hand: for keys that are given by
    /// the environment, or by a file that cannot be written.
    Reseal(SealingKeyArgs),
}

/// `signet sealing-key rotate` and `signet sealing-key reseal`
#[derive(Debug, Args)]
pub struct SealingKeyArgs {
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// Runs a command.
///
/// # Errors
/// The keys or the database cannot be used.
pub async fn run(command: SealingKeyCommand) -> anyhow::Result<()> {
    match command {
        SealingKeyCommand::Rotate(args) => rotate(&args.storage).await,
        SealingKeyCommand::Reseal(args) => reseal(&args.storage).await,
    }
}

async fn rotate(storage: &StorageArgs) -> anyhow::Result<()> {
    let file = storage::key_sources(storage)?.file().with_context(|| {
        format!(
            "the keys are in {KEY_VARIABLE}, which a command cannot change: docs/OPERATIONS.md tells how to rotate \
             them there"
        )
    })?;
    ensure!(file.exists(), "there is no key file {}; name it with --key-file", file.display());
    let rotation = Rotation::begin(file, open(storage).await?)?;
    let ring = rotation.add().await?;
    let ring = rotation.promote(ring).await?;
    finish(&rotation.engine, ring.seals_with()).await?;
    rotation.store(&ring.alone())?;
    println!("Done. The old key has left the file: keep it with the backups that were made before.");
    rotation.engine.close().await;
    Ok(())
}

async fn reseal(storage: &StorageArgs) -> anyhow::Result<()> {
    let engine = open(storage).await?;
    let key = engine.sealing().ring().seals_with();
    engine.sealing().note_rotation(&Operator::command()).await?;
    finish(&engine, key).await?;
    println!("Done. No stored secret needs a key other than {key}.");
    engine.close().await;
    Ok(())
}

/// An engine with the keys of this database.
async fn open(storage: &StorageArgs) -> anyhow::Result<Engine> {
    let Opened { engine, has_key } = storage::open_existing_with_key(storage, Settings::default()).await?;
    ensure!(has_key, "there is no sealing key: name its file with --key-file");
    engine.prove_sealing_key().await.context("the key file does not belong to this database")?;
    Ok(engine)
}

/// Waits until every server seals with a key, and seals everything else anew.
async fn finish(engine: &Engine, key: KeyId) -> anyhow::Result<()> {
    let waited = wait(async || engine.sealing().sealing_without(key).await, "seal with the new key").await?;
    if waited {
        sleep(SETTLE).await;
    }
    let mut told = 0;
    let step = |resealed: u64| {
        if resealed >= told + 1_000 {
            told = resealed;
            println!("Sealed {resealed} secrets anew.");
        }
    };
    let done = engine.sealing().reseal(step).await;
    let Resealed { resealed, unopened } = done.context("secrets could not be sealed anew; run it again")?;
    println!("Sealed {resealed} secrets anew.");
    if unopened > 0 {
        println!("{unopened} secrets open with none of the keys, and stay as they are: `signet check` names them.");
    }
    Ok(())
}

/// Waits until no server is counted any more. Returns true if one runs.
async fn wait(count: impl AsyncFn() -> signet_engine::db::Result<i64>, what: &str) -> anyhow::Result<bool> {
    let mut last = 0;
    loop {
        let count = count().await.context("the servers could not be counted")?;
        if count == 0 {
            return Ok(last > 0);
        }
        if count != last {
            println!("Waiting for {count} servers to {what}.");
            last = count;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// A rotation in a key file, which no other one changes meanwhile.
struct Rotation {
    file: PathBuf,
    engine: Engine,
    random: Random,
    _lock: File,
}

impl Rotation {
    fn begin(file: PathBuf, engine: Engine) -> anyhow::Result<Self> {
        Ok(Self { _lock: lock(&file)?, file, engine, random: Random::from_system() })
    }

    fn store(&self, ring: &KeyRing) -> anyhow::Result<()> {
        ring.store(&self.file, &self.random)
            .context("a file that cannot be written is changed by hand: docs/OPERATIONS.md tells how")?;
        self.engine.sealing().replace(ring.clone());
        Ok(())
    }

    /// Adds a new key to the file, if no rotation is under way, and waits for the servers.
    async fn add(&self) -> anyhow::Result<KeyRing> {
        let mut ring = KeyRing::load_or_create(&self.file, &self.random)?;
        if ring.has_old() {
            println!("Going on with a rotation: the key {} seals already.", ring.seals_with());
            return Ok(ring);
        }
        if ring.next().is_none() {
            ring = ring.with_next(SealKey::new(&self.random));
            self.store(&ring)?;
        }
        if let Some(next) = ring.next() {
            println!("Added the key {next} to {}.", self.file.display());
            wait(async || self.engine.sealing().without(next).await, "read the new key").await?;
        }
        Ok(ring)
    }

    /// Has the new key seal.
    async fn promote(&self, ring: KeyRing) -> anyhow::Result<KeyRing> {
        let ring = ring.promoted();
        self.store(&ring)?;
        self.engine.sealing().note_rotation(&Operator::command()).await?;
        println!("The key {} seals from now on.", ring.seals_with());
        Ok(ring)
    }
}

/// Takes the lock beside a key file; it ends with the process.
fn lock(file: &Path) -> anyhow::Result<File> {
    let mut path = file.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let lock =
        lock.with_context(|| format!("{} cannot be made, so that the keys cannot be changed", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!("another command is rotating the key in {}", file.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("{} cannot be locked", path.display())),
    }
}
