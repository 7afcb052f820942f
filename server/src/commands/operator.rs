//! `signet operator`: the people who operate the server.

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use signet_engine::{Settings, actor::Operator, service::operators::Added};

use crate::{
    config::{LinkArgs, StorageArgs},
    storage,
};

/// The commands for operators.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Make a person an operator, who sees all accounts in the dashboard. For an address
    /// with which nobody signs in yet, print the one-time link with which they begin.
    Add(OperatorAddArgs),
    /// List the people who operate the server.
    List(OperatorListArgs),
    /// End that a person operates the server, and their sessions. They keep their accounts.
    Remove(OperatorRemoveArgs),
}

/// `signet operator add`
#[derive(Debug, Args)]
pub struct OperatorAddArgs {
    /// The person's e-mail address.
    email: String,
    /// The link that is printed.
    #[command(flatten)]
    link: LinkArgs,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// `signet operator list`
#[derive(Debug, Args)]
pub struct OperatorListArgs {
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// `signet operator remove`
#[derive(Debug, Args)]
pub struct OperatorRemoveArgs {
    /// The person's e-mail address.
    email: String,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// Runs a command.
///
/// # Errors
/// There is no such person, or the database cannot be used.
pub async fn run(command: OperatorCommand) -> anyhow::Result<()> {
    match command {
        OperatorCommand::Add(args) => add(args).await,
        OperatorCommand::List(args) => list(args).await,
        OperatorCommand::Remove(args) => remove(args).await,
    }
}

async fn add(OperatorAddArgs { email, link, storage }: OperatorAddArgs) -> anyhow::Result<()> {
    let engine = storage::open(&storage).await?;
    let added = engine.operators().add(&Operator::command(), &email).await;
    match added.with_context(|| format!("{email:?} was not made an operator"))? {
        Added::Link(token) => println!("{}/operator-setup/{token}", link.origin()),
        Added::Person(since) => {
            println!("{email} is an operator now, and has signed in here since {}", since.rfc3339_seconds());
        }
        Added::Already => println!("{email} was an operator before"),
    }
    Ok(())
}

async fn list(args: OperatorListArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    for person in engine.operators().list().await.context("the operators could not be read")? {
        let seen = person.seen_at.map_or_else(|| "never".to_owned(), signet_model::Timestamp::rfc3339_seconds);
        println!("{}\tsince {}\tlast seen {seen}", person.email, person.since.rfc3339_seconds());
    }
    Ok(())
}

async fn remove(OperatorRemoveArgs { email, storage }: OperatorRemoveArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&storage, Settings::default()).await?;
    let removed = engine.operators().remove(&Operator::command(), &email).await;
    let removed = removed.with_context(|| format!("{email:?} was not removed"))?;
    ensure!(removed, "{email:?} does not operate the server, and has no open link");
    println!("{email} operates the server no more");
    Ok(())
}
