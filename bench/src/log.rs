//! The list of deliveries over a very long log: the time of a page by each filter, also by those
//! that nothing matches.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use clap::Args;
use signet_engine::{
    Engine,
    service::{
        AccountHandle,
        deliveries::{Filter, ResultClass},
    },
};
use signet_model::{Timestamp, delivery::State};
use tokio::time::Instant;

use crate::{Options, fixture, stored::Filled};

/// The deliveries of a page.
const PAGE: u32 = 25;

/// The time of a page of a long log.
#[derive(Debug, Args)]
pub struct Log {
    /// The deliveries that are stored.
    #[arg(long, default_value_t = 10_000_000)]
    deliveries: u64,
    /// The webhooks that share them.
    #[arg(long, default_value_t = 20)]
    webhooks: usize,
    /// The pages of each filter.
    #[arg(long, default_value_t = 21)]
    pages: u32,
    /// A folder that keeps the log, or has the log of an earlier run.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Only the filters in whose name this is.
    #[arg(long, default_value = "")]
    only: String,
}

impl Log {
    /// Fills a database, and prints the median time of a page by each filter.
    pub async fn run(&self, options: &Options) -> anyhow::Result<()> {
        let temporary = tempfile::tempdir()?;
        let folder = self.folder.as_deref().unwrap_or(temporary.path());
        let (engine, filled) = self.open(options, folder).await?;
        println!("{:<48} {:>10} {:>10}", "filter", "median ms", "longest ms");
        for (name, filter) in filters(&filled).into_iter().filter(|(name, _)| name.contains(&self.only)) {
            let mut times = Vec::new();
            for page in 0..self.pages {
                times.push(time(engine.as_operator_in(filled.account), &filter, &filled, (page, self.pages)).await?);
            }
            times.sort();
            let millis = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
            println!("{name:<48} {:>10.2} {:>10.2}", millis(times.get(times.len() / 2)), millis(times.last()));
        }
        engine.close().await;
        Ok(())
    }

    /// Opens the log that the folder has, or fills one.
    async fn open(&self, options: &Options, folder: &Path) -> anyhow::Result<(Engine, Filled)> {
        let note = folder.join("log");
        if let Ok(text) = std::fs::read_to_string(&note) {
            let (url, begin) = text.split_once('\n').context("a note of a URL and an instant")?;
            let engine = fixture::open(&url.parse()?, folder).await?;
            let filled = Filled::of(&engine, Timestamp::from_unix_micros(begin.parse()?), self.deliveries).await?;
            return Ok((engine, filled));
        }
        let url = fixture::new_database(options.postgres.as_deref(), folder).await?;
        let engine = fixture::open(&url.parse()?, folder).await?;
        let filled = Filled::store(&engine, &url.parse()?, self.webhooks, self.deliveries).await?;
        std::fs::write(&note, format!("{url}\n{}", filled.begin.unix_micros()))?;
        Ok((engine, filled))
    }
}

fn filters(filled: &Filled) -> Vec<(String, Filter)> {
    let one = filled.endpoints.first().copied();
    let none = || Filter::default();
    let state = |state| Filter { state: Some(state), ..Filter::default() };
    let result = |class| Filter { result: Some(class), ..Filter::default() };
    let mut filters = vec![
        ("all".to_owned(), none()),
        ("one webhook".to_owned(), Filter { endpoint: one, ..none() }),
        ("type".to_owned(), Filter { event_types: Some(["task.completed".parse().expect("a type")].into()), ..none() }),
        (
            "type that nothing has".to_owned(),
            Filter { event_types: Some(["task.failed".parse().expect("a type")].into()), ..none() },
        ),
        ("status 200".to_owned(), Filter { status: Some(200), ..none() }),
        ("status 204, that nothing has".to_owned(), Filter { status: Some(204), ..none() }),
        ("status 404, that nothing has".to_owned(), Filter { status: Some(404), ..none() }),
        ("status 404 at one webhook".to_owned(), Filter { status: Some(404), endpoint: one, ..none() }),
        ("task".to_owned(), Filter { task: Some("task_77".to_owned()), ..none() }),
        ("beginning of a task".to_owned(), Filter { task: Some("task_7".to_owned()), task_begins: true, ..none() }),
        ("task that nothing has".to_owned(), Filter { task: Some("job_".to_owned()), task_begins: true, ..none() }),
        ("beginning of an id".to_owned(), Filter { id: "msg_0".parse().ok(), ..none() }),
        ("id that nothing has".to_owned(), Filter { id: "msg_7zzzzzzz".parse().ok(), ..none() }),
        (
            "failed with 4xx, that nothing has".to_owned(),
            Filter { state: Some(State::Failed), ..result(ResultClass::ClientError) },
        ),
    ];
    filters.extend(State::ALL.iter().map(|&it| (format!("state {}", it.as_str()), state(it))));
    filters.extend(ResultClass::ALL.iter().map(|&(class, name)| (format!("result {name}"), result(class))));
    filters
}

/// The time of all that a page reads, somewhere in the log.
async fn time(
    account: AccountHandle<'_>,
    filter: &Filter,
    filled: &Filled,
    (page, pages): (u32, u32),
) -> anyhow::Result<Duration> {
    let filter = Filter { until: Some(filled.begin + filled.span() * (page + 1) / pages), ..filter.clone() };
    let started = Instant::now();
    let (log, ..) = tokio::try_join!(
        account.deliveries_among(filter.searched_by_page(), &filter, None, PAGE),
        account.count_deliveries(&filter),
        account.receivers(),
    )?;
    let events: Vec<_> = log.deliveries.iter().filter_map(|one| one.as_ref().ok()).map(|one| one.event).collect();
    account.tasks_of(&events).await?;
    Ok(started.elapsed())
}
