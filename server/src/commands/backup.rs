//! `signet backup`: copies an SQLite database beside a running server, and looks the copy through.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use signet_engine::{
    backup::{self, Contents, Draft, Progress},
    db::DatabaseUrl,
    random::Random,
    seal::{KeyRing, Sealer},
};
use signet_model::Timestamp;

use crate::{config::StorageArgs, storage};

/// `signet backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file that becomes the backup. The sealing key is not in it.
    #[arg(value_name = "FILE")]
    to: PathBuf,
    /// Copy the sealing key into this file as well. It must be in another folder than the
    /// backup: who has both can read all secrets.
    #[arg(long, value_name = "FILE", env = "SIGNET_KEY_TO")]
    key_to: Option<PathBuf>,
    // A variable that is set for one command would take consent for the next one.
    /// Replace a backup, or a copy of another key, that is there.
    #[arg(long)]
    yes: bool,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// Makes a backup, looks it through, and prints what is in it.
///
/// # Errors
/// The database is on PostgreSQL, it cannot be read, or the copy is not whole. Then nothing was
/// backed up.
pub fn run(args: &BackupArgs) -> anyhow::Result<()> {
    let from = sqlite_file(&args.storage)?;
    ensure!(from.exists(), "there is no database {}; name another one with --database", from.display());
    ensure!(!is_same(&from, &args.to), "{} is the database itself: name another file", args.to.display());
    ensure!(!args.to.is_dir(), "{} is a folder: name a file in it", args.to.display());
    ensure!(
        args.yes || !args.to.exists(),
        "{} is there already: name another file, or add --yes to replace it",
        args.to.display()
    );
    let keys = storage::key_sources(&args.storage)?.at_hand(&Random::from_system())?;
    if let Some(key_to) = &args.key_to {
        let ring = keys.as_ref().context("--key-to: the sealing key is not at hand; name its file with --key-file")?;
        check_key_place(ring, key_to, args)?;
    }
    let draft = Draft::beside(&args.to)?;
    backup::copy(&from, &draft, &mut progress()).context("nothing was backed up")?;
    let contents = backup::look(draft.path()).context("nothing was backed up")?;
    if let Some(ring) = &keys {
        ensure!(
            contents.opens_with(&Sealer::new(ring.clone())),
            "the sealing key at hand is not the one that the secrets in {} were sealed with, so nothing was backed \
             up: name the right one with --key-file",
            from.display()
        );
    }
    draft.put_in_place(args.yes)?;
    if let (Some(ring), Some(key_to)) = (&keys, &args.key_to) {
        ring.store(key_to, &Random::from_system()).context("the backup was made, but not the copy of its key")?;
    }
    print!("{}", report(args, &contents, keys.as_ref()));
    Ok(())
}

/// The file of the database.
fn sqlite_file(storage: &StorageArgs) -> anyhow::Result<PathBuf> {
    match storage::url(storage)? {
        DatabaseUrl::Sqlite(path) => Ok(path),
        DatabaseUrl::Postgres(_) => bail!(
            "nothing was backed up: a PostgreSQL database is backed up by its own tools, which know how to copy it \
             while it is written. Use pg_dump, or a base backup with an archive of the log for any point in time, \
             and keep the sealing key apart from it (docs/BACKUP.md)"
        ),
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// Refuses a place for the key beside the backup, and one that holds another key.
fn check_key_place(ring: &KeyRing, key_to: &Path, args: &BackupArgs) -> anyhow::Result<()> {
    let folder = |path: &Path| {
        let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or_else(|| Path::new("."));
        fs::canonicalize(parent).with_context(|| format!("the folder {} cannot be used", parent.display()))
    };
    ensure!(
        folder(key_to)? != folder(&args.to)?,
        "--key-to {} is in the folder of the backup: who gets at that folder could read all secrets. Name a file in \
         another place, best on another machine",
        key_to.display()
    );
    if !key_to.exists() || args.yes {
        return Ok(());
    }
    let there = KeyRing::load_or_create(key_to, &Random::from_system()).context("--key-to")?;
    ensure!(
        there == *ring,
        "--key-to {} holds another key, which older backups may need: name another file, or add --yes to replace it",
        key_to.display()
    );
    Ok(())
}

/// Shows on a terminal how far the copy has come.
fn progress() -> impl FnMut(Progress) {
    let shows = io::stderr().is_terminal();
    let mut told = 0;
    move |Progress { pages, of }| {
        let percent = (pages * 100).checked_div(of).unwrap_or(100);
        if shows && percent != told {
            told = percent;
            let end = if percent == 100 { "\n" } else { "" };
            // Nobody is told if there is no terminal any more.
            let _ = write!(io::stderr(), "\rcopied {percent} %{end}");
        }
    }
}

fn report(args: &BackupArgs, contents: &Contents, keys: Option<&KeyRing>) -> String {
    let sealed = match (keys, contents.has_proof()) {
        (Some(ring), true) => format!("sealed with the key {}, which opens it", ring.seals_with()),
        (None, true) => "whether the sealing key opens it was not checked: name its file with --key-file".to_owned(),
        (_, false) => "no server has sealed a secret in it yet".to_owned(),
    };
    let key = match &args.key_to {
        Some(place) => format!("The sealing key is in {}. Keep it apart from the backup.", place.display()),
        None => {
            "The sealing key is not in it: keep a copy of the key in another place. Without it the signing secrets of \
                 the backup cannot be opened."
                .to_owned()
        }
    };
    format!("Backed up into {}, and looked it through:\n{}      {sealed}\n{key}\n", args.to.display(), told(contents))
}

/// What a whole database holds, a line each.
pub fn told(contents: &Contents) -> String {
    let Contents { bytes, schema, events, deliveries, newest_event, .. } = contents;
    let newest = newest_event.map_or_else(|| "none".to_owned(), Timestamp::rfc3339_seconds);
    format!(
        "{bytes:>12} bytes\n{schema:>12} is the version of the schema\n{events:>12} events, the newest of {newest}\n\
         {deliveries:>12} deliveries\n"
    )
}
