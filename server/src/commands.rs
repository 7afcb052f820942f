//! The command line: a file for each command, with its arguments and its texts. Every
//! option can be given as an environment variable too, except consent to erase; those of
//! `signet serve`, and what other commands share with it, in a configuration file as well.

pub mod account;
pub mod backup;
pub mod check;
pub mod completions;
pub mod config;
pub mod deliveries;
pub mod doctor;
pub mod erase;
pub mod event_type;
pub mod health;
pub mod key;
pub mod listen;
pub mod man;
pub mod migrate;
pub mod operator;
pub mod person;
pub mod portal_link;
pub mod receive;
pub mod restore;
pub mod restored;
pub mod sealing_key;
pub mod send;
pub mod serve;
pub mod top;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Layers, LoggingArgs, Refusal};
use account::AccountCommand;
use backup::BackupArgs;
use check::CheckArgs;
use completions::CompletionsArgs;
use config::ConfigCommand;
use deliveries::DeliveriesArgs;
use doctor::DoctorArgs;
use erase::EraseArgs;
use event_type::EventTypeCommand;
use health::HealthArgs;
use key::KeyCommand;
use listen::ListenArgs;
use man::ManArgs;
use migrate::MigrateArgs;
use operator::OperatorCommand;
use person::PersonCommand;
use portal_link::PortalLinkArgs;
use receive::ReceiveArgs;
use restore::RestoreArgs;
use restored::RestoredArgs;
use sealing_key::SealingKeyCommand;
use send::SendArgs;
use serve::ServeArgs;
use top::TopArgs;

/// Signed webhooks with retries, and a dashboard to set them up.
#[derive(Debug, Parser)]
#[command(name = "signet", version, about, max_term_width = 100)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// The log.
    #[command(flatten)]
    pub logging: LoggingArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the dashboard, the API and the delivery engine.
    Serve(Box<ServeArgs>),
    /// Receive webhooks on this machine, verify and print them: to play with.
    Receive(Box<ReceiveArgs>),
    /// Manage the customers of your service.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Manage the people who operate the server: they see all accounts in the dashboard.
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Print a portal link: it opens the dashboard of an account once, without a password.
    PortalLink(Box<PortalLinkArgs>),
    /// Help the people who sign in.
    #[command(subcommand)]
    Person(PersonCommand),
    /// Manage the keys with which your backend sends events in.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Rotate the key that seals secrets at rest. Can be run while servers run.
    #[command(subcommand)]
    SealingKey(SealingKeyCommand),
    /// Manage the catalogue of event types, which all accounts share.
    #[command(subcommand)]
    EventType(EventTypeCommand),
    /// Bring the schema of the database up to date. Can be run while servers run; a server does it
    /// at its start, unless it is told not to.
    Migrate(MigrateArgs),
    /// Look at the settings, and where each comes from.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at all that a server needs: settings, sealing key, clocks, database, disk, names,
    /// certificates, addresses. Says what to do, changes nothing, and exits with 1 if anything
    /// has failed. Takes the options of `signet serve`.
    Doctor(Box<DoctorArgs>),
    /// Show what the servers on a database do, each second: rates, what waits, webhooks that
    /// are slow or fail. Ctrl-C ends it.
    Top(TopArgs),
    /// Check that every accepted event is accounted for. Can be run while servers
    /// run; exits with 1 if a rule does not hold.
    Check(CheckArgs),
    /// Copy an SQLite database into a backup, and look it through. Can be run while a server runs.
    Backup(BackupArgs),
    /// Put a backup in the place of an SQLite database, which is kept beside it.
    Restore(RestoreArgs),
    /// Say that a database was restored by other means: what may have been sent already is marked.
    Restored(RestoredArgs),
    /// Erase all rows about an account, or about one of its tasks. Can be run while
    /// servers run.
    Erase(EraseArgs),
    /// Ask a server whether it is ready; exits with 0 if it is. Needs no key.
    Health(HealthArgs),
    /// Send an event through the API.
    Send(SendArgs),
    /// Hand the events of an account, or of one webhook, on to a program on this
    /// machine, as they happen.
    Listen(Box<ListenArgs>),
    /// List the last deliveries of an account, and follow them.
    Deliveries(Box<DeliveriesArgs>),
    /// Print a script with which your shell completes commands and options.
    Completions(CompletionsArgs),
    /// Write the manual: a page for each command.
    Man(ManArgs),
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// The command could not do its work.
    pub async fn run(self, layers: &Layers) -> anyhow::Result<ExitCode> {
        match self {
            Self::Doctor(args) => return Ok(doctor::run(&args, layers).await),
            Self::Top(args) => top::run(args).await?,
            Self::Config(command) => return config::run(&command, layers),
            Self::Check(args) => return check::run(args).await,
            Self::Erase(args) => erase::run(args).await?,
            Self::Backup(args) => backup::run(&args)?,
            Self::Restore(args) => restore::run(args).await?,
            Self::Restored(args) => restored::run(args).await?,
            Self::Migrate(args) => migrate::run(args).await?,
            Self::Serve(args) => serve::run(*args).await?,
            Self::Receive(args) => receive::run(*args).await?,
            Self::Account(AccountCommand::Add(args)) => account::add(args).await?,
            Self::Account(AccountCommand::Link(args)) => account::link(args).await?,
            Self::Operator(command) => operator::run(command).await?,
            Self::PortalLink(args) => portal_link::run(*args).await?,
            Self::Person(PersonCommand::ResetLink(args)) => person::reset_link(args).await?,
            Self::Key(command) => key::run(command).await?,
            Self::SealingKey(command) => sealing_key::run(command).await?,
            Self::Health(args) => health::run(args).await?,
            Self::Send(args) => send::run(args).await?,
            Self::EventType(command) => event_type::run(command).await?,
            Self::Listen(args) => listen::run(*args).await?,
            Self::Deliveries(args) => deliveries::run(*args).await?,
            Self::Completions(args) => completions::run(&args)?,
            Self::Man(args) => man::run(&args)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// True if the command tells all that is wrong with what was given, in place of the first
    /// thing.
    pub const fn tells_all_faults(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Doctor(_))
    }
}

