//! `signet restore`: puts a backup in the place of an SQLite database.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use signet_engine::{
    actor::Operator,
    backup::{self, Draft},
    clock::SystemClock,
    db::DatabaseUrl,
    service::restores::Marked,
};
use signet_model::{Timestamp, time::Clock};

use super::backup::told;
use crate::{
    config::StorageArgs,
    storage::{self, ServerLock},
};

/// `signet restore`
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup, which stays as it is.
    #[arg(value_name = "FILE")]
    from: PathBuf,
    // A variable that is set for one command would take consent for the next one.
    /// Replace the database that is there; it is kept beside the new one. Without this option
    /// the backup is only looked through where a database is there.
    #[arg(long)]
    yes: bool,
    /// The database that the backup becomes.
    #[command(flatten)]
    storage: StorageArgs,
}

/// Looks the backup through, puts it in place, marks what may have been sent already, and prints
/// what that is.
///
/// # Errors
/// The backup is not whole, its key is not at hand, or a server runs. Then nothing has changed.
pub async fn run(args: RestoreArgs) -> anyhow::Result<()> {
    let url = storage::url(&args.storage)?;
    let DatabaseUrl::Sqlite(place) = &url else {
        bail!(
            "nothing was restored: a PostgreSQL database is restored by its own tools (pg_restore, or recovery to a \
             point in time). Run `signet restored` after that, before a server starts (docs/BACKUP.md)"
        );
    };
    ensure!(args.from.is_file(), "there is no backup {}", args.from.display());
    let _no_server = ServerLock::take(&url)?;
    // By a link the file itself is replaced.
    let place = fs::canonicalize(place).unwrap_or_else(|_| place.clone());
    ensure!(
        fs::canonicalize(&args.from).ok().as_ref() != Some(&place),
        "{} is the database itself: name a backup",
        args.from.display()
    );
    let draft = Draft::beside(&place)?;
    backup::copy(&args.from, &draft, &mut |_| {}).context("nothing was restored")?;
    // Complaints name the backup, and not its copy.
    let contents = backup::look(draft.path()).map_err(|error| error.at(&args.from)).context("nothing was restored")?;
    let engine = storage::open_copy(&args.storage, draft.path(), contents.has_proof());
    let engine = engine.await.context("nothing was restored")?;
    if !args.yes && place.exists() {
        engine.close().await;
        print!("The backup {} is whole, and its key is at hand:\n{}", args.from.display(), told(&contents));
        bail!(
            "nothing was restored: {} is there. Add --yes to put the backup in its place; it is kept beside it",
            place.display()
        );
    }
    let marked = engine.restores().mark(&Operator::command(), None).await;
    engine.close().await;
    let marked = marked.context("nothing was restored")?;
    let kept = backup::replace(draft, SystemClock.now())?;
    println!("Restored {} from {}:", place.display(), args.from.display());
    print!("{}", told(&contents));
    if let Some(kept) = kept {
        println!("The database of before is kept in {}. Remove it when you need it no more.", kept.display());
    }
    print!("{}", report(&marked));
    Ok(())
}

/// What the operator has to know after a restore.
pub fn report(marked: &Marked) -> String {
    let Marked { restored_at, holds_to, pending, held, failed, sessions, links, keys } = marked;
    let to = holds_to.map_or_else(|| "its beginning".to_owned(), Timestamp::rfc3339_seconds);
    format!(
        "
Between {to} and {} nothing is known.
May have been sent already in that time, and is marked so in the dashboard, in the API, and in the
header X-Webhook-Possible-Repeat of what is sent:
{pending:>12} pending deliveries, which the next server sends
{held:>12} held deliveries, which wait for a decision
{failed:>12} failed deliveries, which are sent again only if somebody asks for it
Events that were accepted in that time are lost: have your service send them again, with the
idempotency keys of the first time. What the backup holds is recognised by them for 24 hours.
Ended, because some may have been used or signed out since: {sessions} sessions, {links} one-time links.
In force again, if they were changed in that time: passwords, second factors, roles, signing
secrets, webhooks, and {keys} API keys. Revoke the keys that you revoked, and erase what you erased.
",
        restored_at.rfc3339_seconds()
    )
}
