//! What is measured, in the text format of Prometheus, on a listener of its own.
//!
//! The engine records into the exporter's memory; nothing is rendered until somebody asks. The
//! listener has no authentication, and answers `GET /metrics` and nothing else.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use axum::{
    Router,
    extract::State,
    http::{HeaderName, header},
    response::IntoResponse,
    routing::get,
};
use metrics::{Recorder, with_local_recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use metrics_process::Collector;
use signet_engine::{
    Engine, Shutdown,
    db::DatabaseUrl,
    metrics::{
        catalogue::{self, Kind, Metric},
        record_to,
    },
};
use tokio::{net::TcpListener, time::interval};
use tokio_util::sync::CancellationToken;

use crate::listener::{self, Front, Limits, Proxies};

/// The media type of the text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Connections of monitoring systems.
const LIMITS: Limits = Limits { connections: 32, connections_per_client: 32 };
/// How often single values are added to their histograms; they take memory until then.
const ADD_UP_EVERY: Duration = Duration::from_secs(5);

/// A bound listener for a monitoring system, whose metrics are being recorded.
pub struct MetricsListener {
    socket: TcpListener,
    exporter: Exporter,
}

/// The metrics of this process.
#[derive(Clone)]
struct Exporter {
    recorder: Arc<PrometheusRecorder>,
    process: Arc<Collector>,
}

impl MetricsListener {
    /// Binds the address, and begins to record.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(address: SocketAddr, database: &DatabaseUrl) -> anyhow::Result<Self> {
        let failed = || format!("cannot listen on {address}; choose another address with --metrics-listen");
        let socket = TcpListener::bind(address).await.with_context(failed)?;
        let exporter = Exporter::new()?;
        let database = match database {
            DatabaseUrl::Sqlite(_) => "sqlite",
            DatabaseUrl::Postgres(_) => "postgresql",
        };
        record_to(&*exporter.recorder, env!("CARGO_PKG_VERSION"), database);
        Ok(Self { socket, exporter })
    }

    /// Answers until the shutdown begins. `front` numbers the requests as elsewhere.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn serve(self, engine: &Engine, front: &Front, shutdown: &Shutdown) -> anyhow::Result<()> {
        let address = self.socket.local_addr()?;
        tracing::info!(%address, "listening for a monitoring system: GET /metrics");
        if !is_private(address.ip()) {
            tracing::warn!(
                %address,
                "--metrics-listen has a public address: everybody who reaches it reads what is measured. Choose an \
                 address of this machine or of a private network"
            );
        }
        let router = router(self.exporter.clone(), engine.clone());
        let front = Front { limits: LIMITS, proxies: Proxies::default(), tls: None, ..front.clone() };
        tokio::spawn(add_up(self.exporter.recorder.handle(), shutdown.begun.clone()));
        let (socket, shutdown) = (self.socket, shutdown.clone());
        tokio::spawn(async move { listener::serve(socket, router, front, &shutdown).await });
        Ok(())
    }
}

/// Adds single values to their histograms now and then, also if nobody asks.
async fn add_up(handle: PrometheusHandle, stopping: CancellationToken) {
    let mut ticks = interval(ADD_UP_EVERY);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

fn router(exporter: Exporter, engine: Engine) -> Router {
    Router::new().route("/metrics", get(answer)).with_state((exporter, engine))
}

async fn answer(State((exporter, engine)): State<(Exporter, Engine)>) -> impl IntoResponse {
    const HEADERS: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, TEXT),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    engine.measure().await;
    (HEADERS, exporter.render())
}

impl Exporter {
    fn new() -> anyhow::Result<Self> {
        let mut builder = PrometheusBuilder::new();
        for Metric { name, kind, .. } in catalogue::ALL {
            if let Kind::Histogram(buckets) = kind {
                builder = builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)?;
            }
        }
        let exporter = Self { recorder: Arc::new(builder.build_recorder()), process: Arc::new(Collector::default()) };
        exporter.with_process(Collector::describe);
        Ok(exporter)
    }

    fn render(&self) -> String {
        self.with_process(Collector::collect);
        self.recorder.handle().render()
    }

    /// Lets the collector record the figures of the process.
    fn with_process(&self, work: impl FnOnce(&Collector)) {
        let recorder: &dyn Recorder = &*self.recorder;
        with_local_recorder(recorder, || work(&self.process));
    }
}

/// Tells whether only this machine or a private network reaches an address.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests;
