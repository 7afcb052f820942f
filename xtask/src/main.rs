//! `cargo xtask`: builds, starts, tests and measures Signet.

mod api_check;
mod bench;
mod binary;
mod book;
mod deny;
mod dist;
mod fuzz;
mod npm;
mod package;
mod postgres;
mod python;
mod run;
mod serving;
mod site;
mod step;
mod test;
mod upgrade_check;
mod workspace;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

use binary::Profile;

/// Builds, starts, tests and measures Signet.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build the server and start it, to try it out: its data is in `data`, and
    /// webhooks may reach receivers on this machine.
    Run {
        /// Compile the server as for production.
        #[arg(long)]
        release: bool,
        /// Arguments for `signet serve`.
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Build one self-contained binary for production.
    Build {
        /// Features of the server that it has not by itself, such as `otlp`.
        #[arg(long, value_delimiter = ',')]
        features: Vec<String>,
    },
    /// Make what a release consists of, in `target/dist`: an archive, a Debian package, the list
    /// of what they are made of, and checksums.
    Dist {
        /// What is packed.
        #[command(flatten)]
        options: dist::Options,
    },
    /// Pack a binary, check the packages and what is in `deploy`, and install and run them.
    PackageTest {
        /// A debug binary that was built before.
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
    },
    /// Run every check and test.
    Test {
        /// Leave out the tests of the built binary from outside: its packages, its
        /// API against its document, receivers in Node.js, and a browser.
        #[arg(long)]
        fast: bool,
    },
    /// Hold the answers of a running server to the API's document, on both databases.
    ApiCheck {
        /// A binary that was built before.
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
        /// How much is tried.
        #[command(flatten)]
        effort: api_check::Effort,
    },
    /// Upgrade from the previous release to the present one under load, on PostgreSQL.
    UpgradeCheck,
    /// Search for inputs that break a promise, from the corpus in `fuzz`.
    Fuzz {
        /// The targets to run.
        #[arg(value_parser = fuzz::TARGETS, default_values = fuzz::TARGETS)]
        targets: Vec<String>,
        /// Time for each target.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Measure a release build.
    Bench {
        /// Measure on PostgreSQL instead of SQLite.
        #[arg(long)]
        postgres: bool,
        /// Arguments for the bench; `all` by default.
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Put a steady load on a release build for an hour, with receivers that hang, fail, recover
    /// and lie, and with restarts; tell what grows, and fail if an event is lost.
    Soak {
        /// Soak on PostgreSQL instead of SQLite.
        #[arg(long)]
        postgres: bool,
        /// The length, in minutes.
        #[arg(long, default_value_t = 60)]
        minutes: u32,
        /// Events a second.
        #[arg(long, default_value_t = 20)]
        rate: u32,
        /// Minutes between two restarts, by SIGTERM and SIGKILL in turn.
        #[arg(long, default_value_t = 8)]
        restart_every: u32,
    },
    /// Build the browser side into `target/site`.
    Site,
    /// Build the documentation into `target/book`, and list the blocks of code in it that no
    /// test runs.
    Book,
    /// Run a command with a throw-away PostgreSQL server: the environment variable
    /// `SIGNET_TEST_POSTGRES_URL` holds its URL.
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

/// A binary that was built before, or a debug binary that is built now.
fn built(binary: Option<PathBuf>) -> Result<PathBuf> {
    binary.map_or_else(|| binary::build(Profile::Dev), Ok)
}

fn perform(task: Task) -> Result<()> {
    match task {
        Task::Run { release, arguments } => {
            run::serve(if release { Profile::Release } else { Profile::Dev }, &arguments)
        }
        Task::Build { features } => binary::release(&features),
        Task::Dist { options } => dist::make(&options),
        Task::PackageTest { binary } => package::test(&built(binary)?),
        Task::Test { fast } => test::all(fast),
        Task::ApiCheck { binary, effort } => api_check::check(&built(binary)?, &effort),
        Task::UpgradeCheck => upgrade_check::check(),
        Task::Fuzz { targets, seconds } => fuzz::run_each(&targets, seconds),
        Task::Bench { postgres, arguments } => bench::measure(postgres, &arguments),
        Task::Soak { postgres, minutes, rate, restart_every } => {
            let mut arguments = vec![OsString::from("soak")];
            for (name, value) in [("--minutes", minutes), ("--rate", rate), ("--restart-every", restart_every)] {
                arguments.extend([name.into(), value.to_string().into()]);
            }
            bench::measure(postgres, &arguments)
        }
        Task::Site => site::build(),
        Task::Book => {
            book::build()?;
            book::tell()
        }
        Task::Postgres { command } => postgres::with_server(&command),
    }
}
