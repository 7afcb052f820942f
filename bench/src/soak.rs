//! A soak: a steady load for an hour with receivers that hang, fail, recover and lie, and with
//! restarts among them. Memory, descriptors and the database must stay as they are, and every
//! event that was accepted must be delivered, or it must be told why it was not.

mod customers;
mod journal;
mod ledger;
mod meter;
mod past;
mod people;
mod producer;
mod receiver;
mod table;
mod verdict;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use clap::Args;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{Options, api::Api, fixture::Fixture, server::Server};
use customers::CUSTOMERS;
use journal::Journal;
use meter::Meter;
use producer::Producers;
use receiver::Receiver;
use verdict::Verdict;

/// Receivers are waited for less long than by default, and deliveries fail within a minute and
/// not within a day, so that an hour sees all of a delivery's lives. Events of yesterday are old.
const SERVER_OPTIONS: [&str; 12] = [
    "--budget",
    "5s",
    "--lease",
    LEASE,
    "--retry-delays",
    "1s,2s,4s,8s,16s",
    "--keep-deliveries",
    "1d",
    "--keep-bodies",
    "1d",
    "--release-rate",
    "50",
];
/// The leases of the server.
const LEASE: &str = "15s";
/// What is still pending at the end must settle within this time.
const SETTLE_LIMIT: Duration = Duration::from_mins(10);

/// A soak.
#[derive(Debug, Clone, Args)]
pub struct Soak {
    /// The length of the soak, in minutes.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub minutes: u64,
    /// Events a second.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,
    /// Minutes between two restarts, by SIGTERM and SIGKILL in turn. Retention begins five
    /// minutes after a start: below that the database is not held to its size.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub restart_every: u64,
}

/// The world of a soak.
struct World {
    fixture: Fixture,
    journal: Arc<Journal>,
    /// The receivers answer well from now on.
    all_well: watch::Sender<bool>,
    /// The address of the server, while there is one.
    address: watch::Sender<Option<std::net::SocketAddr>>,
}

impl Soak {
    /// Soaks, and prints a table and a verdict.
    ///
    /// # Errors
    /// An event is lost, or something grows; or a part of the soak cannot be started.
    pub async fn run(&self, options: &Options) -> anyhow::Result<()> {
        let journal = Journal::new();
        let (all_well, well) = watch::channel(false);
        let receiver = Receiver::start(&journal, well).await?;
        let urls = CUSTOMERS.iter().map(|customer| receiver.url(*customer)).collect::<Result<Vec<_>, _>>()?;
        let fixture = Fixture::create(options.postgres.as_deref(), &urls, &receiver.authority, &[]).await?;
        let yesterday = self.seconds() * u64::from(self.rate);
        println!("stores {yesterday} events of yesterday, which retention is to remove");
        past::store(&fixture, yesterday, Duration::from_secs(self.seconds())).await?;
        let world = World { fixture, journal, all_well, address: watch::Sender::new(None) };
        let mut meter = Meter::new(&world.fixture).await?;
        let server = self.soak(&world, options, &mut meter).await?;
        let settled = world.settle(&meter).await;
        world.address.send_replace(None);
        server.stop().await?;
        settled?;
        let ledger = ledger::compare(&world.fixture, &world.journal, &options.signet, LEASE).await?;
        let verdict = Verdict::of(meter.samples(), Duration::from_secs(self.seconds()));
        println!("\n{verdict}\n{ledger}");
        ensure!(ledger.is_complete(), "events are lost");
        ensure!(verdict.is_flat(), "something grows");
        Ok(())
    }

    const fn seconds(&self) -> u64 {
        self.minutes * 60
    }

    /// Runs the load with its restarts, and returns the last server.
    async fn soak(&self, world: &World, options: &Options, meter: &mut Meter) -> anyhow::Result<Server> {
        let mut server = world.serve(options, meter).await?;
        let begun = Instant::now();
        world.journal.begin();
        let producers = Producers::start(self.rate, &world.fixture, &world.journal, &world.address.subscribe());
        let people = tokio::spawn(people::look_after(
            Api::new(world.address.subscribe(), &world.fixture.api_key),
            world.fixture.accounts.clone(),
        ));
        table::print_heading();
        let mut note = String::new();
        for minute in 1..=self.minutes {
            sleep_until(begun + Duration::from_mins(minute)).await;
            let sample = meter.sample(minute, &world.journal, std::mem::take(&mut note)).await?;
            table::print(&sample);
            ensure!(!producers.have_failed(), "a producer ended");
            if minute % self.restart_every == 0 && minute < self.minutes {
                let kill = (minute / self.restart_every).is_multiple_of(2);
                if kill { "SIGKILL" } else { "SIGTERM" }.clone_into(&mut note);
                meter.process_ends();
                world.address.send_replace(None);
                if kill {
                    server.kill().await?;
                } else {
                    server.stop().await?;
                }
                server = world.serve(options, meter).await?;
            }
        }
        producers.finish().await?;
        people.abort();
        Ok(server)
    }
}

impl World {
    async fn serve(&self, options: &Options, meter: &mut Meter) -> anyhow::Result<Server> {
        let (authority, key_file) = (self.fixture.authority(), self.fixture.key_file());
        let server =
            Server::start_with(&options.signet, &self.fixture.database, &authority, &key_file, &SERVER_OPTIONS).await?;
        meter.process_begins(server.id());
        self.address.send_replace(Some(server.address));
        Ok(server)
    }

    /// Waits until nothing is pending and nothing is held: the receivers are well, and people
    /// enable what was disabled.
    async fn settle(&self, meter: &Meter) -> anyhow::Result<()> {
        self.all_well.send_replace(true);
        let api = Api::new(self.address.subscribe(), &self.fixture.api_key);
        let deadline = Instant::now() + SETTLE_LIMIT;
        loop {
            let waiting = meter.waiting().await.context("what waits could not be counted")?;
            if waiting == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{waiting} deliveries have not settled in {SETTLE_LIMIT:?}");
            for account in &self.fixture.accounts {
                people::release(&api, account).await;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}
