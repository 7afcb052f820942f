//! `signet account add`: an account, and the link with which its owner signs up.

use anyhow::{Context, anyhow, bail};
use signet_engine::Engine;
use signet_model::AccountId;

use crate::{cli::AddAccount, config::PublicUrl};

/// Adds an account and prints its one-time link.
///
/// # Errors
/// The name is taken, or the database cannot be used.
pub async fn add(arguments: AddAccount) -> anyhow::Result<()> {
    let engine = arguments.storage.open().await?;
    let link = create(&engine, &arguments.name, &arguments.public_url).await?;
    println!("{link}");
    Ok(())
}

async fn create(engine: &Engine, name: &str, public_url: &PublicUrl) -> anyhow::Result<String> {
    let Some(account) = engine.create_account(name).await.context("the account could not be added")? else {
        bail!("there is an account with the name {name:?} already");
    };
    let token = engine.create_setup_link(account.id).await.context("the link could not be made")?;
    Ok(setup_link(public_url.origin(), &token))
}

/// The address of a one-time link.
pub fn setup_link(origin: &str, token: &str) -> String {
    format!("{origin}/setup/{token}")
}

/// The account with this name or id.
///
/// # Errors
/// There is none, or the database cannot be used.
pub async fn find(engine: &Engine, name_or_id: &str) -> anyhow::Result<AccountId> {
    let found = engine.find_account(name_or_id).await.context("the account could not be looked up")?;
    found.map(|account| account.id).ok_or_else(|| anyhow!("there is no account {name_or_id:?}"))
}
