//! `cargo xtask`: everything that is done with this repository.

mod postgres;
mod process;
mod site;
mod step;
mod workspace;

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Everything that is done with this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build the browser side into `target/site`.
    Site,
    /// Run a command with a throw-away PostgreSQL server, whose address it finds
    /// in the environment variable `SIGNET_TEST_POSTGRES_URL`.
    Postgres {
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match perform(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<()> {
    match task {
        Task::Site => site::build(),
        Task::Postgres { command } => postgres::with_server(&command),
    }
}
