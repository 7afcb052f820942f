//! A load: the events, the endpoints, and the conditions of their delivery.

use std::{iter, ops::Range, sync::Arc, time::Duration};

use anyhow::ensure;
use clap::Args;
use signet_model::endpoint::EndpointUrl;
use tokio::time::{Instant, sleep};

use crate::{
    Options, cpu,
    fixture::{Backlog, Fixture},
    producer::Producer,
    receiver::{Journal, Receiver},
    report::Report,
    server::Server,
};

/// A load without an arrival for this long has failed.
const STALLED: Duration = Duration::from_secs(30);

/// Pending deliveries of each hanging endpoint.
const HANGING_DELIVERIES: u32 = 10;

/// Seconds from the start within which pending deliveries fall due.
const OVERDUE: Range<i32> = -18_000..-3_600;
const MEANWHILE: Range<i32> = -60..60;
const LATER: Range<i32> = 3_600..18_000;

/// One load.
#[derive(Debug, Clone, Args)]
pub struct Load {
    /// Number of events.
    #[arg(long, default_value_t = Self::default().events)]
    pub events: usize,
    /// Events in one request.
    #[arg(long, default_value_t = Self::default().batch)]
    pub batch: usize,
    /// Endpoints that take turns, each of an account of its own.
    #[arg(long, default_value_t = Self::default().endpoints)]
    pub endpoints: usize,
    /// Add one endpoint that never answers.
    #[arg(long)]
    pub hanging: bool,
    /// Accounts with one endpoint each that never answers, at which deliveries fall due meanwhile.
    #[arg(long, default_value_t = Self::default().hanging_accounts)]
    pub hanging_accounts: usize,
    /// Endpoints of one more account that never answer, at which deliveries fall due meanwhile.
    #[arg(long, default_value_t = Self::default().hanging_endpoints)]
    pub hanging_endpoints: usize,
    /// Retries of another endpoint that are pending meanwhile.
    #[arg(long, default_value_t = Self::default().pending)]
    pub pending: u32,
    /// The pending retries are due already, at an endpoint that never answers.
    #[arg(long, requires = "pending")]
    pub overdue: bool,
    /// Requests a second; by default as many as possible.
    #[arg(long)]
    pub rate: Option<u32>,
    /// Event types of the operator's own that take turns, half of them with a schema; by default
    /// the events are of a built-in type.
    #[arg(long, default_value_t = Self::default().event_types)]
    pub event_types: usize,
    /// Servers beside each other, to which the events go in turn; several need PostgreSQL.
    #[arg(long, default_value_t = Self::default().processes)]
    pub processes: usize,
    /// Deliveries of another account that are stored already.
    #[arg(long, default_value_t = Self::default().stored)]
    pub stored: u64,
    /// Connections of the producer.
    #[arg(long, default_value_t = Self::default().connections)]
    pub connections: usize,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            events: 50_000,
            batch: 1,
            endpoints: 1,
            hanging: false,
            hanging_accounts: 0,
            hanging_endpoints: 0,
            pending: 0,
            overdue: false,
            rate: None,
            event_types: 0,
            processes: 1,
            stored: 0,
            connections: 16,
        }
    }
}

/// The loads of `all`, with their numbers of events divided by `divisor`.
pub fn standard(divisor: usize) -> Vec<Load> {
    let of = |events: usize| Load { events: events / divisor, ..Load::default() };
    let pending = u32::try_from(1_000_000 / divisor).unwrap_or(u32::MAX);
    vec![
        of(80_000),
        Load { batch: 100, ..of(100_000) },
        Load { endpoints: 100, ..of(50_000) },
        Load { endpoints: 10_000, ..of(50_000) },
        Load { event_types: 1_000, ..of(80_000) },
        Load { rate: Some(100), ..of(1_500) },
        Load { endpoints: 9, rate: Some(1_000), ..of(30_000) },
        Load { endpoints: 9, rate: Some(1_000), hanging: true, ..of(30_000) },
        Load { rate: Some(200), ..of(6_000) },
        Load { rate: Some(200), hanging_accounts: 600, hanging_endpoints: 2_000, ..of(6_000) },
        Load { pending, ..of(50_000) },
        Load { endpoints: 9, rate: Some(1_000), pending, overdue: true, ..of(30_000) },
    ]
}

