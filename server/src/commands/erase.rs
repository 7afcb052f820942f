//! `signet erase`: nothing remains of an account, or of one of its tasks.

use anyhow::Context;
use signet_engine::{Settings, store::removal::Removed};

use super::{Erase, account};

/// Erases and prints how much, or only counts.
///
/// # Errors
/// There is no such account, or the database cannot be used.
pub async fn run(arguments: Erase) -> anyhow::Result<()> {
    let engine = arguments.storage.open_existing(Settings::default()).await?;
    let account = account::find(&engine, &arguments.account).await?;
    let what = what(&arguments.account, arguments.task.as_deref());
    if arguments.yes {
        let erased = match &arguments.task {
            Some(task) => engine.erase_task(account, task).await,
            None => engine.erase_account(account).await,
        };
        let erased = erased.context("not everything could be erased; run the command again")?;
        println!("Erased {what}: {}.", counts(erased));
    } else {
        let stored = engine.stored_about(account, arguments.task.as_deref()).await?;
        println!("This would erase {what}: {}.\nNothing was erased. Add --yes to do it.", counts(stored));
    }
    engine.close().await;
    Ok(())
}

fn what(account: &str, task: Option<&str>) -> String {
    match task {
        Some(task) => format!("task {task} of account {account}"),
        None => format!("account {account} with its webhooks, keys and people"),
    }
}

fn counts(Removed { events, deliveries, attempts }: Removed) -> String {
    format!("events {events}, deliveries {deliveries}, attempts {attempts}")
}
