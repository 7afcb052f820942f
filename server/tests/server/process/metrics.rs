//! What a running server tells a monitoring system, against its own ledger, and the files in
//! `deploy` that make use of it.

mod files;

use std::{collections::HashMap, net::SocketAddr};

use serde_json::{Value, json};
use signet_engine::testing::Receiver;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Folder, developer::DATA, refusal};
use crate::{
    patience::{until, within},
    server::Server,
};

/// The members of an event that tells of a failure.
const FAILED: &str = r#"{"taskId":"task_1","errorId":10,"errorCode":"E"}"#;

/// A server with an account, a receiver that answers by its path, and a listener for metrics.
struct Watched {
    folder: Folder,
    server: Server,
    receiver: Receiver,
    operator: String,
    metrics: SocketAddr,
}

impl Watched {
    async fn start() -> Self {
        let folder = Folder::new();
        let receiver = Receiver::start().await;
        receiver.answer_by(async |arrival| match arrival.path.as_str() {
            "/failing" => 500,
            "/gone" => 410,
            _ => 204,
        });
        std::fs::write(folder.path().join("authority.pem"), &receiver.authority).expect("a file");
        folder.printed(&["account", "add", "acme"]).await;
        let operator = folder.printed(&["key", "add", "--name", "operator", "--scope", "all"]).await;
        let options =
            ["--dev", "--trust-ca", "authority.pem", "--retry-delays", "1h", "--metrics-listen", "127.0.0.1:0"];
        let mut server = folder.serve(&options).await;
        let line = server.wait_for_log("listening for a monitoring system").await;
        let address = line.trim().rsplit("address=").next().and_then(|it| it.split_whitespace().next());
        let metrics = address.and_then(|it| it.parse().ok()).expect("an address in the log");
        Self { folder, server, receiver, operator, metrics }
    }

    /// Posts to a path of the account; returns the status.
    async fn post(&self, path: &str, body: &Value) -> u16 {
        let url = format!("http://{}/v1/accounts/acme/{path}", self.server.address);
        let tls = signet_engine::outbound::tls_config(&[]).expect("TLS");
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls).build().expect("a client");
        let request = client.post(url).bearer_auth(&self.operator);
        let request = request.header("content-type", "application/json").body(body.to_string());
        within("an answer", request.send()).await.expect("an answer").status().as_u16()
    }

    async fn subscribe(&self, path: &str, event_type: &str) {
        let url = self.receiver.url(path);
        let body = json!({"url": url.as_str(), "eventTypes": [event_type]});
        assert_eq!(self.post("endpoints", &body).await, 201, "{path}");
    }

    async fn send(&self, event_type: &str, data: &str) {
        let mut send = self.folder.signet(&["send", event_type, "--account", "acme", "--data", data]);
        send.env("SIGNET_SERVER", format!("http://{}", self.server.address)).env("SIGNET_API_KEY", &self.operator);
        let output = within("the command ends", send.output()).await.expect("the binary");
        assert!(output.status.success(), "{output:?}");
    }

    /// What is told now.
    async fn scrape(&self) -> Scrape {
        let answer = get(self.metrics, "/metrics").await;
        let (head, text) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
        Scrape::read(text)
    }

    /// Waits until a sample has this value, and returns all of them.
    async fn told(&self, sample: &str, value: f64) -> Scrape {
        until(sample, async || (self.scrape().await.value(sample) - value).abs() < f64::EPSILON).await;
        self.scrape().await
    }

    /// The numbers of `signet check` by their names.
    async fn ledger(&self) -> HashMap<String, f64> {
        let printed = self.folder.printed(&["check"]).await;
        let counts = printed.lines().filter_map(|line| line.trim().split_once(' '));
        counts.filter_map(|(count, name)| Some((name.to_owned(), count.parse().ok()?))).collect()
    }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    within("an answer", stream.read_to_string(&mut answer)).await.expect("text");
    answer
}

/// The samples of one answer.
struct Scrape {
    text: String,
    samples: HashMap<String, f64>,
}

impl Scrape {
    fn read(body: &str) -> Self {
        let lines = body.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| line.rsplit_once(' '));
        let samples = samples.map(|(sample, value)| (sample.to_owned(), value.parse().expect("a number"))).collect();
        Self { text: body.to_owned(), samples }
    }

    /// The value of a sample, which is written with its labels.
    fn value(&self, sample: &str) -> f64 {
        *self.samples.get(sample).unwrap_or_else(|| panic!("{sample} is not in {}", self.text))
    }

    /// The sum over all labels.
    fn sum(&self, name: &str) -> f64 {
        let of = |sample: &str| sample.split('{').next() == Some(name);
        self.samples.iter().filter(|(sample, _)| of(sample)).map(|(_, value)| value).sum()
    }

    /// Returns true if a sample has this name.
    fn has(&self, name: &str) -> bool {
        self.samples.keys().any(|sample| sample.split('{').next() == Some(name))
    }
}

