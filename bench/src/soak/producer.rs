//! Sends events in at a steady pace, each until it is accepted: the service of a customer that
//! keeps an outbox.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use hyper::{Method, StatusCode};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{customers::Customer, journal::Journal};
use crate::{api::Api, fixture::Fixture, producer::event};

/// Requests that may be under way at one time.
const CONNECTIONS: usize = 8;
/// The wait before a request is sent again.
const PAUSE: Duration = Duration::from_millis(200);

/// The producers, until they are told to stop.
pub struct Producers {
    tasks: JoinSet<anyhow::Result<()>>,
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicBool>,
}

#[derive(Clone)]
struct Producer {
    rate: u32,
    begun: Instant,
    next: Arc<AtomicUsize>,
    accounts: Arc<Vec<String>>,
    journal: Arc<Journal>,
    stop: Arc<AtomicBool>,
}

impl Producers {
    /// Starts to send so many events a second.
    pub fn start(
        rate: u32,
        fixture: &Fixture,
        journal: &Arc<Journal>,
        address: &watch::Receiver<Option<std::net::SocketAddr>>,
    ) -> Self {
        let (stop, failed) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let producer = Producer {
            rate,
            begun: Instant::now(),
            next: Arc::default(),
            accounts: Arc::new(fixture.accounts.clone()),
            journal: Arc::clone(journal),
            stop: Arc::clone(&stop),
        };
        let mut tasks = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (producer, failed) = (producer.clone(), Arc::clone(&failed));
            let api = Api::new(address.clone(), &fixture.api_key);
            tasks.spawn(async move {
                let done = producer.send_all(&api).await;
                failed.fetch_or(done.is_err(), Ordering::Relaxed);
                done
            });
        }
        Self { tasks, stop, failed }
    }

    /// True if the server has answered in a way that no producer expects.
    pub fn have_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Stops once all events that were begun are accepted.
    pub async fn finish(mut self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(done) = self.tasks.join_next().await {
            done??;
        }
        Ok(())
    }
}

impl Producer {
    async fn send_all(&self, api: &Api) -> anyhow::Result<()> {
        while !self.stop.load(Ordering::Relaxed) {
            let task = self.next.fetch_add(1, Ordering::Relaxed);
            let turn = u32::try_from(task).context("fewer events")?;
            sleep_until(self.begun + Duration::from_secs(1) * turn / self.rate).await;
            self.send(api, task).await?;
        }
        Ok(())
    }

    /// Sends one event until it is accepted.
    async fn send(&self, api: &Api, task: usize) -> anyhow::Result<()> {
        let account = &self.accounts[Customer::of_task(task)];
        let body = event(task, account, "task.completed");
        let key = format!("task {task}");
        loop {
            self.journal.sent(task);
            match api.send(Method::POST, "/v1/events", Some(&key), body.clone()).await {
                Ok((StatusCode::ACCEPTED, answer)) => {
                    let event = answer["id"].as_str().context("an id")?.to_owned();
                    ensure!(answer["deliveries"] == 1, "{answer}");
                    self.journal.accepted(task, event);
                    return Ok(());
                }
                Ok((StatusCode::SERVICE_UNAVAILABLE, _)) | Err(_) => sleep(PAUSE).await,
                Ok((status, answer)) => bail!("{status}: {answer}"),
            }
        }
    }
}
