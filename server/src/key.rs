//! `signet key add`: a key with which a backend sends events in.

use anyhow::{Context, anyhow};
use signet_engine::Engine;
use signet_model::AccountId;

use crate::cli::AddKey;

/// Makes a key and prints it.
///
/// # Errors
/// There is no such account, or the database cannot be used.
pub async fn add(arguments: AddKey) -> anyhow::Result<()> {
    let engine = arguments.storage.open().await?;
    let account = match &arguments.account {
        Some(account) => Some(find(&engine, account).await?),
        None => None,
    };
    let (_, text) = engine.create_api_key(account, &arguments.name).await.context("the key could not be made")?;
    println!("{text}");
    Ok(())
}

async fn find(engine: &Engine, account: &str) -> anyhow::Result<AccountId> {
    let found = engine.find_account(account).await.context("the account could not be looked up")?;
    found.map(|account| account.id).ok_or_else(|| anyhow!("there is no account {account:?}"))
}
