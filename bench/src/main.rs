//! Measures a real `signet serve` on this machine: a producer sends events in, a
//! receiver takes deliveries, and the server's CPU time is read from `/proc`.
//!
//! Machines differ and are shared: compare numbers of one run, and CPU time a
//! delivery rather than seconds.

mod api;
mod bare;
mod cpu;
mod fixture;
mod load;
mod log;
mod pages;
mod producer;
mod reader;
mod receiver;
mod report;
mod server;
mod soak;
mod stored;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use report::Report;

/// The allocator of the server, so that the bare loop is comparable with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures a real `signet serve` on this machine.
#[derive(Debug, Parser)]
struct Options {
    /// The release binary to measure.
    #[arg(long, env = "SIGNET_BIN", default_value = "target/release/signet")]
    signet: PathBuf,
    /// A PostgreSQL server to measure on; SQLite is measured without it.
    #[arg(long, env = "SIGNET_TEST_POSTGRES_URL", hide_env_values = true)]
    postgres: Option<String>,
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Debug, Subcommand)]
enum Measurement {
    /// The bare loop, and the standard loads one after the other.
    All {
        /// Send a tenth of the events.
        #[arg(long)]
        quick: bool,
    },
    /// One load.
    Load(load::Load),
    /// The time of the pages of a very long log, by each filter.
    Log(log::Log),
    /// The time of the list of webhooks of an account with many.
    Pages(pages::Pages),
    /// The cost of look-ups on PostgreSQL while a snapshot is held.
    Reader(reader::Reader),
    /// A steady load for an hour, with bad receivers and restarts: what grows, and what is lost.
    Soak(soak::Soak),
    /// A loop that only POSTs the same body with the same client: the lower limit of CPU time.
    Bare(bare::Bare),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    match &options.measurement {
        Measurement::Bare(bare) => bare.run().await,
        Measurement::Log(log) => log.run(&options).await,
        Measurement::Pages(pages) => pages.run(&options).await,
        Measurement::Reader(reader) => reader.run(&options).await,
        Measurement::Soak(soak) => soak.run(&options).await,
        Measurement::Load(load) => {
            Report::print_heading();
            load.measure(&options).await?.print();
            Ok(())
        }
        Measurement::All { quick } => all(&options, *quick).await,
    }
}

async fn all(options: &Options, quick: bool) -> anyhow::Result<()> {
    println!("{}", bare::measure(if quick { 5_000 } else { 50_000 }).await?);
    Report::print_heading();
    for load in load::standard(if quick { 10 } else { 1 }) {
        load.measure(options).await?.print();
    }
    Ok(())
}
