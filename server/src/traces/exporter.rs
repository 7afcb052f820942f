//! The way of spans to a collector: a bounded queue, and one task that empties it.
//!
//! A span that finds the queue full is dropped and counted, and so are those that the collector does
//! not take: nothing waits for a collector. Its address is the operator's, so that the guard
//! against private addresses, which is for those of customers, is not asked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use opentelemetry::{KeyValue, trace::SpanKind};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SamplingDecision, ShouldSample, SpanExporter as _},
};
use reqwest::{Client, redirect};
use signet_engine::{
    Engine, metrics,
    outbound::tls_config,
    spans::{Span, SpanRecorder},
};
use signet_model::trace::TraceId;
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::JoinHandle,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::span_data;
use crate::config::TracesArgs;

/// Spans that may wait for the collector, some 2 MB of them.
const WAITING_MAX: usize = 4_096;
/// The most spans of one request.
const BATCH_MAX: usize = 512;
/// The time that spans wait for others, to share a request.
const GATHER_TIME: Duration = Duration::from_secs(1);
/// The time for a connection to the collector.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The time for one request, unless `OTEL_EXPORTER_OTLP_TIMEOUT` allows less.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Spans on their way to a collector.
#[derive(Debug)]
pub struct Export {
    ending: CancellationToken,
    task: JoinHandle<()>,
}

impl Export {
    /// Has the engine tell of spans from now on, and sends them to the collector of the options.
    /// `None` if they name none.
    ///
    /// # Errors
    /// The exporter cannot be set up.
    pub fn begin(args: &TracesArgs, authorities: &[Vec<u8>], engine: &Engine) -> anyhow::Result<Option<Self>> {
        let Some(collector) = &args.otlp_endpoint else { return Ok(None) };
        let url = collector.of_traces();
        let exporter = exporter(url.clone(), authorities)?;
        let (sender, spans) = channel(WAITING_MAX);
        let overflow = Arc::new(AtomicU64::new(0));
        let sampler = Sampler::TraceIdRatioBased(args.otlp_sample_ratio);
        engine.record_spans(Arc::new(Queue { sender, sampler, overflow: Arc::clone(&overflow) }));
        tracing::info!(%url, "sending traces");
        let ending = CancellationToken::new();
        let task = Task { exporter, spans, ending: ending.clone(), overflow, is_away: false };
        Ok(Some(Self { ending, task: tokio::spawn(task.run()) }))
    }

    /// Sends what is left, and ends.
    pub async fn end(self) {
        self.ending.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the last spans could not be sent");
        }
    }
}

fn exporter(url: String, authorities: &[Vec<u8>]) -> anyhow::Result<SpanExporter> {
    let client = Client::builder().tls_backend_preconfigured(tls_config(authorities)?);
    // A redirect would hand what OTEL_EXPORTER_OTLP_HEADERS holds to another server.
    let client = client.redirect(redirect::Policy::none()).connect_timeout(CONNECT_LIMIT).timeout(REQUEST_LIMIT);
    let client = client.build().context("the HTTP client for traces could not be set up")?;
    let exporter = SpanExporter::builder().with_http().with_http_client(client).with_endpoint(url);
    let mut exporter = exporter.build().context("the exporter of traces cannot be set up")?;
    exporter.set_resource(&resource());
    Ok(exporter)
}

/// Names this service, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` does.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let found = Resource::builder().with_attribute(version.clone()).build();
    let is_unnamed = found.get(&"service.name".into()).is_none_or(|name| name.as_str().starts_with("unknown_service"));
    if is_unnamed { Resource::builder().with_attribute(version).with_service_name("signet").build() } else { found }
}

/// Takes the spans of the engine.
struct Queue {
    sender: Sender<Span>,
    sampler: Sampler,
    /// Spans that found no place since the task looked last.
    overflow: Arc<AtomicU64>,
}

impl SpanRecorder for Queue {
    fn records(&self, trace: TraceId) -> bool {
        let trace = opentelemetry::TraceId::from_bytes(trace.bytes());
        let result = self.sampler.should_sample(None, trace, "", &SpanKind::Producer, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }

    fn take(&self, span: Span) {
        if self.sender.try_send(span).is_err() {
            metrics::spans_dropped(1);
            self.overflow.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends spans, many in a request.
struct Task {
    exporter: SpanExporter,
    spans: Receiver<Span>,
    ending: CancellationToken,
    overflow: Arc<AtomicU64>,
    /// The collector did not take the last spans, or not all of them, and the log says so.
    is_away: bool,
}

impl Task {
    async fn run(mut self) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                received = self.spans.recv_many(&mut batch, BATCH_MAX) => if received == 0 { return },
                () = self.ending.cancelled(), if !self.spans.is_closed() => {
                    // What is in the queue is still received.
                    self.spans.close();
                    continue;
                }
            }
            if batch.len() < BATCH_MAX {
                self.ending.run_until_cancelled(sleep(GATHER_TIME)).await;
            }
            while batch.len() < BATCH_MAX
                && let Ok(span) = self.spans.try_recv()
            {
                batch.push(span);
            }
            self.send(std::mem::take(&mut batch)).await;
        }
    }

    /// Sends spans. The log has one line when the collector begins to fail or to be too slow, and one
    /// when it has recovered.
    async fn send(&mut self, batch: Vec<Span>) {
        let count = batch.len();
        let sent = self.exporter.export(batch.into_iter().map(span_data::of).collect()).await;
        let overflow = self.overflow.swap(0, Ordering::Relaxed);
        if sent.is_err() {
            metrics::spans_dropped(u64::try_from(count).unwrap_or(u64::MAX));
        }
        match (&sent, overflow, self.is_away) {
            (Err(error), _, false) => {
                tracing::warn!(%error, "the collector takes no traces; spans are dropped until it does");
            }
            (Ok(()), 1.., false) => {
                tracing::warn!(spans = overflow, "more spans come than the collector takes; the rest is dropped");
            }
            (Ok(()), 0, true) => tracing::info!("the collector takes traces again"),
            _ => {}
        }
        self.is_away = sent.is_err() || overflow > 0;
    }
}
