//! A small HTTPS receiver that answers as it is told and keeps all requests.

use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use signet_model::endpoint::EndpointUrl;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The path of the request, with its slash.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: String,
}

/// An HTTPS server on a free port of `localhost`, until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    /// Its certificate authority, PEM.
    pub authority: Vec<u8>,
    port: u16,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

/// Comes to a status, sooner or later.
type Script = Arc<dyn Fn(Arrival) -> Pin<Box<dyn Future<Output = u16> + Send>> + Send + Sync>;

struct Shared {
    arrivals: Mutex<Vec<Arrival>>,
    count: watch::Sender<usize>,
    script: Mutex<Script>,
    drips: AtomicBool,
    /// Seconds; none if zero.
    retry_after: AtomicU64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Shared {
    /// Keeps a request, and makes its answer.
    fn keep(&self, arrival: Arrival) -> impl Future<Output = u16> + use<> {
        let script = Arc::clone(&self.script.lock().unwrap_or_else(PoisonError::into_inner));
        let answer = script(arrival.clone());
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.push(arrival);
        self.count.send_replace(arrivals.len());
        answer
    }
}

impl Receiver {
    /// Starts one that answers 200.
    pub async fn start() -> Self {
        let (authority, tls) = certificates();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            arrivals: Mutex::default(),
            count: watch::Sender::new(0),
            script: Mutex::new(Arc::new(|_| Box::pin(std::future::ready(200)))),
            drips: AtomicBool::new(false),
            retry_after: AtomicU64::new(0),
        });
        let server = tokio::spawn(serve(listener, TlsAcceptor::from(tls), Arc::clone(&shared)));
        Self { authority, port, shared, server }
    }

    /// A URL of the receiver.
    pub fn url(&self, path: &str) -> EndpointUrl {
        format!("https://localhost:{}/{path}", self.port).parse().expect("a URL")
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        self.answer_by(move |_| std::future::ready(status));
    }

    /// Answers from now on with the status that the script comes to, when it does.
    pub fn answer_by<F>(&self, script: impl Fn(Arrival) -> F + Send + Sync + 'static)
    where
        F: Future<Output = u16> + Send + 'static,
    {
        let script: Script = Arc::new(move |arrival| Box::pin(script(arrival)));
        *self.shared.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// Sends the bodies of its answers byte by byte from now on, and never their end.
    pub fn drip(&self) {
        self.shared.drips.store(true, Ordering::Relaxed);
    }

    /// Has `Retry-After` in its answers from now on, if there are seconds to wait.
    pub fn ask_to_wait(&self, seconds: u64) {
        self.shared.retry_after.store(seconds, Ordering::Relaxed);
    }

    /// The requests that have arrived.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many requests have arrived.
    pub async fn arrived(&self, count: usize) -> Vec<Arrival> {
        let mut counted = self.shared.count.subscribe();
        counted.wait_for(|&arrived| arrived >= count).await.expect("the receiver lives");
        self.arrivals()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn certificates() -> (Vec<u8>, Arc<rustls::ServerConfig>) {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["localhost".to_owned()])
        .expect("a name")
        .signed_by(&key, &authority)
        .expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("a server's configuration");
    (authority.pem().into_bytes(), Arc::new(config))
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            if let Ok(stream) = tls.accept(stream).await {
                // The peer may go away at any time.
                let _ = answer_all(stream, &shared).await;
            }
        });
    }
}

async fn answer_all(
    stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    shared: &Shared,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(arrival) = read_request(&mut stream).await? {
        let status = shared.keep(arrival).await;
        if shared.drips.load(Ordering::Relaxed) {
            return drip(stream.get_mut(), status).await;
        }
        let wait = match shared.retry_after.load(Ordering::Relaxed) {
            0 => String::new(),
            seconds => format!("retry-after: {seconds}\r\n"),
        };
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-type: text/plain\r\n{wait}content-length: 4\r\n\r\nnote");
        stream.get_mut().write_all(answer.as_bytes()).await?;
        stream.get_mut().flush().await?;
    }
    Ok(())
}

/// Answers with a body that never ends.
async fn drip(stream: &mut (impl AsyncWriteExt + Unpin), status: u16) -> std::io::Result<()> {
    stream.write_all(format!("HTTP/1.1 {status} x\r\ncontent-length: 1000000\r\n\r\n").as_bytes()).await?;
    loop {
        stream.write_all(b"x").await?;
        stream.flush().await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn read_request(stream: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Option<Arrival>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Arrival { path, headers, body: String::from_utf8_lossy(&body).into_owned() }))
}
