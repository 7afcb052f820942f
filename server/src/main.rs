//! Signet: a webhook settings dashboard with a signed delivery engine.

mod api_client;
mod assets;
mod book;
mod certificate;
mod commands;
mod config;
mod descriptors;
mod doctor;
mod event_type_file;
mod listener;
mod metrics;
mod middleware;
mod router;
mod shutdown;
mod storage;
mod supervisor;
mod telemetry;
mod top;
mod traces;

use std::process::ExitCode;

use clap::CommandFactory;
use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

use api_client::ApiError;
use commands::Cli;
use config::{Layers, environment};

/// A tenth of the time of a delivery goes into memory that one thread takes and
/// another gives back, which the system's allocator is slow at. Memory is wiped when it is
/// given back: a password stands in the buffers of its connection too, which no type of
/// ours could wipe.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    let layers = Layers::read(std::env::args_os(), &|name| std::env::var_os(name));
    match layers.parse() {
        Ok(cli) => start(cli, &layers).unwrap_or_else(|error| {
            eprintln!("signet: {}", one_line(&error));
            exit_code(&error)
        }),
        Err(refusal) => commands::refused(&layers, refusal),
    }
}

/// The status of sysexits.h for a failure that another try may not meet.
const TEMPORARY_FAILURE: u8 = 75;

fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<ApiError>() {
        Some(error) if error.is_temporary() => ExitCode::from(TEMPORARY_FAILURE),
        _ => ExitCode::FAILURE,
    }
}

/// The error and its causes in one line, without the backtrace that `RUST_BACKTRACE` asks for.
fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn start(cli: Cli, layers: &Layers) -> anyhow::Result<ExitCode> {
    if !cli.command.tells_all_faults() {
        environment::refuse_unknown(std::env::vars_os(), &Cli::command())?;
    }
    telemetry::start(&cli.logging);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(cli.command.run(layers));
    runtime.shutdown_timeout(shutdown::LAST_WAIT);
    outcome
}