impl Load {
    /// Starts a receiver and a server, sends the events, and waits until all have arrived.
    pub async fn measure(&self, options: &Options) -> anyhow::Result<Report> {
        let journal = Journal::new(self.events);
        let receiver = Receiver::start(Arc::clone(&journal)).await?;
        let urls = self.urls(receiver.port)?;
        let backlogs = self.backlogs(receiver.port)?;
        let fixture = Fixture::create(options.postgres.as_deref(), &urls, &receiver.authority, &backlogs).await?;
        fixture.add_event_types(self.event_types).await?;
        if self.stored > 0 {
            fixture.store(self.stored).await?;
        }
        let mut servers = Vec::with_capacity(self.processes);
        for _ in 0..self.processes {
            let (authority, key_file) = (fixture.authority(), fixture.key_file());
            servers.push(Server::start(&options.signet, &fixture.database, &authority, &key_file).await?);
        }
        let started_in = servers.iter().map(|server| server.started_in).max().unwrap_or_default();
        let postgres = fixture.postgres_process().await?;
        let producer = Producer {
            addresses: Arc::new(servers.iter().map(|server| server.address).collect()),
            api_key: fixture.api_key.clone(),
            accounts: Arc::new(fixture.accounts.clone()),
            events: self.events,
            batch: self.batch,
            connections: self.connections,
            rate: self.rate,
            event_types: self.event_types,
        };
        let each = || servers.iter().map(|server| cpu::time(server.id())).collect::<Vec<_>>();
        let used = || (each().into_iter().sum::<Duration>(), postgres.map(cpu::time).unwrap_or_default());
        let before_each = each();
        let (before, start) = (used(), Instant::now());
        let accepting = producer.run(&journal).await?;
        self.wait_for_arrivals(&journal).await?;
        let delivering = start.elapsed();
        let after = used();
        let report = Report {
            load: self.clone(),
            on_postgres: postgres.is_some(),
            delivered: journal.arrivals(),
            started_in,
            accepting,
            delivering,
            server_cpu: after.0.saturating_sub(before.0),
            database_cpu: after.1.saturating_sub(before.1),
            latencies: journal.latencies(),
            peak_memory: servers.iter().map(|server| cpu::peak_memory(server.id())).max().unwrap_or_default(),
            repeats: journal.repeats(),
            shares: each().into_iter().zip(before_each).map(|(after, before)| after.saturating_sub(before)).collect(),
        };
        for server in servers {
            server.stop().await?;
        }
        Ok(report)
    }

    fn urls(&self, port: u16) -> anyhow::Result<Vec<EndpointUrl>> {
        let healthy = (0..self.endpoints).map(|index| format!("https://localhost:{port}/e/{index}"));
        let hanging = self.hanging.then(|| format!("https://localhost:{port}/hang"));
        Ok(healthy.chain(hanging).map(|text| text.parse()).collect::<Result<_, _>>()?)
    }

    fn backlogs(&self, port: u16) -> anyhow::Result<Vec<Backlog>> {
        let retries = (self.pending > 0).then_some(Backlog {
            endpoints: 1,
            pending: self.pending,
            url: format!("https://localhost:{port}/{}", if self.overdue { "hang" } else { "e/0" }).parse()?,
            due: if self.overdue { OVERDUE } else { LATER },
        });
        let hanging = |endpoints| -> anyhow::Result<_> {
            let url = format!("https://localhost:{port}/hang").parse()?;
            Ok(Backlog { endpoints, pending: HANGING_DELIVERIES, url, due: MEANWHILE })
        };
        let accounts = iter::repeat_n(1, self.hanging_accounts);
        let sizes = accounts.chain((self.hanging_endpoints > 0).then_some(self.hanging_endpoints));
        retries.into_iter().map(Ok).chain(sizes.map(hanging)).collect()
    }

    /// The number of events that can arrive: all but those of the hanging endpoint.
    fn expected(&self) -> usize {
        if self.hanging {
            let accounts = self.endpoints + 1;
            (0..self.events).filter(|task| task % accounts != self.endpoints).count()
        } else {
            self.events
        }
    }

    async fn wait_for_arrivals(&self, journal: &Journal) -> anyhow::Result<()> {
        let mut progress = (journal.arrivals(), Instant::now());
        while progress.0 < self.expected() {
            sleep(Duration::from_millis(1)).await;
            let arrivals = journal.arrivals();
            if arrivals > progress.0 {
                progress = (arrivals, Instant::now());
            }
            ensure!(progress.1.elapsed() < STALLED, "only {arrivals} of {} events have arrived", self.expected());
        }
        Ok(())
    }
}