/// Everything that an operator would want to tell apart has happened once at least.
async fn eventful() -> (Watched, Scrape) {
    let watched = Watched::start().await;
    watched.subscribe("good", "task.completed").await;
    watched.subscribe("failing", "task.completed").await;
    watched.subscribe("gone", "task.failed").await;
    let metadata = json!({"url": "https://169.254.169.254/latest", "eventTypes": ["task.failed"]});
    assert_eq!(watched.post("endpoints", &metadata).await, 422);
    for _ in 0..3 {
        watched.send("task.completed", DATA).await;
    }
    watched.told("signet_deliveries_delivered_total", 3.0).await;
    watched.told("signet_deliveries_retried_total", 3.0).await;
    watched.send("task.failed", FAILED).await;
    watched.told("signet_deliveries_failed_total", 1.0).await;
    for _ in 0..2 {
        watched.send("task.failed", FAILED).await;
    }
    let scrape = watched.told("signet_deliveries_held_total{reason=\"gone\"}", 2.0).await;
    (watched, scrape)
}

#[tokio::test]
async fn what_is_told_agrees_with_the_ledger() {
    let (watched, _) = eventful().await;
    let ledger = watched.ledger().await;
    // The figures of the queue can be as old as two seconds.
    let told = watched.told("signet_pending_deliveries", ledger["pending"]).await;
    for (name, value) in [
        ("events", told.value("signet_events_accepted_total")),
        ("deliveries", told.value("signet_deliveries_created_total")),
        ("pending", told.value("signet_pending_deliveries")),
        ("delivered", told.value("signet_deliveries_delivered_total")),
        ("failed", told.value("signet_deliveries_failed_total")),
        ("held", told.sum("signet_deliveries_held_total")),
        ("attempts", told.sum("signet_attempts_total")),
        ("events", told.value("signet_commit_events_sum")),
        ("attempts", told.value("signet_commit_outcomes_sum")),
        ("delivered", told.value("signet_delivery_delay_seconds_count")),
        ("attempts", told.value("signet_first_attempt_delay_seconds_count")),
        ("attempts", told.value("signet_attempt_duration_seconds_count{phase=\"total\"}")),
    ] {
        assert!((ledger[name] - value).abs() < f64::EPSILON, "{value} are told and {ledger:?}");
    }
    for (sample, value) in [
        ("signet_attempts_total{result=\"success\"}", 3.0),
        ("signet_attempts_total{result=\"http_5xx\"}", 3.0),
        ("signet_attempts_total{result=\"http_4xx\"}", 1.0),
        ("signet_refused_addresses_total{kind=\"metadata\"}", 1.0),
        ("signet_events_refused_total{reason=\"overloaded\"}", 0.0),
        ("signet_oldest_due_age_seconds", 0.0),
        ("signet_slots_used{state=\"working\"}", 0.0),
        ("signet_commits_failed_total", 0.0),
        ("signet_database_up", 1.0),
    ] {
        assert!((told.value(sample) - value).abs() < f64::EPSILON, "{sample} is {}", told.value(sample));
    }
    let connections = told.value("signet_attempt_duration_seconds_count{phase=\"tls\"}");
    assert!((1.0..=7.0).contains(&connections), "{connections} connections for 7 attempts");
    assert!(told.value("signet_database_duration_seconds_count{operation=\"commit\"}") >= 6.0);
    assert!(told.value("process_resident_memory_bytes") > 1e6 && told.value("process_open_fds") > 3.0);
}

#[tokio::test]
async fn metrics_are_told_at_their_own_address_alone() {
    let watched = Watched::start().await;
    for path in ["/", "/healthz", "/login", "/v1/accounts"] {
        assert!(get(watched.metrics, path).await.starts_with("HTTP/1.1 404"), "{path}");
    }
    let public = get(watched.server.address, "/metrics").await;
    assert!(!public.contains("signet_events_accepted_total"), "{public}");
    let taken = watched.metrics.to_string();
    let elsewhere = Folder::new();
    let error = refusal(elsewhere.signet(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", &taken])).await;
    assert!(error.contains("choose another address with --metrics-listen"), "{error}");
    let error = refusal(elsewhere.signet(&["serve", "--listen", &taken, "--metrics-listen", &taken])).await;
    assert!(error.contains("are one address"), "{error}");
}
