//! `signet erase`: removes an account, or the events of one of its tasks, for good.

use anyhow::Context;
use clap::Args;
use signet_engine::{Settings, actor::Operator, service::removal::Removed};

use super::account;
use crate::{config::StorageArgs, storage};

/// `signet erase`
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// The account (name or id).
    #[arg(long, env = "SIGNET_ACCOUNT")]
    account: String,
    /// The `taskId` of the events to erase. Without it the whole account is
    /// erased, with its webhooks, its keys and its people.
    #[arg(long, value_name = "ID", env = "SIGNET_TASK")]
    task: Option<String>,
    // A variable that is set for one command would take consent for the next one.
    /// Really erase. Without this option the rows that would be erased are counted.
    #[arg(long)]
    yes: bool,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// Erases and prints how much, or only counts.
///
/// # Errors
/// There is no such account, or the database cannot be used.
pub async fn run(args: EraseArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    let actor = Operator::command().in_account(account::find(&engine, &args.account).await?);
    let account = engine.account(&actor);
    let subject = subject(&args.account, args.task.as_deref());
    if args.yes {
        let erased = match &args.task {
            Some(task) => account.erase_task(task).await,
            None => account.erase().await,
        };
        let erased = erased.context("some rows could not be erased; run the command again")?;
        println!("Erased {subject}: {}.", counts(erased));
    } else {
        let stored = account.stored(args.task.as_deref()).await?;
        println!("This would erase {subject}: {}.\nNothing was erased. Add --yes to do it.", counts(stored));
    }
    engine.close().await;
    Ok(())
}

fn subject(account: &str, task: Option<&str>) -> String {
    match task {
        Some(task) => format!("task {task} of account {account}"),
        None => format!("account {account} with its webhooks, keys and people"),
    }
}

fn counts(Removed { events, deliveries, attempts }: Removed) -> String {
    format!("events {events}, deliveries {deliveries}, attempts {attempts}")
}
