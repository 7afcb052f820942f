//! Requests to the API of whichever server runs at the moment.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    client::conn::http1::{SendRequest, handshake},
    header,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::TcpStream,
    sync::{Mutex, watch},
    time::timeout,
};

/// An answer must come within this time.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A caller of the API, over one connection that it keeps.
#[derive(Debug)]
pub struct Api {
    server: watch::Receiver<Option<SocketAddr>>,
    key: String,
    connection: Mutex<Option<Connection>>,
}

#[derive(Debug)]
struct Connection {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

impl Api {
    /// A caller with this key; `server` tells the address of the server, while there is one.
    pub fn new(server: watch::Receiver<Option<SocketAddr>>, key: &str) -> Self {
        Self { server, key: key.to_owned(), connection: Mutex::new(None) }
    }

    /// Sends one request and returns the answer; `Value::Null` if it is no JSON.
    ///
    /// # Errors
    /// There is no server, or no answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        body: String,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let address = (*self.server.borrow()).context("there is no server")?;
        let mut kept = self.connection.lock().await;
        let connection = match kept.take() {
            Some(connection) if connection.address == address && !connection.sender.is_closed() => connection,
            _ => Connection::open(address).await?,
        };
        let request = self.request(address, method, path, idempotency_key, body)?;
        // A connection is kept only if it has answered.
        let (connection, answer) = timeout(ANSWER_LIMIT, connection.ask(request)).await??;
        *kept = Some(connection);
        Ok(answer)
    }

    fn request(
        &self,
        address: SocketAddr,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        body: String,
    ) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        Ok(request.body(Full::new(body.into()))?)
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { address, sender })
    }

    async fn ask(mut self, request: Request<Full<Bytes>>) -> anyhow::Result<(Self, (StatusCode, Value))> {
        if self.sender.ready().await.is_err() {
            bail!("the connection is closed");
        }
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((self, (status, serde_json::from_slice(&body).unwrap_or_default())))
    }
}
