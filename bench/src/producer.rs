//! Sends events in over kept connections, as a backend would.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet, time::Instant};

use crate::receiver::Journal;

/// The events to send, and the connections to send them over.
#[derive(Debug, Clone)]
pub struct Producer {
    /// The servers, which take turns with the connections.
    pub addresses: Arc<Vec<SocketAddr>>,
    pub api_key: String,
    pub accounts: Arc<Vec<String>>,
    /// Number of events in all.
    pub events: usize,
    /// Events in one request; 1 uses the operation for single events.
    pub batch: usize,
    pub connections: usize,
    /// Requests a second; as many as possible if `None`.
    pub rate: Option<u32>,
    /// Own event types that take turns; 0 sends a built-in type.
    pub event_types: usize,
}

impl Producer {
    /// Sends all events; returns the time until the last one was accepted.
    pub async fn run(&self, journal: &Arc<Journal>) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let next = Arc::new(AtomicUsize::new(0));
        let mut connections = JoinSet::new();
        for &address in self.addresses.iter().cycle().take(self.connections) {
            connections.spawn(self.clone().send(address, Arc::clone(&next), Arc::clone(journal), start));
        }
        while let Some(done) = connections.join_next().await {
            done??;
        }
        Ok(start.elapsed())
    }

    async fn send(
        self,
        address: SocketAddr,
        next: Arc<AtomicUsize>,
        journal: Arc<Journal>,
        start: Instant,
    ) -> anyhow::Result<()> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        loop {
            let first = next.fetch_add(self.batch, Ordering::Relaxed);
            if first >= self.events {
                return Ok(());
            }
            let tasks = first..(first + self.batch).min(self.events);
            if let Some(rate) = self.rate {
                let turn = u32::try_from(first / self.batch).context("fewer requests")?;
                tokio::time::sleep_until(start + Duration::from_secs(1) * turn / rate).await;
            }
            let request = self.request(address, tasks.clone())?;
            tasks.for_each(|task| journal.sent(task));
            sender.ready().await?;
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            let body = answer.into_body().collect().await?.to_bytes();
            ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        }
    }

    fn request(&self, address: SocketAddr, tasks: std::ops::Range<usize>) -> anyhow::Result<Request<Full<Bytes>>> {
        let (path, body) = if self.batch == 1 {
            ("/v1/events", self.event(tasks.start))
        } else {
            let entries: Vec<_> = tasks.map(|task| self.event(task)).collect();
            ("/v1/events/batch", format!("[{}]", entries.join(",")))
        };
        Ok(Request::post(path)
            .header(header::HOST, address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.api_key))
            .body(Full::new(body.into()))?)
    }

    fn event(&self, task: usize) -> String {
        let account = &self.accounts[task % self.accounts.len()];
        let event_type = match task.checked_rem(self.event_types) {
            Some(number) => event_type(number),
            None => "task.completed".to_owned(),
        };
        event(task, account, &event_type)
    }
}

/// The name of an own event type.
pub fn event_type(number: usize) -> String {
    format!("shop.event_{number}")
}

/// The schema of an own event type: that of the events here.
pub const SCHEMA: &str = r#"{"type":"object","required":["taskId","status","solution"],"properties":{
    "taskId":{"type":"string","pattern":"^task_[0-9]+$"},"status":{"enum":["ready","failed"]},
    "solution":{"type":"object","properties":{"token":{"type":"string","maxLength":200},"userAgent":{"type":"string"}}}}}"#;

/// One event of a usual size.
pub fn event(task: usize, account: &str, event_type: &str) -> String {
    format!(
        r#"{{"account":"{account}","event":"{event_type}","taskId":"task_{task}","status":"ready","solution":{{"token":"0.mF7gg2kQ3v9Jw1xZr8Lt5nBc6dYh4sUaPqEoViKlMnBvCxZ","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}}}}"#
    )
}
