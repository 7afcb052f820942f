//! `signet deliveries`: the log of an account, and with `--follow` each change in it.

mod known;
mod line;
mod log;

use std::{
    io::{self, ErrorKind, Write},
    time::Duration,
};

use clap::Args;
use signet_engine::Shutdown;
use tokio::time::{Instant, sleep};

use crate::{
    api_client::{ApiClient, ApiError, Waits},
    config::ApiArgs,
    shutdown,
};
use known::Known;
use log::{FilterArgs, Log, PAGE};

/// The time between two looks at the newest deliveries.
const LOOK: Duration = Duration::from_secs(1);
/// The time between two looks at all deliveries that are known.
const LOOK_AT_ALL: Duration = Duration::from_secs(10);

/// `signet deliveries`
#[derive(Debug, Args)]
pub struct DeliveriesArgs {
    /// Go on: show each delivery that comes, and each change of the last thousand. Ctrl-C
    /// ends it.
    #[arg(long, env = "SIGNET_FOLLOW")]
    follow: bool,
    /// The number of deliveries to list first, the newest last.
    #[arg(long, value_name = "NUMBER", env = "SIGNET_LIMIT", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1000))]
    limit: u32,
    /// Print a delivery as JSON, as the API tells it, in one line.
    #[arg(long, env = "SIGNET_JSON")]
    json: bool,
    /// The selection.
    #[command(flatten)]
    filter: FilterArgs,
    /// The API.
    #[command(flatten)]
    api: ApiArgs,
}

/// Lists deliveries, and follows them until the process is told to stop or its output is closed.
///
/// # Errors
/// The server refuses the key or the filter, or cannot be reached at the start.
pub async fn run(args: DeliveriesArgs) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    shutdown::begin_on_signals(&shutdown, Duration::ZERO)?;
    let told = shutdown.begun.run_until_cancelled(tell(args)).await;
    match told.unwrap_or(Ok(())) {
        Err(Ended::Refused(error)) => Err(error),
        Err(Ended::Output(error)) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Err(Ended::Output(_)) | Ok(()) => Ok(()),
    }
}

/// The reason for which nothing more is told.
enum Ended {
    /// The server refuses.
    Refused(anyhow::Error),
    /// The output takes no more.
    Output(io::Error),
}

impl From<anyhow::Error> for Ended {
    fn from(error: anyhow::Error) -> Self {
        Self::Refused(error)
    }
}

impl From<ApiError> for Ended {
    fn from(error: ApiError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

async fn tell(args: DeliveriesArgs) -> Result<(), Ended> {
    let client = ApiClient::new(&args.api)?;
    let account = client.account().await?;
    let log = Log::new(client, account, &args.filter, args.json);
    if args.follow {
        return Follower { log, known: Known::default() }.follow(args.limit as usize).await;
    }
    let mut listed = Vec::new();
    log.last(args.limit as usize, &mut listed).await?;
    say(listed.into_iter().rev().map(|delivery| delivery.text))
}

/// Follows a log.
struct Follower {
    log: Log,
    known: Known,
}

impl Follower {
    async fn follow(mut self, limit: usize) -> Result<(), Ended> {
        let mut last = Vec::new();
        let is_whole = self.log.last(Known::MOST, &mut last).await?;
        self.known.begin(&last, is_whole);
        last.truncate(limit);
        say(last.into_iter().rev().map(|delivery| delivery.text))?;
        let (mut waits, mut looked_at_all) = (Waits::default(), Some(Instant::now()));
        sleep(LOOK).await;
        loop {
            let is_all = looked_at_all.is_none_or(|at| at.elapsed() >= LOOK_AT_ALL);
            let mut changes = Vec::new();
            let outcome = self.look(is_all, &mut changes).await;
            say(changes.into_iter().rev())?;
            match outcome {
                Ok(()) => {
                    self.known.forget_oldest();
                    waits.reset();
                    looked_at_all = if is_all { Some(Instant::now()) } else { looked_at_all };
                    sleep(LOOK).await;
                }
                Err(error) if error.is_temporary() => {
                    // What follows the last page that was read can hold changes as well.
                    looked_at_all = None;
                    let wait = waits.next();
                    tracing::warn!("{error}; looking again in {wait:?}");
                    sleep(wait).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads the log from its newest delivery on, up to a page without changes, or, if all that
    /// is known is to be looked at, as many of those as that takes.
    async fn look(&mut self, is_all: bool, changes: &mut Vec<String>) -> Result<(), ApiError> {
        let quiet_pages = if is_all { Known::MOST.div_ceil(PAGE) } else { 1 };
        let (mut quiet, mut cursor) = (0, None);
        while quiet < quiet_pages {
            let page = self.log.page(PAGE, cursor.as_deref()).await?;
            let before = changes.len();
            let is_oldest = page.deliveries.iter().any(|delivery| self.known.is_older(delivery.id));
            changes.extend(page.deliveries.into_iter().filter_map(|delivery| self.known.note(delivery)));
            quiet = if changes.len() > before { 0 } else { quiet + 1 };
            cursor = page.next_cursor;
            if is_oldest || cursor.is_none() {
                break;
            }
        }
        Ok(())
    }
}

fn say(lines: impl Iterator<Item = String>) -> Result<(), Ended> {
    let mut output = io::stdout().lock();
    for line in lines {
        writeln!(output, "{line}")?;
    }
    Ok(output.flush()?)
}
