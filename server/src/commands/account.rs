//! `signet account`: accounts, and the links with which their owners sign up.

use anyhow::{Context, anyhow, bail, ensure};
use signet_engine::{Engine, Settings};
use signet_model::AccountId;

use super::{AddAccount, LinkAccount};
use crate::config::PublicUrl;

/// Adds an account and prints its one-time link.
///
/// # Errors
/// The name is taken, or the database cannot be used.
pub async fn add(arguments: AddAccount) -> anyhow::Result<()> {
    let engine = arguments.storage.open().await?;
    let name = arguments.name.as_str();
    let Some(account) = engine.create_account(&arguments.name).await.context("the account could not be added")? else {
        bail!("there is an account with the name {name:?} already");
    };
    print_link(&engine, account.id, &arguments.public_url).await
}

/// Prints a new one-time link for an account that nobody signs in for yet.
///
/// # Errors
/// There is no such account, it has an owner, or the database cannot be used.
pub async fn link(arguments: LinkAccount) -> anyhow::Result<()> {
    let engine = arguments.storage.open_existing(Settings::default()).await?;
    let account = find(&engine, &arguments.name).await?;
    let taken = engine.has_members(account).await.context("the account's owner could not be looked up")?;
    ensure!(!taken, "the account {:?} has an owner already, who signs in with a password", arguments.name);
    print_link(&engine, account, &arguments.public_url).await
}

async fn print_link(engine: &Engine, account: AccountId, public_url: &PublicUrl) -> anyhow::Result<()> {
    let token = engine.create_setup_link(account).await.context("the link could not be made")?;
    println!("{}", setup_link(public_url.origin(), &token));
    Ok(())
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
