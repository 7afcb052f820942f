//! `signet key`: the keys with which a backend sends events in.

use anyhow::Context;
use clap::{Args, Subcommand};
use signet_model::text::KeyName;

use super::account;
use crate::{config::StorageArgs, storage};

/// The commands for API keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, once.
    Add(KeyAddArgs),
}

/// `signet key add`
#[derive(Debug, Args)]
pub struct KeyAddArgs {
    /// The account (name or id) that the key speaks for. Without it the key is
    /// the operator's and may name any account.
    #[arg(long, env = "SIGNET_ACCOUNT")]
    account: Option<String>,
    /// The name of the key, by which it is recognised in the list.
    #[arg(long, env = "SIGNET_KEY_NAME")]
    name: KeyName,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

const NOT_MADE: &str = "the key could not be made";

/// Makes a key and prints it.
///
/// # Errors
/// There is no such account, or the database cannot be used.
pub async fn add(args: KeyAddArgs) -> anyhow::Result<()> {
    let engine = storage::open(&args.storage).await?;
    let made = match &args.account {
        Some(account) => {
            let account = engine.account(account::find(&engine, account).await?);
            account.api_keys().create(&args.name).await.context(NOT_MADE)?
        }
        None => engine.operator_keys().create(&args.name).await.context(NOT_MADE)?,
    };
    println!("{}", made.text);
    Ok(())
}
