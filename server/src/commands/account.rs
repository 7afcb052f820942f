//! `signet account`: accounts, and the links with which their owners sign up.

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use signet_engine::{
    Engine, Settings,
    actor::Operator,
    service::{Error, accounts::NameError},
};
use signet_model::{AccountId, text::AccountName};

use crate::{
    config::{LinkArgs, StorageArgs},
    storage,
};

/// The commands for accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Add an account and print the one-time link with which its owner signs up.
    Add(AccountAddArgs),
    /// Print a new one-time link for an account that has no owner yet, such as when
    /// the first link has expired; the one of before ends.
    Link(AccountLinkArgs),
}

/// `signet account add`
#[derive(Debug, Args)]
pub struct AccountAddArgs {
    /// The name by which your backend calls the account.
    name: AccountName,
    /// The link that is printed.
    #[command(flatten)]
    link: LinkArgs,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// `signet account link`
#[derive(Debug, Args)]
pub struct AccountLinkArgs {
    /// The account (name or id).
    name: String,
    /// The link that is printed.
    #[command(flatten)]
    link: LinkArgs,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// Adds an account and prints its one-time link.
///
/// # Errors
/// The name is taken, or the database cannot be used.
pub async fn add(args: AccountAddArgs) -> anyhow::Result<()> {
    let engine = storage::open(&args.storage).await?;
    let name = args.name.as_str();
    let account = match engine.accounts().create(&Operator::command(), &args.name).await {
        Err(NameError::Taken) => bail!("there is an account with the name {name:?} already"),
        created => created.context("the account could not be added")?,
    };
    print_link(&args.link, &engine, account.id).await
}

/// Prints a new one-time link for an account without an owner.
///
/// # Errors
/// There is no such account, it has an owner, or the database cannot be used.
pub async fn link(args: AccountLinkArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    let account = find(&engine, &args.name).await?;
    let taken = engine
        .account(&Operator::command().in_account(account))
        .has_owner()
        .await
        .context("the account's owner could not be looked up")?;
    ensure!(
        !taken,
        "the account {:?} has an owner already: make a link to set another password with `signet person reset-link`, \
         or have the owner invite others",
        args.name
    );
    print_link(&args.link, &engine, account).await
}

async fn print_link(link: &LinkArgs, engine: &Engine, account: AccountId) -> anyhow::Result<()> {
    let actor = Operator::command().in_account(account);
    let token = engine.account(&actor).create_setup_link().await.context("the link could not be made")?;
    println!("{}", setup_link(&link.origin(), &token));
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
    match engine.accounts().find(name_or_id).await {
        Err(Error::AccountNotFound) => bail!("there is no account {name_or_id:?}"),
        found => Ok(found.context("the account could not be looked up")?.id),
    }
}
