//! The command line. Every option can be given as an environment variable too.

pub mod account;
pub mod check;
pub mod erase;
pub mod key;
pub mod receive;
pub mod serve;

use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use signet_model::text::{AccountName, KeyName};

use receive::ReceiveArgs;

use crate::{
    config::{Concurrency, PublicUrl, Serve, Storage, duration},
    telemetry::Logging,
};

/// Signed webhooks with retries, and a dashboard to set them up.
#[derive(Debug, Parser)]
#[command(name = "signet", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What is logged.
    #[command(flatten)]
    pub logging: Logging,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the dashboard, the API and the delivery engine.
    Serve(Box<Serve>),
    /// Receive webhooks on this machine, verify and print them: to play with.
    Receive(Box<ReceiveArgs>),
    /// Manage the customers of your service.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Manage the keys with which your backend sends events in.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Check that everything that was accepted is accounted for. Can be run
    /// while servers run; exits with 1 if something does not add up.
    Check(CheckLedger),
    /// Erase everything that is stored about an account, or about one of its
    /// tasks. Can be run while servers run.
    Erase(Erase),
}

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Add an account and print the one-time link with which its owner signs up.
    Add(AddAccount),
    /// Print a new one-time link for an account that has no owner yet; the one of
    /// before ends.
    Link(LinkAccount),
}

/// `signet account add`
#[derive(Debug, Args)]
pub struct AddAccount {
    /// The name by which your backend calls the account.
    pub name: AccountName,
    /// Where browsers reach the dashboard, for the link.
    #[arg(long, value_name = "URL", env = "SIGNET_PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
    pub public_url: PublicUrl,
    /// Where the data is.
    #[command(flatten)]
    pub storage: Storage,
}

/// `signet account link`
#[derive(Debug, Args)]
pub struct LinkAccount {
    /// The account (name or id).
    pub name: String,
    /// Where browsers reach the dashboard, for the link.
    #[arg(long, value_name = "URL", env = "SIGNET_PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
    pub public_url: PublicUrl,
    /// Where the data is.
    #[command(flatten)]
    pub storage: Storage,
}

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, once.
    Add(AddKey),
}

/// `signet key add`
#[derive(Debug, Args)]
pub struct AddKey {
    /// The account (name or id) that the key speaks for. Without it the key is
    /// the operator's and may name any account.
    #[arg(long, env = "SIGNET_ACCOUNT")]
    pub account: Option<String>,
    /// What the key is for, so that it is recognised in the list.
    #[arg(long, env = "SIGNET_KEY_NAME")]
    pub name: KeyName,
    /// Where the data is.
    #[command(flatten)]
    pub storage: Storage,
}

/// `signet check`
#[derive(Debug, Args)]
pub struct CheckLedger {
    /// How long a delivery belongs to the process that attempts it: what the
    /// servers are told.
    #[arg(long, value_name = "TIME", env = "SIGNET_LEASE", default_value = "1m", value_parser = duration)]
    pub lease: Duration,
    /// What the servers are told as well: an endpoint may wait where they do as much as they may.
    #[command(flatten)]
    pub concurrency: Concurrency,
    /// Where the data is.
    #[command(flatten)]
    pub storage: Storage,
}

/// `signet erase`
#[derive(Debug, Args)]
pub struct Erase {
    /// The account (name or id).
    #[arg(long, env = "SIGNET_ACCOUNT")]
    pub account: String,
    /// The `taskId` of the events to erase. Without it the whole account is
    /// erased, with its webhooks, its keys and its people.
    #[arg(long, value_name = "ID", env = "SIGNET_TASK")]
    pub task: Option<String>,
    /// Really erase it. Without it only what would be erased is counted.
    #[arg(long, env = "SIGNET_YES")]
    pub yes: bool,
    /// Where the data is.
    #[command(flatten)]
    pub storage: Storage,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_has_an_environment_variable() {
        fn check(command: &clap::Command) {
            for option in command.get_arguments().filter(|it| it.get_long().is_some()) {
                let name = option.get_env().and_then(|it| it.to_str()).unwrap_or_default();
                assert!(name.starts_with("SIGNET_"), "--{} of {}", option.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
