//! Signet: a webhook settings dashboard with a signed delivery engine.

mod assets;
mod client;
mod commands;
mod config;
mod descriptors;
mod listener;
mod middleware;
mod notice;
mod rate_limit;
mod rest;
mod router;
mod shutdown;
mod storage;
mod telemetry;

use std::{process::ExitCode, time::Duration};

use clap::{CommandFactory, Parser};

use commands::{AccountCommand, Cli, Command, KeyCommand, account, check, erase, key, receive, serve};

/// A tenth of the time of a delivery goes into memory that one thread takes and
/// another gives back, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long tasks that do not end by themselves are waited for at the very end.
const LAST_WAIT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = Cli::parse();
    start(cli).unwrap_or_else(|error| {
        eprintln!("signet: {}", one_line(&error));
        ExitCode::FAILURE
    })
}

/// The error and its causes in one line, without the backtrace that `RUST_BACKTRACE` asks for.
fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn start(cli: Cli) -> anyhow::Result<ExitCode> {
    config::environment::refuse_unknown(std::env::vars_os(), &Cli::command())?;
    telemetry::start(&cli.logging);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(run(cli.command));
    runtime.shutdown_timeout(LAST_WAIT);
    outcome
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(arguments) => return check::run(arguments).await,
        Command::Erase(arguments) => erase::run(arguments).await?,
        Command::Serve(config) => serve::run(*config).await?,
        Command::Receive(arguments) => receive::run(*arguments).await?,
        Command::Account(AccountCommand::Add(arguments)) => account::add(arguments).await?,
        Command::Account(AccountCommand::Link(arguments)) => account::link(arguments).await?,
        Command::Key(KeyCommand::Add(arguments)) => key::add(arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
}