/// Tells why a command is not run. Returns the status with which the process ends.
pub fn refused(layers: &Layers, refusal: Refusal) -> ExitCode {
    let command: Vec<_> = layers.command.iter().map(String::as_str).collect();
    if command == ["config", "check"] {
        return config::tell(layers, &[]);
    }
    match refusal {
        Refusal::Usage(error) => error.exit(),
        Refusal::File(faults) if command == ["doctor"] => {
            doctor::tell(crate::doctor::of_faults(faults), layers.is_asked_for("--json"))
        }
        Refusal::File(faults) => {
            let more = match faults.len() {
                0 | 1 => String::new(),
                others => format!(" ({} more: `signet config check` lists all)", others - 1),
            };
            eprintln!("signet: {}{more}", faults.first().map_or("", String::as_str));
            ExitCode::FAILURE
        }
    }
}

/// Each command with its path, such as `["account", "add"]`; the first path is empty.
#[cfg(test)]
fn each_command() -> Vec<(Vec<String>, clap::Command)> {
    fn add(path: &[String], command: &clap::Command, all: &mut Vec<(Vec<String>, clap::Command)>) {
        all.push((path.to_vec(), command.clone()));
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            add(&[path, &[command.get_name().to_owned()]].concat(), command, all);
        }
    }
    let (mut signet, mut all) = (<Cli as clap::CommandFactory>::command(), Vec::new());
    signet.build();
    add(&[], &signet, &mut all);
    all
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_texts_are_those_of_the_snapshots() {
        for (path, command) in each_command() {
            if path.is_empty() || !command.has_subcommands() {
                let mut command = command.term_width(100).mut_args(|option| option.hide_env_values(true));
                let name = ["signet".to_owned()].iter().chain(&path).cloned().collect::<Vec<_>>().join("_");
                assert_snapshot!(name, command.render_long_help());
            }
        }
    }

    #[test]
    fn every_option_has_an_environment_variable_except_consent_to_erase() {
        fn check(command: &clap::Command) {
            for option in command.get_arguments().filter(|it| it.get_long().is_some_and(|name| name != "yes")) {
                let name = option.get_env().and_then(|it| it.to_str()).unwrap_or_default();
                // The second is a standard of its own.
                let is_known = name.starts_with("SIGNET_") || name == "OTEL_EXPORTER_OTLP_ENDPOINT";
                assert!(is_known, "--{} of {}", option.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
