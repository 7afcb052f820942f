//! `signet key add`: a key with which a backend sends events in.

use anyhow::Context;

use super::{AddKey, account};

/// Makes a key and prints it.
///
/// # Errors
/// There is no such account, or the database cannot be used.
pub async fn add(arguments: AddKey) -> anyhow::Result<()> {
    let engine = arguments.storage.open().await?;
    let account = match &arguments.account {
        Some(name) => Some(account::find(&engine, name).await?),
        None => None,
    };
    let (_, text) = engine.create_api_key(account, &arguments.name).await.context("the key could not be made")?;
    println!("{text}");
    Ok(())
}
