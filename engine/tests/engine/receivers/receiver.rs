//! The receiving side of the tests. A function serves each connection, so that it can break
//! the rules that an HTTP server keeps.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::certificates::{Authority, Flaw};

pub type Connection = TlsStream<TcpStream>;

/// Counts events of one kind.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicUsize>);

impl Counter {
    /// Counts one more, and returns the number before it.
    pub fn count(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A receiver that is listening.
pub struct Receiver {
    pub port: u16,
    /// The accepted connections, counted before TLS.
    pub connections: Counter,
}

impl Receiver {
    /// Listens, and does this with every bare connection and its number from 0.
    pub async fn bare<F, R>(serve: F) -> Self
    where
        F: Fn(TcpStream, usize) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let connections = Counter::default();
        let counter = connections.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let _ = connection.set_nodelay(true);
                tokio::spawn(serve(connection, counter.count()));
            }
        });
        Self { port, connections }
    }

    /// Listens with this TLS configuration. Connections with a failed handshake are dropped.
    pub async fn tls<F, R>(config: Arc<ServerConfig>, serve: F) -> Self
    where
        F: Fn(Connection, usize) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let (acceptor, serve) = (TlsAcceptor::from(config), Arc::new(serve));
        Self::bare(move |connection, number| {
            let (acceptor, serve) = (acceptor.clone(), Arc::clone(&serve));
            async move {
                if let Ok(connection) = acceptor.accept(connection).await {
                    serve(connection, number).await;
                }
            }
        })
        .await
    }

    /// Listens with a good certificate.
    pub async fn https<F, R>(authority: &Authority, serve: F) -> Self
    where
        F: Fn(Connection, usize) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self::tls(authority.server(Flaw::None, &["http/1.1"]), serve).await
    }

    /// Answers every request on every connection with these bytes.
    pub async fn answering(authority: &Authority, answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::https(authority, move |mut connection, _| {
            let answer = Arc::clone(&answer);
            async move {
                while read_request(&mut connection).await.is_some() {
                    if connection.write_all(&answer).await.is_err() {
                        break;
                    }
                }
            }
        })
        .await
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}/webhooks", self.port)
    }
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub head: String,
    pub body: Vec<u8>,
}

impl Arrived {
    /// The value of the header with exactly this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| line.split_once(": ").filter(|it| it.0 == name)).map(|it| it.1)
    }
}

/// Reads one request with `Content-Length`; `None` if the connection ends before it.
pub async fn read_request(connection: &mut (impl AsyncReadExt + Unpin)) -> Option<Arrived> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    let mut arrived = Arrived { head: String::from_utf8(head).ok()?, body: Vec::new() };
    arrived.body = vec![0; arrived.header("Content-Length")?.parse().ok()?];
    connection.read_exact(&mut arrived.body).await.ok()?;
    Some(arrived)
}
