//! The course of an outage, as a producer, a supervisor, and the reader of the log see it.

use std::{collections::HashMap, net::SocketAddr, sync::atomic::Ordering};

use reqwest::{Client, StatusCode, header::RETRY_AFTER};
use signet_model::EventId;

use crate::{
    crash::{
        gate::{Gate, different_arrived},
        producer::{Producers, Refusal, Request, Sender},
        verify::{Tally, settled, verify},
        world::World,
    },
    patience::until,
    server::Server,
};

/// An attempt waits longer for its receiver than an outage takes here, and retries come soon.
pub const PATIENT: [&str; 6] =
    ["--budget", "30s", "--lease", "50s", "--retry-delays", "20ms,20ms,40ms,40ms,80ms,80ms,160ms,160ms,320ms,320ms"];

/// The events that are acknowledged before an outage, and after it.
const EVENTS: usize = 30;
/// The requests that are refused before it ends.
const REFUSALS: usize = 6;
/// The deliveries whose attempts are under way when it begins, and end during it.
const UNDER_WAY: usize = 8;

/// What the log says at the end.
const OVER: &str = "the database works again";

/// A server with producers at work, and attempts that end when they are told to.
pub struct Story {
    pub world: World,
    pub server: Server,
    producers: Producers,
    sender: Sender,
    gate: Gate,
    /// The events whose attempts are under way.
    under_way: HashMap<String, EventId>,
}

impl Story {
    /// Producers have events accepted and delivered, and then some attempts wait for the receiver.
    pub async fn begin(world: World, server: Server) -> Self {
        let producers = Producers::start(&world, 3, 14);
        producers.talk_to(Some(server.address));
        producers.journal.more(EVENTS).await;
        let (sender, gate) = (Sender::new(&world), Gate::close(&world.receiver));
        let arrived = different_arrived(&world.receiver, 1).await.len();
        let tasks: Vec<_> = (0..UNDER_WAY).map(|number| format!("under_way_{number}")).collect();
        let ids = sender.accepted(&server, &Request::batch(tasks.clone())).await;
        different_arrived(&world.receiver, arrived + UNDER_WAY).await;
        Self { world, server, producers, sender, gate, under_way: tasks.into_iter().zip(ids).collect() }
    }

    /// While the outage lasts: the log says `words`, events are refused, attempts end and are owed
    /// their record, and the process is alive and not ready.
    pub async fn lasts(&self, words: &str) {
        self.said(words).await;
        let (journal, probe) = (&self.producers.journal, Request::single("probe"));
        until("an event is refused", async || match self.sender.send(self.server.address, &probe).await {
            Ok(_) => false,
            Err(Refusal::Answered(status, headers)) => {
                assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                assert!(headers.contains_key(RETRY_AFTER), "{headers:?}");
                true
            }
            Err(Refusal::Lost) => panic!("no answer while the outage lasts"),
        })
        .await;
        self.gate.open();
        self.world.receiver.answer(200);
        let refused = journal.refused.load(Ordering::Relaxed);
        until("more is refused", async || journal.refused.load(Ordering::Relaxed) >= refused + REFUSALS).await;
        assert_eq!(status(self.server.address, "readyz").await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(self.server.address, "healthz").await, StatusCode::OK);
    }

    /// Waits until the log says something.
    pub async fn said(&self, words: &str) {
        until(words, async || self.world.log_so_far().contains(words)).await;
    }

    /// The outage is over: the server is ready and says so once. All is delivered, and was sent
    /// once; the log has told the outage in so many lines.
    pub async fn ends(mut self, lines: usize) -> Tally {
        self.said(OVER).await;
        until("the server is ready", async || status(self.server.address, "readyz").await == StatusCode::OK).await;
        self.producers.journal.more(EVENTS).await;
        let journal = self.producers.finish().await;
        settled(&self.world, &[self.world.endpoint]).await;
        self.server.stop().await;
        let mut acknowledged = journal.acknowledged();
        acknowledged.extend(self.under_way);
        let tally = verify(&self.world, &[self.world.endpoint], &acknowledged).await;
        assert_eq!((tally.failed, tally.held, tally.duplicates), (0, 0, 0), "{tally}");
        assert_eq!(tally.arrivals, tally.delivered, "each is sent once: {tally}");
        let log = self.world.log_so_far();
        let told: Vec<_> = log.lines().filter(|line| is_told(line)).collect();
        assert_eq!(told.len(), lines, "{told:#?}");
        assert_eq!(log.matches(OVER).count(), 1, "{log}");
        tally
    }
}

/// Lines that are no news: that of `--dev`, and one about outcomes whose commit was made and not
/// confirmed.
const AS_EVER: [&str; 2] = ["--dev", "outcomes dropped"];

/// True for a line about something that is wrong.
fn is_told(line: &str) -> bool {
    let is_wrong = line.contains(" WARN ") || line.contains(" ERROR ");
    is_wrong && !AS_EVER.iter().any(|words| line.contains(words))
}

/// The status with which a server answers a GET.
pub async fn status(server: SocketAddr, path: &str) -> StatusCode {
    let client = Client::builder().no_proxy().build().expect("a client");
    client.get(format!("http://{server}/{path}")).send().await.expect("an answer").status()
}
