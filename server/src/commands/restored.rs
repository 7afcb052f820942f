//! `signet restored`: notes that a database was restored by other means than `signet restore`.

use anyhow::ensure;
use clap::Args;
use signet_engine::{Settings, actor::Operator};
use signet_model::Timestamp;

use super::restore::report;
use crate::{
    config::StorageArgs,
    storage::{self, ServerLock},
};

/// `signet restored`
#[derive(Debug, Args)]
pub struct RestoredArgs {
    /// The instant of the restore (RFC 3339), if servers have run on the database since: what
    /// was accepted after it is not marked. Default: now.
    #[arg(long, value_name = "TIME", env = "SIGNET_RESTORED_AT", value_parser = instant)]
    at: Option<Timestamp>,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).map_err(|_| "is no instant: write it as 2026-03-28T12:00:00Z".to_owned())
}

/// Marks what may have been sent already, and prints what that is.
///
/// # Errors
/// A server runs, the instant lies ahead, or the database cannot be used.
pub async fn run(args: RestoredArgs) -> anyhow::Result<()> {
    let _no_server = ServerLock::take(&storage::url(&args.storage)?)?;
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    let marked = async {
        let now = engine.clock().now();
        ensure!(args.at.is_none_or(|at| at <= now), "--at lies ahead: by the clock of the database it is {now}");
        let servers = engine.sealing().servers().await?;
        ensure!(
            servers == 0 || storage::url(&args.storage)?.is_sqlite(),
            "{servers} servers have used this database in the last 35 seconds: stop them all first. If the restored \
             database is as new as that, run the command again in 35 seconds"
        );
        Ok(engine.restores().mark(&Operator::command(), args.at).await?)
    }
    .await;
    engine.close().await;
    print!("Marked as restored.\n{}", report(&marked?));
    Ok(())
}
