//! Measures a real `signet serve` on this machine: a producer sends events in, a
//! receiver takes deliveries, and the server's CPU time is read from `/proc`.
//!
//! Machines differ and are shared: compare numbers of one run, and CPU time per
//! delivery rather than seconds.

mod bare;
mod cpu;
mod fixture;
mod load;
mod producer;
mod receiver;
mod report;
mod server;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use report::Report;

/// The server's own, so that the bare loop is its limit.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What to measure.
#[derive(Debug, Parser)]
struct Options {
    /// The release binary to measure.
    #[arg(long, env = "SIGNET_BIN", default_value = "target/release/signet")]
    signet: PathBuf,
    /// A PostgreSQL server to measure on; SQLite is measured without it.
    #[arg(long, env = "SIGNET_TEST_POSTGRES_URL", hide_env_values = true)]
    postgres: Option<String>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// One load after the other, as listed in the documentation.
    All {
        /// A tenth of the events.
        #[arg(long)]
        quick: bool,
    },
    /// One load.
    Load(load::Load),
    /// A loop that only POSTs the same bodies with the same client: the limit.
    Bare(bare::Bare),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    match &options.what {
        What::Bare(bare) => bare.run().await,
        What::Load(load) => {
            Report::heading();
            load.measure(&options).await?.print();
            Ok(())
        }
        What::All { quick } => all(&options, *quick).await,
    }
}

async fn all(options: &Options, quick: bool) -> anyhow::Result<()> {
    println!("{}", bare::measure(if quick { 5_000 } else { 50_000 }).await?);
    Report::heading();
    for load in load::standard(if quick { 10 } else { 1 }) {
        load.measure(options).await?.print();
    }
    Ok(())
}
