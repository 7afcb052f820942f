//! `signet top`: what the servers on a database do at the moment.

use std::{io::IsTerminal, time::Duration};

use anyhow::Context;
use clap::Args;
use signet_engine::{clock::SystemClock, db::Look};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep},
};

use crate::{
    config::StorageArgs,
    storage,
    top::{Frame, Reader, Screen},
};

/// The time between two frames.
const PERIOD: Duration = Duration::from_secs(1);
/// Reading takes the database so small a part of the time: a twentieth.
const PART: u32 = 20;

/// `signet top`
#[derive(Debug, Args)]
pub struct TopArgs {
    /// Print one frame as plain text, and exit. So it is also when the output is no terminal.
    #[arg(long, env = "SIGNET_TOP_ONCE")]
    once: bool,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// Shows frames until the process is told to stop.
///
/// # Errors
/// The database cannot be read at the beginning.
pub async fn run(args: TopArgs) -> anyhow::Result<()> {
    let url = storage::url(&args.storage)?;
    storage::must_exist(&args.storage)?;
    let look =
        Look::at(&url).await.with_context(|| format!("the database {url:?} cannot be opened; check --database"))?;
    let mut reader = Reader::new(look, SystemClock);
    // Rates need two looks.
    reader.read().await.context("the database cannot be read; `signet doctor` looks for the reason")?;
    sleep(PERIOD).await;
    if args.once || !std::io::stdout().is_terminal() {
        let activity = reader.read().await.context("the database cannot be read")?;
        print!("{}", Frame { database: &url, activity: &activity, period: None });
        return Ok(());
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let _screen = Screen::enter()?;
    loop {
        let begun = Instant::now();
        let read = reader.read().await;
        let took = begun.elapsed();
        // A database that is busy is looked at less often.
        let period = PERIOD.max(took * PART);
        match &read {
            Ok(activity) => {
                let seldom = (period > PERIOD).then_some(period);
                Screen::show(&Frame { database: &url, activity, period: seldom }.to_string())?;
            }
            Err(error) => {
                Screen::show(&format!("The database cannot be read: {error}\nThis goes on when it can.\n"))?;
                if let Ok(look) = Look::at(&url).await {
                    reader = Reader::new(look, SystemClock);
                }
            }
        }
        tokio::select! {
            () = sleep(period.saturating_sub(took)) => {}
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        }
    }
}
