//! A receiver that answers at once or never, and notes the arrival of each task.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::{net::TcpListener, time::Instant};
use tokio_rustls::TlsAcceptor;

/// The instants at which each task was sent and arrived, in microseconds since the
/// start; zero until then.
#[derive(Debug)]
pub struct Journal {
    start: Instant,
    sent: Vec<AtomicU64>,
    arrived: Vec<AtomicU64>,
    arrivals: AtomicUsize,
    repeats: AtomicUsize,
}

impl Journal {
    pub fn new(tasks: usize) -> Arc<Self> {
        let zeros = || (0..tasks).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self {
            start: Instant::now(),
            sent: zeros(),
            arrived: zeros(),
            arrivals: AtomicUsize::new(0),
            repeats: AtomicUsize::new(0),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }

    pub fn sent(&self, task: usize) {
        self.sent[task].store(self.now(), Ordering::Relaxed);
    }

    /// Notes an arrival; returns whether it is the first one of the task.
    fn arrived(&self, task: usize) -> bool {
        let Some(arrived) = self.arrived.get(task) else { return false };
        let first = arrived.swap(self.now(), Ordering::Relaxed) == 0;
        let counter = if first { &self.arrivals } else { &self.repeats };
        counter.fetch_add(1, Ordering::Relaxed);
        first
    }

    /// The number of arrivals of tasks that had arrived before.
    pub fn repeats(&self) -> usize {
        self.repeats.load(Ordering::Relaxed)
    }

    /// The number of different tasks that have arrived.
    pub fn arrivals(&self) -> usize {
        self.arrivals.load(Ordering::Relaxed)
    }

    /// The time from sending to arrival of each task that has arrived, sorted.
    pub fn latencies(&self) -> Vec<Duration> {
        let mut latencies: Vec<_> = self
            .sent
            .iter()
            .zip(&self.arrived)
            .map(|(sent, arrived)| (sent.load(Ordering::Relaxed), arrived.load(Ordering::Relaxed)))
            .filter(|&(sent, arrived)| sent > 0 && arrived > 0)
            .map(|(sent, arrived)| Duration::from_micros(arrived.saturating_sub(sent)))
            .collect();
        latencies.sort_unstable();
        latencies
    }
}

#[derive(Debug)]
pub struct Receiver {
    pub port: u16,
    /// Its certificate authority, PEM.
    pub authority: String,
}

impl Receiver {
    /// Starts a receiver on a free port. It never answers requests below `/hang`; below `/fail` it
    /// is out of order when every fourth task arrives for the first time.
    pub async fn start(journal: Arc<Journal>) -> anyhow::Result<Self> {
        let (authority, tls) = certificates()?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let (tls, journal) = (tls.clone(), Arc::clone(&journal));
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let service = service_fn(move |request| answer(request, Arc::clone(&journal)));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Self { port, authority })
    }
}

async fn answer(request: Request<Incoming>, journal: Arc<Journal>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path().starts_with("/hang") {
        std::future::pending::<()>().await;
    }
    let fails = request.uri().path().starts_with("/fail");
    let mut answer = Response::new(Full::new(Bytes::from_static(b"ok")));
    if let Ok(body) = request.into_body().collect().await
        && let Some(task) = task(&body.to_bytes())
        && journal.arrived(task)
        && fails
        && task.is_multiple_of(4)
    {
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(answer)
}

/// The number in `"taskId":"task_123"`.
pub fn task(body: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(body).ok()?;
    let rest = text.split_once("\"task_")?.1;
    rest.split_once('"')?.0.parse().ok()
}

/// A certificate authority in PEM, and a receiver's end of TLS that it vouches for.
pub fn certificates() -> anyhow::Result<(String, TlsAcceptor)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)?;
    Ok((authority.pem(), TlsAcceptor::from(Arc::new(config))))
}
