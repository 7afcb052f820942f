//! Producers of events that may lose answers: a request with an idempotency key is sent
//! again until it is answered, another one is given up.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Client, StatusCode, header};
use serde_json::Value;
use signet_model::EventId;
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::world::World;
use crate::{patience::within, server::Server};

/// The time after which an answer is lost.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
/// The wait before a request is sent again.
const PAUSE: Duration = Duration::from_millis(10);

/// The events that were acknowledged to the producers.
#[derive(Debug, Default)]
pub struct Journal {
    tasks: AtomicUsize,
    acknowledged: Mutex<HashMap<String, EventId>>,
    /// The number of requests that were answered in another way than by 202.
    pub refused: AtomicUsize,
}

impl Journal {
    fn next_task(&self) -> String {
        format!("task_{}", self.tasks.fetch_add(1, Ordering::Relaxed))
    }

    fn acknowledge(&self, task: &str, event: EventId) {
        let mut acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *acknowledged.entry(task.to_owned()).or_insert(event);
        assert_eq!(first, event, "a repeated request for {task} made another event");
    }

    /// The events that were acknowledged, by their tasks.
    pub fn acknowledged(&self) -> HashMap<String, EventId> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many more events are acknowledged.
    pub async fn more(&self, count: usize) {
        let so_far = || self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len();
        let enough = so_far() + count;
        crate::patience::until("more events are acknowledged", async || so_far() >= enough).await;
    }
}

/// A request for some events.
#[derive(Debug, Clone)]
pub struct Request {
    tasks: Vec<String>,
    key: Option<String>,
    token: String,
}

impl Request {
    /// One event.
    pub fn single(task: &str) -> Self {
        Self::batch([task.to_owned()])
    }

    /// Many events at once.
    pub fn batch(tasks: impl IntoIterator<Item = String>) -> Self {
        Self { tasks: tasks.into_iter().collect(), key: None, token: "0.mF7".to_owned() }
    }

    /// The same, so that it can be repeated.
    pub fn with_key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    /// The same, with solutions of so many bytes.
    pub fn with_tokens(self, size: usize) -> Self {
        Self { token: "x".repeat(size), ..self }
    }

    fn path(&self) -> &'static str {
        if self.tasks.len() == 1 { "/v1/events" } else { "/v1/events/batch" }
    }

    fn body(&self) -> String {
        let token = &self.token;
        let event =
            |task| format!(r#"{{"event":"task.completed","taskId":"{task}","solution":{{"token":"{token}"}}}}"#);
        let events: Vec<_> = self.tasks.iter().map(event).collect();
        if let [event] = events.as_slice() { event.clone() } else { format!("[{}]", events.join(",")) }
    }
}

/// Why events were not acknowledged.
#[derive(Debug)]
pub enum Refusal {
    /// No answer came.
    Lost,
    /// Another answer than 202.
    Answered(StatusCode, header::HeaderMap),
}

/// A sender of requests over kept connections.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client,
    api_key: String,
}

impl Sender {
    pub fn new(world: &World) -> Self {
        // The first one wins; all are the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(ANSWER_LIMIT).no_proxy().build().expect("a client");
        Self { client, api_key: world.api_key.clone() }
    }

    /// Sends the request once. The events' ids are in the order of the tasks.
    pub async fn send(&self, server: SocketAddr, request: &Request) -> Result<Vec<EventId>, Refusal> {
        let url = format!("http://{server}{}", request.path());
        let mut post = self.client.post(url).bearer_auth(&self.api_key).header("content-type", "application/json");
        if let Some(key) = &request.key {
            post = post.header("idempotency-key", key);
        }
        let answer = post.body(request.body()).send().await.map_err(|_| Refusal::Lost)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.map_err(|_| Refusal::Lost)?;
        match ids(&text, request.tasks.len()) {
            Some(ids) if status == StatusCode::ACCEPTED => Ok(ids),
            _ => Err(Refusal::Answered(status, headers)),
        }
    }

