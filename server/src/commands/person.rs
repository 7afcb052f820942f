//! `signet person`: the people who sign in.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use signet_engine::{Settings, actor::Operator, service::Error};

use crate::{
    config::{LinkArgs, StorageArgs},
    storage,
};

/// The commands for people.
#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Print a one-time link with which a person sets another password. It holds for an
    /// hour; the one of before ends.
    ResetLink(ResetLinkArgs),
}

/// `signet person reset-link`
#[derive(Debug, Args)]
pub struct ResetLinkArgs {
    /// The e-mail address with which the person signs in.
    email: String,
    /// The link that is printed.
    #[command(flatten)]
    link: LinkArgs,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// Prints a link with which a person sets another password.
///
/// # Errors
/// Nobody signs in with the address, or the database cannot be used.
pub async fn reset_link(args: ResetLinkArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    let token = match engine.resets().make(&Operator::command(), &args.email).await {
        Err(Error::PersonNotFound) => bail!("nobody signs in with the address {:?}", args.email),
        made => made.context("the link could not be made")?,
    };
    println!("{}/reset/{token}", args.link.origin());
    Ok(())
}