    /// Posts to a path without a body, which must succeed.
    pub async fn post(&self, server: &Server, path: &str) {
        let url = format!("http://{}{path}", server.address);
        let answer = self.client.post(url).bearer_auth(&self.api_key).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Sends the request, which must be accepted.
    pub async fn accepted(&self, server: &Server, request: &Request) -> Vec<EventId> {
        self.send(server.address, request).await.expect("the events are accepted")
    }
}

/// The ids in an answer, if every entry has one.
fn ids(answer: &str, count: usize) -> Option<Vec<EventId>> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let entries = answer["results"].as_array().cloned().unwrap_or_else(|| vec![answer]);
    let ids: Vec<_> = entries.iter().map_while(|entry| entry["id"].as_str()?.parse().ok()).collect();
    (ids.len() == count).then_some(ids)
}

/// Producers that send without end.
#[derive(Debug)]
pub struct Producers {
    pub journal: Arc<Journal>,
    server: watch::Sender<Option<SocketAddr>>,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Producers {
    /// Starts so many, which wait until they are told where the server is.
    pub fn start(world: &World, count: u64, seed: u64) -> Self {
        let this = Self {
            journal: Arc::default(),
            server: watch::Sender::new(None),
            stop: CancellationToken::new(),
            running: JoinSet::new(),
        };
        let mut running = JoinSet::new();
        for number in 0..count {
            let producer = Producer {
                sender: Sender::new(world),
                server: this.server.subscribe(),
                journal: Arc::clone(&this.journal),
                random: StdRng::seed_from_u64(seed.wrapping_add(number)),
            };
            running.spawn(producer.run(this.stop.clone()));
        }
        Self { running, ..this }
    }

    /// Tells them where the server is now, or that there is none.
    pub fn talk_to(&self, server: Option<SocketAddr>) {
        self.server.send_replace(server);
    }

    /// Waits until the producers have ended the requests that they have begun.
    pub async fn finish(mut self) -> Arc<Journal> {
        self.stop.cancel();
        within("the producers end", async {
            while let Some(ended) = self.running.join_next().await {
                ended.expect("a producer that has nothing to complain of");
            }
        })
        .await;
        self.journal
    }
}

struct Producer {
    sender: Sender,
    server: watch::Receiver<Option<SocketAddr>>,
    journal: Arc<Journal>,
    random: StdRng,
}

impl Producer {
    async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let request = self.invent();
            self.submit(&request).await;
            if request.key.is_some() && self.random.random_bool(0.2) {
                // As if the answer had been lost.
                self.submit(&request).await;
            }
            let pause = Duration::from_millis(self.random.random_range(0..20));
            sleep(pause).await;
        }
    }

    fn invent(&mut self) -> Request {
        let count = if self.random.random_bool(0.3) { self.random.random_range(2..6) } else { 1 };
        let request = Request::batch((0..count).map(|_| self.journal.next_task()));
        if self.random.random_bool(0.5) {
            let key = format!("key of {}", request.tasks[0]);
            return request.with_key(&key);
        }
        request
    }

    /// Sends until the request is acknowledged, or once if it must not be repeated.
    async fn submit(&mut self, request: &Request) {
        loop {
            let server = self.server().await;
            match self.sender.send(server, request).await {
                Ok(ids) => {
                    for (task, id) in request.tasks.iter().zip(ids) {
                        self.journal.acknowledge(task, id);
                    }
                    return;
                }
                Err(refusal) => self.note(&refusal),
            }
            if request.key.is_none() {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    async fn server(&mut self) -> SocketAddr {
        let found = within("there is a server", self.server.wait_for(Option::is_some)).await;
        found.ok().and_then(|server| *server).expect("the producers outlive their requests")
    }

    fn note(&self, refusal: &Refusal) {
        if let Refusal::Answered(status, _) = refusal {
            // 202 is that of a batch with an entry that was refused.
            assert!(*status == StatusCode::ACCEPTED || *status == StatusCode::SERVICE_UNAVAILABLE, "{status}");
            self.journal.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}
